//! The rules, each in a file of its own that is named like it.

use crate::rule::Rule;

pub mod database_matches_migrations;
pub mod entities_match_database;
pub mod entities_match_generated;
pub mod exceptions_current;
pub mod foreign_keys_indexed;
pub mod generated_queries_current;

/// All rules, by name.
pub static ALL: &[Rule] = &[
    database_matches_migrations::RULE,
    entities_match_database::RULE,
    entities_match_generated::RULE,
    exceptions_current::RULE,
    foreign_keys_indexed::RULE,
    generated_queries_current::RULE,
];

/// The rule of a name; `None`: there is none.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use std::fs;

    #[test]
    fn every_file_is_a_rule_of_its_name_and_the_list_is_in_order() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
        let mut files: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let rules: Vec<_> = ALL.iter().map(|rule| rule.id).collect();
        assert_eq!(rules, files);
    }

    #[test]
    fn every_rule_tells_what_harm_and_what_cure() {
        for rule in ALL {
            for text in [rule.says, rule.harm, rule.cure, rule.source] {
                assert!(text.len() > 10, "{}: {text:?}", rule.id);
            }
            for sentence in [rule.says, rule.harm, rule.cure] {
                assert!(sentence.ends_with('.'), "{}: {sentence}", rule.id);
            }
        }
    }
}
