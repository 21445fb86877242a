//! The rules, each in a file of its own that is named like it.

use crate::rule::Rule;

pub mod bigint_only;
pub mod categorical_columns_are_enums;
pub mod constraints_validated;
pub mod customer_privileges_minimal;
pub mod customer_role_unprivileged;
pub mod database_matches_migrations;
pub mod entities_match_database;
pub mod entities_match_generated;
pub mod exceptions_current;
pub mod external_ids_suffixed;
pub mod foreign_keys_indexed;
pub mod foreign_keys_on_delete_action;
pub mod functions_not_security_definer;
pub mod generated_queries_current;
pub mod id_prefixes_unique;
pub mod jsonb_only;
pub mod migration_header;
pub mod migration_lock_file_current;
pub mod migration_order;
pub mod migration_reversible;
pub mod migration_sql_safe;
pub mod migration_table_locks_documented;
pub mod naming_convention;
pub mod no_default_privileges;
pub mod no_event_triggers;
pub mod no_raw_sql_in_code;
pub mod no_sequences;
pub mod one_owner;
pub mod ordinary_tables_only;
pub mod owner_keys_cascade_or_set_null;
pub mod policies_canonical;
pub mod policies_to_customer_role;
pub mod primary_key_uuid;
pub mod privileges_granted_to_customer_only;
pub mod restrictive_policy_functions_stable;
pub mod row_level_security_enabled;
pub mod schema_docs_current;
pub mod schema_sql_current;
pub mod schema_sync_off;
pub mod tables_and_columns_documented;
pub mod tables_in_areas;
pub mod tenant_column;
pub mod tenant_foreign_keys_composite;
pub mod text_length_checked;
pub mod timestamps_present;
pub mod timestamptz_only;
pub mod triggers_enabled;
pub mod unique_indexes_exclude_soft_deleted;
pub mod unique_within_tenant;
pub mod updated_at_trigger;
pub mod views_security_invoker;

/// All rules, by name.
pub static ALL: &[Rule] = &[
    bigint_only::RULE,
    categorical_columns_are_enums::RULE,
    constraints_validated::RULE,
    customer_privileges_minimal::RULE,
    customer_role_unprivileged::RULE,
    database_matches_migrations::RULE,
    entities_match_database::RULE,
    entities_match_generated::RULE,
    exceptions_current::RULE,
    external_ids_suffixed::RULE,
    foreign_keys_indexed::RULE,
    foreign_keys_on_delete_action::RULE,
    functions_not_security_definer::RULE,
    generated_queries_current::RULE,
    id_prefixes_unique::RULE,
    jsonb_only::RULE,
    migration_header::RULE,
    migration_lock_file_current::RULE,
    migration_order::RULE,
    migration_reversible::RULE,
    migration_sql_safe::RULE,
    migration_table_locks_documented::RULE,
    naming_convention::RULE,
    no_default_privileges::RULE,
    no_event_triggers::RULE,
    no_raw_sql_in_code::RULE,
    no_sequences::RULE,
    one_owner::RULE,
    ordinary_tables_only::RULE,
    owner_keys_cascade_or_set_null::RULE,
    policies_canonical::RULE,
    policies_to_customer_role::RULE,
    primary_key_uuid::RULE,
    privileges_granted_to_customer_only::RULE,
    restrictive_policy_functions_stable::RULE,
    row_level_security_enabled::RULE,
    schema_docs_current::RULE,
    schema_sql_current::RULE,
    schema_sync_off::RULE,
    tables_and_columns_documented::RULE,
    tables_in_areas::RULE,
    tenant_column::RULE,
    tenant_foreign_keys_composite::RULE,
    text_length_checked::RULE,
    timestamps_present::RULE,
    timestamptz_only::RULE,
    triggers_enabled::RULE,
    unique_indexes_exclude_soft_deleted::RULE,
    unique_within_tenant::RULE,
    updated_at_trigger::RULE,
    views_security_invoker::RULE,
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
            for text in [rule.requires, rule.why, rule.fix, rule.source] {
                assert!(text.len() > 10, "{}: {text:?}", rule.id);
            }
            for sentence in [rule.requires, rule.why, rule.fix] {
                assert!(sentence.ends_with('.'), "{}: {sentence}", rule.id);
            }
        }
    }
}
