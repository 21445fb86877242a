//! Indexes that cost writes and return nothing.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked};
use crate::doctor::subject::Subject;
use crate::doctor::threshold::{MIB, Threshold, Unit};

pub const INVALID_INDEXES: Check = Check {
    id: "invalid_indexes",
    engines: Engines::Postgres,
    requires: "Every index is valid, or is being built.",
    reads: "`pg_index`, `pg_stat_progress_create_index`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "drop index concurrently …, correct the rows that violate it, and create it again",
    source: "https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
    look: |subject| Box::pin(invalid_indexes(subject)),
};

async fn invalid_indexes(subject: &mut Subject) -> Looked {
    let indexes: Vec<(String, String, bool)> = subject
        .rows(
            "select i.indexrelid::regclass::text, i.indrelid::regclass::text, i.indisunique \
             from pg_index i join pg_class c on c.oid = i.indexrelid \
             where c.relkind = 'i' and not (i.indisvalid and i.indisready and i.indislive) \
               and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid) \
             order by 1",
        )
        .await?;
    let findings = indexes
        .into_iter()
        .map(|(index, table, is_unique)| {
            let effect = if is_unique { "does not keep values unique" } else { "is not used" };
            Finding::fail(
                format!("the index {index}"),
                format!("it is invalid: {table} pays for it, and it {effect}"),
            )
            .fixed_by(INVALID_INDEXES.fix.replacen('…', &index, 1))
        })
        .collect();
    Ok(Found::counted(findings, "all are valid", "invalid"))
}

pub const DUPLICATE_INDEXES: Check = Check {
    id: "duplicate_indexes",
    engines: Engines::Postgres,
    requires: "No two indexes of a table have the same columns, order, operators and condition.",
    reads: "`pg_index`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "write a migration that drops the index: drop index concurrently …",
    source: "https://www.postgresql.org/docs/current/catalog-pg-index.html",
    look: |subject| Box::pin(duplicate_indexes(subject)),
};

async fn duplicate_indexes(subject: &mut Subject) -> Looked {
    // The index of a key or constraint stays, then a unique one, then the oldest.
    let indexes: Vec<(String, String, String)> = subject
        .rows(
            "with keyed as ( \
                 select i.indexrelid::regclass::text as name, i.indrelid::regclass::text as table_name, \
                        first_value(i.indexrelid::regclass::text) over same as kept, \
                        i.indisunique, exists (select from pg_constraint k where k.conindid = i.indexrelid \
                                               and k.contype in ('p', 'u', 'x')) as is_constraint \
                 from pg_index i join pg_class c on c.oid = i.indexrelid \
                      join pg_namespace n on n.oid = c.relnamespace \
                 where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and i.indisvalid \
                 window same as ( \
                     partition by i.indrelid, c.relam, i.indkey::text, i.indnkeyatts, i.indclass::text, \
                                  i.indcollation::text, i.indoption::text, pg_get_expr(i.indexprs, i.indrelid), \
                                  pg_get_expr(i.indpred, i.indrelid) \
                     order by exists (select from pg_constraint k where k.conindid = i.indexrelid \
                                      and k.contype in ('p', 'u', 'x')) desc, \
                              i.indisunique desc, i.indexrelid)) \
             select name, table_name, kept from keyed where name <> kept and not is_constraint order by 1",
        )
        .await?;
    let findings = indexes
        .into_iter()
        .map(|(index, table, kept)| {
            Finding::warn(
                format!("the index {index}"),
                format!("it equals {kept}, and {table} pays for both"),
            )
            .fixed_by(DUPLICATE_INDEXES.fix.replace('…', &index))
        })
        .collect();
    Ok(Found::counted(findings, "none", "duplicates"))
}

const UNUSED_LEAST: Threshold =
    Threshold::least("unused_indexes.least", 8.0 * MIB, Unit::Bytes, "smaller indexes cost little");
const UNUSED_SCANS: Threshold = Threshold::least(
    "unused_indexes.scans",
    10_000.0,
    Unit::Count,
    "scans of the table since its statistics were reset, as evidence that it is in use",
);

pub const UNUSED_INDEXES: Check = Check {
    id: "unused_indexes",
    engines: Engines::Postgres,
    requires: "A large index of a table in use is scanned, or is needed for a key.",
    reads: "`pg_stat_all_indexes`, `pg_stat_all_tables`, `pg_index`, `pg_constraint`, `pg_stat_database.stats_reset`",
    grant: "connect as a login of this database",
    thresholds: &[UNUSED_LEAST, UNUSED_SCANS],
    fix: "if no rare report and no standby uses it, write a migration that drops it: drop index concurrently …",
    source: "https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ALL-INDEXES-VIEW",
    look: |subject| Box::pin(unused_indexes(subject)),
};

#[expect(clippy::cast_precision_loss, reason = "numbers of scans")]
async fn unused_indexes(subject: &mut Subject) -> Looked {
    let (since,): (Option<String>,) = subject
        .row(
            "select to_char(stats_reset, 'YYYY-MM-DD') from pg_stat_database where datname = current_database()",
        )
        .await?;
    // A foreign key needs the index that begins with one of its columns, whether or not rows of the parent are deleted.
    let indexes: Vec<(String, String, f64, i64)> = subject
        .rows(
            "select s.indexrelid::regclass::text, s.relid::regclass::text, \
                    c.relpages::float8 * current_setting('block_size')::float8, \
                    coalesce(t.seq_scan, 0) + coalesce(t.idx_scan, 0) \
             from pg_stat_user_indexes s join pg_class c on c.oid = s.indexrelid \
                  join pg_index i on i.indexrelid = s.indexrelid \
                  join pg_stat_user_tables t on t.relid = s.relid \
             where s.idx_scan = 0 and i.indisvalid and not i.indisunique \
               and not exists (select from pg_constraint k where k.conindid = s.indexrelid) \
               and not exists (select from pg_constraint k where k.contype = 'f' and k.conrelid = i.indrelid \
                               and i.indkey[0] = any (k.conkey)) \
             order by c.relpages desc",
        )
        .await?;
    let (least, scans) = (subject.limit(&UNUSED_LEAST), subject.limit(&UNUSED_SCANS));
    let since = since.map_or_else(|| "ever".to_owned(), |date| format!("since {date}"));
    let findings = indexes
        .into_iter()
        .filter(|(.., size, used)| *size >= least && *used as f64 >= scans)
        .map(|(index, table, size, used)| {
            let problem =
                format!("{}, and no scan of it {since}, of {used} scans of {table}", Unit::Bytes.show(size));
            Finding::warn(format!("the index {index}"), problem)
                .fixed_by(UNUSED_INDEXES.fix.replace('…', &index))
        })
        .collect();
    Ok(Found::counted(findings, "none", "unused"))
}
