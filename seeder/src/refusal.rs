//! Turns a constraint violation into the fault of a record.

use environment::sqlite_primary_code;
use sea_orm::{DbErr, EntityTrait, IdenStatic, Iterable};

use crate::{Fault, error::sqlx_error};

/// The fault of the record of a failed statement, and its column if known; `None` if the record is not the cause.
pub(crate) fn refusal<E: EntityTrait>(error: &DbErr) -> Option<(Option<&'static str>, Fault)> {
    let error = sqlx_error(error)?.as_database_error()?;
    let code = error.code()?;
    let violated = match code.as_ref() {
        // PostgreSQL: integrity constraint violations name the constraint, but for NOT NULL.
        code if code.len() == 5 && code.starts_with("23") => {
            error.constraint().unwrap_or("a NOT NULL constraint").to_owned()
        }
        // Data exceptions; their message would quote the datum.
        code if code.len() == 5 && code.starts_with("22") => format!("PostgreSQL (SQLSTATE {code})"),
        // SQLite: constraint failed.
        code if sqlite_primary_code(code) == Some(19) => {
            let (kind, subject) = error.message().split_once(" constraint failed")?;
            match (kind, subject.trim_start_matches(": ")) {
                ("UNIQUE", columns) => unique_constraint(columns),
                (_, "") => format!("a {kind} constraint"),
                (_, name) => name.to_owned(),
            }
        }
        _ => return None,
    };
    let table = E::default().table_name();
    let rule = violated.split_once(&format!("_{table}_")).map(|(_, rule)| rule);
    let column = rule.and_then(column_of::<E>);
    let hint = match rule {
        _ if violated.starts_with("uq_") || violated.starts_with("pk_") => {
            "; another record in the database has the same"
        }
        Some(rule) if rule.ends_with("_e164") => {
            "; write a number as + and 2 to 15 digits, the first one not 0"
        }
        Some(rule) if rule.ends_with("_length") => "; shorten it",
        _ => "",
    };
    Some((column, Fault::Refused { column, constraint: violated, hint }))
}

/// The name on PostgreSQL of the constraint that SQLite describes as `users.email` or `t.a, t.b`.
fn unique_constraint(columns: &str) -> String {
    let names: Vec<_> =
        columns.split(", ").map(|column| column.split_once('.').unwrap_or(("", column))).collect();
    let table = names.first().map_or("", |(table, _)| table);
    let columns: Vec<_> = names.iter().map(|(_, column)| *column).collect();
    format!("uq_{table}_{}", columns.join("_"))
}

/// The column that a rule is about: the longest name in it, the tenant's only if there is no other.
fn column_of<E: EntityTrait>(rule: &str) -> Option<&'static str> {
    let rule = format!("_{rule}_");
    E::Column::iter()
        .map(|column| column.as_str())
        .filter(|name| rule.contains(&format!("_{name}_")))
        .max_by_key(|name| (*name != "organization_id", name.len()))
}

#[cfg(test)]
mod tests {
    use entity::{campaigns, contacts, exclusion_list_entries, user_organizations};

    use super::*;

    #[test]
    fn a_rules_column_is_found_in_its_name() {
        assert_eq!(column_of::<contacts::Entity>("phone_number_e164"), Some("phone_number"));
        assert_eq!(column_of::<contacts::Entity>("external_contact_id_length"), Some("external_contact_id"));
        assert_eq!(
            column_of::<exclusion_list_entries::Entity>("organization_id_phone_number"),
            Some("phone_number")
        );
        assert_eq!(column_of::<user_organizations::Entity>("organization_id_id"), Some("id"));
        assert_eq!(column_of::<campaigns::Entity>("call_window"), None);
    }

    #[test]
    fn sqlites_unique_columns_make_postgresqls_constraint_name() {
        assert_eq!(unique_constraint("users.email"), "uq_users_email");
        assert_eq!(
            unique_constraint("call_attempts.contact_id, call_attempts.attempt_number"),
            "uq_call_attempts_contact_id_attempt_number"
        );
    }
}
