//! A database that `ops distribute` distributed by Citus, and what a migrated one becomes in the same way.

use super::{Catalogue, Object, object};
use crate::{Error, Finding};
use migration::distributed;
use serde_json::{Map, Value};
use sqlx::{Connection as _, PgConnection};
use std::collections::{BTreeMap, BTreeSet};

/// What Citus chose in one database.
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    /// The number of the shard of each reference table: functions read the copy on their node by its name.
    copies: Vec<(String, i64)>,
    /// What a node has otherwise than the coordinator, to which each change of the schema is sent.
    pub(crate) nodes: Vec<Finding>,
}

impl Distribution {
    /// The distribution of a database; `None`: Citus is not installed, or has nothing distributed.
    pub(crate) async fn of(connection: &mut PgConnection) -> Result<Option<Self>, Error> {
        let has_citus = "select to_regclass('pg_catalog.pg_dist_partition') is not null";
        if !sqlx::query_scalar::<_, bool>(has_citus).fetch_one(&mut *connection).await? {
            return Ok(None);
        }
        // The function remains after the last table is undistributed by hand.
        let is_distributed = "select exists (select from pg_dist_partition) \
                              or to_regprocedure('public.run_on_shard(text, text[])') is not null";
        if !sqlx::query_scalar::<_, bool>(is_distributed).fetch_one(&mut *connection).await? {
            return Ok(None);
        }
        let copies = "select c.relname::text, s.shardid from pg_dist_partition d \
                      join pg_class c on c.oid = d.logicalrelid join pg_dist_shard s using (logicalrelid) \
                      where d.partmethod = 'n'";
        let copies = sqlx::query_as(copies).fetch_all(&mut *connection).await?;
        let nodes = sqlx::query_as(include_str!("nodes.sql")).bind(include_str!("node.sql"));
        let nodes: Vec<(String, String, String)> = nodes.fetch_all(connection).await?;
        let findings =
            nodes.into_iter().map(|(object, problem, fix)| Finding::of(object, problem).fixed_by(fix));
        Ok(Some(Self { copies, nodes: findings.collect() }))
    }

    /// Distributes a migrated database in the same way, on a server without Citus, reads it, and rolls back.
    pub(crate) async fn expected(&self, connection: &mut PgConnection) -> Result<Catalogue, Error> {
        let mut transaction = connection.begin().await?;
        sqlx::raw_sql(include_str!("citus.sql")).execute(&mut *transaction).await?;
        for (table, shard) in &self.copies {
            let copy = sqlx::query("insert into copies values ($1, $2)").bind(table).bind(shard);
            copy.execute(&mut *transaction).await?;
        }
        let steps = distributed::steps(&mut transaction).await?;
        distributed::apply(&mut transaction, &steps).await?;
        let distribution = objects(&mut transaction).await?;
        sqlx::raw_sql("drop schema citus cascade").execute(&mut *transaction).await?;
        let mut catalogue = Catalogue::read(&mut transaction).await?;
        transaction.rollback().await?;

        catalogue.objects.extend(distribution);
        for (name, value) in distributed::SETTINGS {
            let facets = Map::from_iter([("value".to_owned(), Value::from(value))]);
            let setting = Object { facets, ..Object::default() };
            catalogue.objects.insert(format!("setting {name} of the database"), setting);
        }
        // A role belongs to the whole server, so that of a scratch server is not altered.
        if let Some(customer) = catalogue.objects.get_mut("role customer") {
            customer.facets.insert("logs in".to_owned(), true.into());
        }
        Ok(catalogue)
    }
}

impl Catalogue {
    /// Adds how the tables are distributed, and removes what belongs to Citus itself.
    pub(crate) async fn add_distribution(&mut self, connection: &mut PgConnection) -> Result<(), Error> {
        self.objects.extend(objects(connection).await?);
        // `citus`, and in some releases `citus_columnar`.
        let is_citus = |name: &String| name.starts_with("extension citus");
        // A distributed table depends on the extension as well. Members of other kinds are in no catalogue.
        let is_member = |name: &String, object: &Object| {
            ["event trigger ", "schema "].iter().any(|kind| name.starts_with(kind))
                && object.needs.iter().any(is_citus)
        };
        let members: BTreeSet<String> = self
            .objects
            .iter()
            .filter(|(name, object)| is_citus(name) || is_member(name, object))
            .map(|(name, _)| name.clone())
            .collect();
        self.objects.retain(|name, object| {
            let is_grant = name.starts_with("grants ") && !object.parts_of.is_disjoint(&members);
            !is_grant && !members.contains(name)
        });
        Ok(())
    }
}

async fn objects(connection: &mut PgConnection) -> Result<BTreeMap<String, Object>, Error> {
    let rows = sqlx::query(include_str!("distribution.sql")).fetch_all(connection).await?;
    Ok(rows.iter().map(object).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::Distribution;
    use crate::subject;

    #[tokio::test]
    async fn a_migrated_database_is_distributed_on_a_server_without_citus() {
        let copies =
            [("users", 7), ("user_organizations", 8)].map(|(table, shard)| (table.to_owned(), shard));
        let distribution = Distribution { copies: copies.into(), nodes: Vec::new() };
        let expected = subject::migrated_by(None, Some(&distribution)).await.unwrap();
        let facet = |object: &str, facet: &str| {
            expected.objects[object].facets.get(facet).map(text).unwrap_or_default()
        };
        let tenants: Vec<&str> = expected
            .objects
            .keys()
            .filter_map(|name| name.strip_prefix("column ")?.strip_suffix(".organization_id"))
            .collect();
        assert!(tenants.contains(&"contacts"), "{tenants:?}");
        for table in tenants {
            let column = match table {
                "audit_log_entries" => "shard_key",
                "user_organizations" => "",
                _ => "organization_id",
            };
            assert_eq!(facet(&format!("distribution of table {table}"), "column"), column, "{table}");
        }
        assert_eq!(facet("constraint pk_contacts on contacts", "columns"), "organization_id, id");
        assert!(facet("function user_exists(visible_user uuid)", "body").contains("from users_7 "));
        assert_eq!(facet("setting plan_cache_mode of the database", "value"), "force_custom_plan");
        assert_eq!(facet("role customer", "logs in"), "true");
        let mut left = expected.objects.keys().filter(|name| name.contains(" citus."));
        assert_eq!(left.find(|name| !name.starts_with("setting ")), None);
        assert!(!expected.objects.contains_key("schema citus"));
    }
}
