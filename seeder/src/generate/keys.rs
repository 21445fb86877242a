//! The foreign keys of a chunk, checked once for each different key.
//!
//! PostgreSQL checks the keys of each row with queries of its own, which lock the referenced row (`FOR KEY SHARE`): 40 % of
//! the time of `COPY`. Most rows of a chunk refer to the same organization and campaign, or to other rows of the chunk.

use super::{copy::Outside, rows::Rows};

/// The keys that refer to rows outside the chunk.
pub(super) fn outside(chunk: &[Box<dyn Rows>]) -> Vec<Outside> {
    let mut outside = Vec::new();
    for rows in chunk {
        for reference in rows.references() {
            let mut keys = rows.keys(&reference.columns);
            if let Some(referred) = chunk.iter().find(|rows| rows.table() == reference.table) {
                for key in referred.keys(&reference.referred) {
                    keys.remove(&key);
                }
            }
            if !keys.is_empty() {
                outside.push(Outside { reference, keys });
            }
        }
    }
    outside
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::{rows::of_chunk, story::tests::plan};

    fn tables_outside(chunk: &[Box<dyn Rows>]) -> BTreeSet<String> {
        outside(chunk).into_iter().map(|outside| outside.reference.table).collect()
    }

    #[test]
    fn a_chunk_refers_to_its_organization_its_campaign_and_templates() {
        let plan = plan();
        for chunk in &plan.chunks {
            for Outside { reference, keys } in outside(&of_chunk(&plan, *chunk)) {
                assert!(
                    ["campaigns", "email_templates", "organizations"].contains(&reference.table.as_str())
                );
                assert!(keys.len() <= 3, "{}: {}", reference.table, keys.len());
            }
        }
    }

    #[test]
    fn a_reference_to_a_row_that_is_not_of_the_chunk_is_found() {
        let plan = plan();
        let mut chunk = of_chunk(&plan, plan.chunks[0]);
        assert!(!tables_outside(&chunk).contains("contacts"));
        assert_eq!(chunk.remove(0).table(), "contacts");
        assert!(tables_outside(&chunk).contains("contacts"));
    }
}
