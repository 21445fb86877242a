//! The example migrations of `docs/migrations.md`, in the order in which they can be applied to the current schema.
//!
//! They are written as files of `migration/src/migrations/` are, for both engines, and are no part of the schema.

mod add_column;
mod change_type_1_expand;
mod change_type_2_backfill;
mod change_type_3_contract;
mod check_1_add;
mod check_2_validate;
mod drop_column;
mod enum_value;
mod foreign_key_1_add;
mod foreign_key_2_index;
mod foreign_key_3_validate;
mod index;
mod not_null_1_check;
mod not_null_2_backfill;
mod not_null_3_validate;
mod not_null_4_set;
mod rename_1_expand;
mod rename_2_backfill;
mod rename_3_contract;
mod rename_required_1_expand;
mod rename_required_2_backfill;
mod rename_required_3_require;
mod rename_required_4_contract;
mod split_1_expand;
mod split_2_backfill;
mod split_3_contract;
mod unique_constraint;

use sea_orm_migration::prelude::MigrationTrait;

/// All of them.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(add_column::Migration),
        Box::new(index::Migration),
        Box::new(unique_constraint::Migration),
        Box::new(check_1_add::Migration),
        Box::new(check_2_validate::Migration),
        Box::new(not_null_1_check::Migration),
        Box::new(not_null_2_backfill::Migration),
        Box::new(not_null_3_validate::Migration),
        Box::new(not_null_4_set::Migration),
        Box::new(foreign_key_1_add::Migration),
        Box::new(foreign_key_2_index::Migration),
        Box::new(foreign_key_3_validate::Migration),
        Box::new(enum_value::Migration),
        Box::new(rename_1_expand::Migration),
        Box::new(rename_2_backfill::Migration),
        Box::new(rename_3_contract::Migration),
        Box::new(rename_required_1_expand::Migration),
        Box::new(rename_required_2_backfill::Migration),
        Box::new(rename_required_3_require::Migration),
        Box::new(rename_required_4_contract::Migration),
        Box::new(change_type_1_expand::Migration),
        Box::new(change_type_2_backfill::Migration),
        Box::new(change_type_3_contract::Migration),
        Box::new(split_1_expand::Migration),
        Box::new(split_2_backfill::Migration),
        Box::new(split_3_contract::Migration),
        Box::new(drop_column::Migration),
    ]
}
