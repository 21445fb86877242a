//! Statements of a customer transaction on Citus that run on the node of the organization's rows.
//!
//! The coordinator sends a query to one shard as a whole, but not one that inserts in a `with` query. So it is sent a query
//! that it does: a call of the function `run_on_shard()`, which `ops distribute` creates.

use sea_orm::{Statement, Values};

/// The call of `run_on_shard()` with the statement and its values as text. `columns` are those of its rows, with their types.
pub(crate) fn on_shard(statement: Statement, columns: &str) -> Statement {
    let Statement { sql, values, db_backend } = statement;
    let mut values = values.unwrap_or(Values(Vec::new())).0;
    let places: Vec<String> = (1..=values.len()).map(|place| format!("${place}::text")).collect();
    values.push(sql.into());
    // The condition is true for any rows. The table chooses the shard, by the tenant of its policy.
    let call = format!(
        "select * from run_on_shard(${}, array[{}]::text[]) as result ({columns}) \
         where not exists (select from campaigns limit 0)",
        values.len(),
        places.join(", "),
    );
    Statement { sql: call, values: Some(Values(values)), db_backend }
}

#[cfg(test)]
mod tests {
    use super::on_shard;
    use sea_orm::{DbBackend, Statement, Value, Values};

    #[test]
    fn the_statement_follows_its_values() {
        let statement = |sql: &str, values: &[Value]| Statement {
            sql: sql.to_owned(),
            values: Some(Values(values.to_vec())),
            db_backend: DbBackend::Postgres,
        };
        let sql = "with a as (insert into b values ($2, $1)) select 1 as c";
        let expected = statement(
            "select * from run_on_shard($3, array[$1::text, $2::text]::text[]) as result (c int4) \
             where not exists (select from campaigns limit 0)",
            &["x".into(), 2_i64.into(), sql.into()],
        );
        assert_eq!(on_shard(statement(sql, &["x".into(), 2_i64.into()]), "c int4"), expected);
    }
}
