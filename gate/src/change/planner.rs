//! What the parts of the comparison share.

use super::plan::Plan;
use super::refusal::{Refusal, Remedy};
use crate::catalogue::schema::Schema;
use crate::drift::Model;
use crate::drift::entities::Entities;
use std::collections::BTreeSet;

/// The column of the tenant.
pub(super) const TENANT: &str = "organization_id";

/// The comparison, and what it has found so far.
pub(super) struct Planner<'a> {
    pub(super) entities: &'a Entities,
    pub(super) schema: &'a Schema,
    pub(super) plan: Plan,
}

impl<'a> Planner<'a> {
    pub(super) fn entity(&self, table: &str) -> Option<&'a Model> {
        self.entities.tables.iter().find(|model| model.table == table)
    }

    pub(super) fn refuse(&mut self, object: impl Into<String>, problem: impl Into<String>, remedy: Remedy) {
        self.plan.refusals.push(Refusal { object: object.into(), problem: problem.into(), remedy });
    }
}

/// The columns of a unique key: the tenant first, the others in the order of the fields.
pub(super) fn ordered(columns: &BTreeSet<String>, entity: &Model) -> Vec<String> {
    let mut columns: Vec<String> = columns.iter().cloned().collect();
    let place = |column: &String| entity.columns.iter().position(|of| of == column);
    columns.sort_by_key(|column| (column != TENANT, place(column)));
    columns
}
