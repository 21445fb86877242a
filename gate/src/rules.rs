//! The rules, each in a file of its own that is named like it.

use crate::rule::Rule;

macro_rules! rules {
    ($($name:ident,)+) => {
        $(pub mod $name;)+

        /// All rules, by name.
        pub static ALL: &[Rule] = &[$($name::RULE),+];
    };
}

rules! {
    bigint_only,
    categorical_columns_are_enums,
    constraints_validated,
    customer_privileges_minimal,
    customer_role_unprivileged,
    database_matches_migrations,
    deleted_rows_decided,
    entities_match_database,
    entities_match_generated,
    exceptions_current,
    external_ids_suffixed,
    foreign_keys_indexed,
    foreign_keys_on_delete_action,
    functions_not_security_definer,
    generated_queries_current,
    grants_have_reasons,
    id_prefixes_unique,
    jsonb_only,
    migration_header,
    migration_lock_file_current,
    migration_order,
    migration_reversible,
    migration_sql_safe,
    migration_table_locks_documented,
    naming_convention,
    no_default_privileges,
    no_event_triggers,
    no_raw_sql_in_code,
    no_sequences,
    one_owner,
    ordinary_tables_only,
    owner_keys_cascade_or_set_null,
    personal_data_classified,
    policies_canonical,
    policies_to_customer_role,
    previous_release_compatible,
    primary_key_uuid,
    privileges_granted_to_customer_only,
    restrictive_policy_functions_stable,
    row_level_security_enabled,
    schema_docs_current,
    schema_sql_current,
    schema_sync_off,
    tables_and_columns_documented,
    tables_in_areas,
    tenant_column,
    tenant_foreign_keys_composite,
    text_length_checked,
    timestamps_present,
    timestamptz_only,
    triggers_enabled,
    unique_indexes_exclude_soft_deleted,
    unique_within_tenant,
    updated_at_trigger,
    views_security_invoker,
}

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
    fn every_rule_states_its_requirement_its_reason_and_a_fix() {
        for rule in ALL {
            for sentence in [rule.requires, rule.why, rule.fix] {
                assert!(sentence.len() > 10, "{}: {sentence:?}", rule.id);
                assert!(sentence.ends_with('.'), "{}: {sentence}", rule.id);
            }
        }
    }

    #[test]
    fn every_rule_links_to_its_convention_and_every_convention_to_its_rule() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let text = fs::read_to_string(format!("{root}/docs/conventions.md")).unwrap();
        let mut linked: Vec<(String, &str)> = text
            .split("\n### ")
            .skip(1)
            .map(|section| {
                let (heading, body) = section.split_once('\n').unwrap();
                let (_, link) = body.split_once("- **Rule:** [`").expect(heading);
                let (rule, file) = link.split_once("`](..").expect(heading);
                let (file, _) = file.split_once(')').unwrap();
                assert_eq!(file, format!("/gate/src/rules/{rule}.rs"));
                (format!("docs/conventions.md#{}", anchor(heading)), rule)
            })
            .collect();
        let mut cited: Vec<_> = ALL.iter().map(|rule| (rule.source.to_owned(), rule.id)).collect();
        cited.sort();
        linked.sort();
        assert_eq!(cited, linked);
    }

    /// The anchor that GitHub gives a heading.
    fn anchor(heading: &str) -> String {
        let kept = heading.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    }
}
