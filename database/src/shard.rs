//! Statements on Citus that run on the node of an organization's rows.
//!
//! The coordinator sends a query to one shard as a whole, but not one that inserts in a `with` query, and it locks no rows of
//! several shards. So it is sent a call of a function that `ops distribute` creates: `run_on_shard()` runs the statement on
//! the shard of a customer's organization, `run_on_shards()` on one shard after the other.

#![expect(clippy::disallowed_methods, reason = "the shards have no entity")]

use crate::Error;
use crate::driver::OpenTransaction;
use sea_orm::{DbBackend, Statement, Value, Values};
use uuid::Uuid;

/// Where the statements of a transaction run that the coordinator does not send to a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the database, which is not distributed.
    Whole,
    /// On the shard of the organization of a customer transaction.
    Bound,
    /// On one shard after the other.
    Each,
    /// On the shard of this organization, in an admin transaction.
    Of(Uuid),
}

/// On which shards a statement of an admin transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On all.
    All,
    /// Until there are as many rows as the parameter with this number, from 1, permits. The next shard gets what is left of it.
    Batch(i32),
    /// Until there is a row: the other shards have none.
    One,
    /// On that of the organization.
    Organization(Uuid),
}

impl Place {
    /// The statement in the form that runs there. `columns` are those of its rows, with their types.
    pub(crate) fn statement(self, statement: Statement, columns: &str, reach: Reach) -> Statement {
        let Statement { sql, values, db_backend } = statement;
        let mut values = values.unwrap_or(Values(Vec::new())).0;
        let count = values.len();
        let places: Vec<String> = (1..=count).map(|place| format!("${place}::text")).collect();
        let arguments = format!("${}, array[{}]::text[]", count + 1, places.join(", "));
        let organization = match self {
            Self::Whole => return Statement { sql, values: Some(Values(values)), db_backend },
            Self::Bound => {
                values.push(sql.into());
                // The condition is true for any rows. The table chooses the shard, by the tenant of its policy.
                let call = format!(
                    "select * from run_on_shard({arguments}) as result ({columns}) \
                     where not exists (select from campaigns limit 0)"
                );
                return Statement { sql: call, values: Some(Values(values)), db_backend };
            }
            Self::Each => None,
            Self::Of(organization) => Some(organization),
        };
        let (batch, organization) = match reach {
            Reach::All => (None, organization),
            Reach::Batch(number) => (Some(number), organization),
            Reach::One => (Some(0), organization),
            Reach::Organization(organization) => (None, Some(organization)),
        };
        values.extend([Value::from(sql), columns.into(), batch.into(), organization.into()]);
        let call = format!(
            "select * from run_on_shards({arguments}, ${}, ${}, ${}) as result ({columns})",
            count + 2,
            count + 3,
            count + 4,
        );
        Statement { sql: call, values: Some(Values(values)), db_backend }
    }
}

/// An organization of each shard that has any.
pub(crate) async fn organizations(db: &OpenTransaction) -> Result<Vec<Uuid>, Error> {
    let statement = "select organization_of_each_shard() as organization";
    let rows = db.query_all(Statement::from_string(DbBackend::Postgres, statement)).await?;
    Ok(rows.iter().map(|row| row.try_get("", "organization")).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::{Place, Reach};
    use sea_orm::{DbBackend, Statement, Value, Values};
    use uuid::Uuid;

    fn statement(sql: &str, values: &[Value]) -> Statement {
        Statement {
            sql: sql.to_owned(),
            values: Some(Values(values.to_vec())),
            db_backend: DbBackend::Postgres,
        }
    }

    const SQL: &str = "with a as (insert into b values ($2, $1)) select 1 as c";

    fn given() -> [Value; 2] {
        ["x".into(), 2_i64.into()]
    }

    #[test]
    fn a_statement_of_a_customer_follows_its_values() {
        let expected = statement(
            "select * from run_on_shard($3, array[$1::text, $2::text]::text[]) as result (c int4) \
             where not exists (select from campaigns limit 0)",
            &["x".into(), 2_i64.into(), SQL.into()],
        );
        let given = statement(SQL, &given());
        assert_eq!(Place::Bound.statement(given.clone(), "c int4", Reach::All), expected);
        assert_eq!(Place::Whole.statement(given.clone(), "c int4", Reach::All), given);
    }

    #[test]
    fn a_statement_on_each_shard_has_its_columns_its_maximum_and_the_only_organization() {
        let sql = "select * from run_on_shards($3, array[$1::text, $2::text]::text[], $4, $5, $6) as result (c int4)";
        let organization = Uuid::from_u128(1);
        for (place, reach, batch, only) in [
            (Place::Each, Reach::All, None, None),
            (Place::Each, Reach::One, Some(0), None),
            (Place::Of(organization), Reach::Batch(2), Some(2), Some(organization)),
            (Place::Each, Reach::Organization(organization), None, Some(organization)),
        ] {
            let values = [SQL.into(), "c int4".into(), Value::from(batch), Value::from(only)];
            let expected = statement(sql, &[given().to_vec(), values.to_vec()].concat());
            assert_eq!(place.statement(statement(SQL, &given()), "c int4", reach), expected);
        }
    }
}
