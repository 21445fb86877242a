//! `ops rebalance`: moves shards between the workers, by Citus' own functions.

use super::{column, open, run};
use crate::{Error, Target};
use entity::id::OrganizationId;
use environment::{Action, AppEnv, Mark, permit};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// The placements of the shards after the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The organization's own shard group was created, or existed.
    pub isolated: bool,
    /// Each worker with the number of its shards and their bytes.
    pub nodes: Vec<String>,
}

/// A shard of a table, whose colocated shards move with it.
const SHARD: &str = "select get_shard_id_for_distribution_column('campaigns', $1::uuid)";

/// The workers that cannot replicate a shard while it is written. Newer minor releases list the permitted output plugins.
const NOT_LOGICAL: &str = "select 1 from run_command_on_workers($$ \
    select current_setting('wal_level') = 'logical' \
       and coalesce(current_setting('output_plugin_libraries', true) ~ 'citus', true) $$) where result <> 't'";

/// Distributes the shards evenly; or gives an organization shards of its own, on the worker with the fewest bytes.
///
/// While a shard moves, its rows can be read. They can be written as well if each worker has `wal_level = logical` and, in
/// releases that know it, citus in `output_plugin_libraries`; otherwise a write waits.
///
/// # Errors
/// The database is not distributed, the organization does not exist, or the command is not permitted.
pub async fn rebalance(
    target: &Target,
    app_env: Option<AppEnv>,
    isolate: Option<OrganizationId>,
) -> Result<Moved, Error> {
    let mut connection = open(target, "rebalance").await?;
    let failed = Error::statement("moving shards", target);
    let marked = sqlx::raw_sql(Mark::QUERY).fetch_all(&mut connection).await.map_err(&failed)?;
    let mark = if marked.is_empty() { Mark::Absent } else { Mark::Production };
    permit(Action::Migrate, target.place(), app_env, mark, target)?;
    let is_logical = sqlx::raw_sql(NOT_LOGICAL).fetch_all(&mut connection).await.map_err(&failed)?.is_empty();
    let mode = if is_logical { "force_logical" } else { "block_writes" };
    if let Some(organization) = isolate {
        let found = "select exists (select from organizations where id = $1)";
        let organization = organization.as_uuid();
        let exists: bool =
            sqlx::query_scalar(found).bind(organization).fetch_one(&mut connection).await.map_err(&failed)?;
        if !exists {
            return Err(Error::NoOrganization { target: target.to_string() });
        }
        let shard: i64 =
            sqlx::query_scalar(SHARD).bind(organization).fetch_one(&mut connection).await.map_err(&failed)?;
        let is_alone: bool =
            sqlx::query_scalar("select shardminvalue = shardmaxvalue from pg_dist_shard where shardid = $1")
                .bind(shard)
                .fetch_one(&mut connection)
                .await
                .map_err(&failed)?;
        if !is_alone {
            let sql = format!(
                "select isolate_tenant_to_new_shard('campaigns', '{organization}'::uuid, 'CASCADE', '{mode}')"
            );
            run(&mut connection, &sql).await.map_err(&failed)?;
        }
        let shard: i64 =
            sqlx::query_scalar(SHARD).bind(organization).fetch_one(&mut connection).await.map_err(&failed)?;
        let to = "select s.nodename, s.nodeport, d.nodename, d.nodeport \
                  from citus_shards s, \
                      (select nodename, nodeport from pg_dist_node n \
                       where groupid <> 0 and noderole = 'primary' and isactive and shouldhaveshards \
                       order by (select coalesce(sum(shard_size), 0) from citus_shards o \
                                 where (o.nodename, o.nodeport) = (n.nodename, n.nodeport) and o.shardid <> $1) \
                       limit 1) as d \
                  where s.shardid = $1";
        let row = sqlx::query(to).bind(shard).fetch_one(&mut connection).await.map_err(&failed)?;
        let places: (String, i32, String, i32) = (row.get(0), row.get(1), row.get(2), row.get(3));
        let (from, from_port, to, to_port) = places;
        if (&from, from_port) != (&to, to_port) {
            let sql = "select citus_move_shard_placement($1, $2, $3, $4, $5, $6::citus.shard_transfer_mode)";
            sqlx::query(sql)
                .bind(shard)
                .bind(from)
                .bind(from_port)
                .bind(to)
                .bind(to_port)
                .bind(mode)
                .execute(&mut connection)
                .await
                .map_err(&failed)?;
        }
    } else {
        let sql = format!("select rebalance_table_shards(shard_transfer_mode => '{mode}')");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(&failed)?;
    }
    let nodes = "select format('%s:%s has %s shards, %s', nodename, nodeport, count(*), pg_size_pretty(sum(shard_size))) \
                 from citus_shards where citus_table_type = 'distributed' group by nodename, nodeport order by 1";
    let nodes = column(&mut connection, nodes).await.map_err(&failed)?;
    let _ = connection.close().await;
    Ok(Moved { isolated: isolate.is_some(), nodes })
}
