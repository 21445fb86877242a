//! `gate write`: the schema's file, and the data dictionary are whole, and the same from run to run.

use crate::subject;
use gate::cli::GENERATED;
use gate::docs::{pages, schema_sql};
use gate::generated_files::{self, GeneratedFile, Kind, Written};
use gate::{Subject, Workspace};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// The texts by file name.
async fn generated(subject: &Subject, kind: &Kind) -> BTreeMap<String, String> {
    let generated_files = (kind.generate)(subject).await.unwrap().unwrap();
    generated_files.into_iter().map(|GeneratedFile { file, text }| (file, text)).collect()
}

/// A page or a diagram.
async fn docs(subject: &Subject) -> BTreeMap<String, String> {
    let docs = generated(subject, &pages::KIND).await;
    docs.into_iter().map(|(file, text)| (file.replace("docs/schema/", ""), text)).collect()
}

/// Tables with their columns, the ledger aside.
async fn columns(subject: &Subject) -> Vec<(String, String)> {
    let query = "select c.relname::text, a.attname::text
                 from pg_class as c join pg_attribute as a on a.attrelid = c.oid
                 where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
                     and c.relname <> 'seaql_migrations'";
    sqlx::query_as(query).fetch_all(subject.pool()).await.unwrap()
}

/// The foreign keys: the table, its last column, the table it refers to.
async fn keys(subject: &Subject) -> Vec<(String, String, String)> {
    let query = "select conrelid::regclass::text, attname::text, confrelid::regclass::text
                 from pg_constraint
                 join pg_attribute on attrelid = conrelid and attnum = conkey[cardinality(conkey)]
                 where contype = 'f'";
    sqlx::query_as(query).fetch_all(subject.pool()).await.unwrap()
}

#[tokio::test]
async fn two_migrated_databases_give_the_same_bytes() {
    let (one, other) = (subject().await, subject().await);
    for kind in GENERATED {
        let (one, other) = (generated(&one, kind).await, generated(&other, kind).await);
        assert!(one == other && !one.is_empty(), "{:?} differ", one.keys());
    }
}

#[tokio::test]
async fn the_schemas_file_names_no_owner_and_no_schema() {
    let subject = subject().await;
    let owner: String = sqlx::query_scalar("select current_user").fetch_one(subject.pool()).await.unwrap();
    let text = &generated(&subject, &schema_sql::KIND).await[schema_sql::FILE];
    for word in [owner.as_str(), "owner", "public."] {
        let found = text.lines().find(|line| line.split([' ', ';']).any(|part| part.starts_with(word)));
        let found = found.filter(|line| !line.starts_with("--") && !line.starts_with('\''));
        assert_eq!(found, None, "{word}");
    }
}

#[tokio::test]
async fn every_column_is_two_links_from_the_first_page() {
    let subject = subject().await;
    let docs = docs(&subject).await;
    for (table, column) in columns(&subject).await {
        assert!(docs["README.md"].contains(&format!("[`{table}`]({table}.md) | ")), "{table}");
        assert!(docs["README.md"].contains(&format!("({table}.md#{column})")), "{table}.{column}");
        let row = format!("| <a id=\"{column}\"></a>`{column}`");
        let page = &docs[&format!("{table}.md")];
        let row = page.lines().find(|line| line.starts_with(&row)).unwrap();
        let meaning = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(meaning.len() > 10 && meaning.contains(' '), "{table}.{column}: {meaning}");
    }
}

#[tokio::test]
async fn a_page_tells_keys_both_ways_and_who_reads_the_table() {
    let subject = subject().await;
    let docs = docs(&subject).await;
    for (table, column, referred) in keys(&subject).await {
        let from = section(&docs[&format!("{table}.md")], "Refers to");
        assert!(
            from.contains(&format!("[`{column}`](#{column})")) && from.contains(&referred),
            "{table}.{column}"
        );
        let to = section(&docs[&format!("{referred}.md")], "Referred to by");
        assert!(to.contains(&format!("[`{column}`]({table}.md#{column})")), "{referred}: {table}.{column}");
    }
    // The application reads neither its signing keys from the database nor seals, operators' programs record their runs, and
    // `contacts::erase` records requests.
    let of_others =
        |table: &str| ["audit_seals", "erasure_requests", "retention_runs", "signing_keys"].contains(&table);
    for (table, _) in columns(&subject).await.into_iter().filter(|(table, _)| !of_others(table)) {
        let readers = section(&docs[&format!("{table}.md")], "Who reads and writes it");
        assert!(readers.contains(&format!("`{table}::")), "{table}: its own module reads it");
    }
}

fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let rest = page.split(&format!("## {title}\n")).nth(1).unwrap_or_default();
    rest.split("\n## ").next().unwrap_or_default()
}

#[tokio::test]
async fn mermaid_has_every_table_and_every_key() {
    let subject = subject().await;
    let docs = docs(&subject).await;
    let blocks: Vec<&str> =
        docs["README.md"].split("```mermaid\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let (whole, areas) = (blocks[0], blocks[1..].concat());
    let keys = keys(&subject).await;
    assert_eq!(whole.matches("--").count(), keys.len());
    for (table, column, referred) in keys {
        let ends = [format!("    {referred} "), format!("{{ {table} : {column}\n")];
        for (text, what) in [(whole, "the whole"), (&areas, "an area")] {
            let line =
                text.split_inclusive('\n').any(|line| line.starts_with(&ends[0]) && line.ends_with(&ends[1]));
            assert!(line, "{table}.{column} in {what}");
        }
    }
    for (table, column) in columns(&subject).await {
        assert!(whole.contains(&format!("    {table} {{\n")), "{table}");
        assert!(areas.lines().any(|line| line.split(' ').any(|word| word == column)), "{table}.{column}");
    }
}

/// An index, the key of the same table that begins with its first column, and whether the planner uses the index where
/// PostgreSQL looks up the rows that refer to a deleted row.
async fn lookups(subject: &Subject) -> Vec<(String, String, String, bool)> {
    let query = "select c.relname::text, x.relname::text, k.confrelid::regclass::text, array_agg(a.attname::text)
                 from pg_index as i
                 join pg_class as c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
                 join pg_class as x on x.oid = i.indexrelid
                 join pg_constraint as k on k.conrelid = i.indrelid and k.contype = 'f'
                 join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (k.conkey)
                 where k.conkey[cardinality(k.conkey)] = i.indkey[0]
                     and not exists (select from pg_constraint as u where u.conindid = i.indexrelid and u.contype <> 'f')
                 group by c.relname, x.relname, k.oid";
    let candidates: Vec<(String, String, String, Vec<String>)> =
        sqlx::query_as(query).fetch_all(subject.pool()).await.unwrap();
    let mut found = Vec::new();
    for (table, index, parent, columns) in candidates {
        let mut transaction = subject.pool().begin().await.unwrap();
        let conditions: Vec<String> =
            columns.iter().enumerate().map(|(n, column)| format!("{column} = ${}", n + 1)).collect();
        let nulls = vec!["null"; columns.len()].join(", ");
        let setup = format!(
            "set local enable_seqscan = off;
             set local plan_cache_mode = force_generic_plan;
             update pg_index set indisvalid = false
             where indrelid = '{table}'::regclass and indexrelid <> '{index}'::regclass;
             prepare lookup ({}) as select from {table} where {};",
            vec!["uuid"; columns.len()].join(", "),
            conditions.join(" and ")
        );
        sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut *transaction).await.unwrap();
        let explain = AssertSqlSafe(format!("explain execute lookup ({nulls})"));
        let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut *transaction).await.unwrap();
        let is_used = plan.concat().contains(&index);
        sqlx::raw_sql("deallocate lookup").execute(&mut *transaction).await.unwrap();
        found.push((table, index, parent, is_used));
    }
    found
}

#[tokio::test]
async fn indexes_that_serve_a_deletion_are_used_for_it() {
    let subject = subject().await;
    let docs = docs(&subject).await;
    let lookups = lookups(&subject).await;
    for is_used in [true, false] {
        assert!(lookups.iter().any(|(.., used)| *used == is_used), "{lookups:?}");
    }
    for (table, index, parent, is_used) in lookups {
        let indexes = section(&docs[&format!("{table}.md")], "Indexes");
        let row = indexes.lines().find(|line| line.starts_with(&format!("| `{index}` |"))).unwrap();
        assert!(row.contains(&format!("({parent}.md)")), "{row}");
        assert_eq!(row.ends_with(", and its deletion |"), is_used, "{row}");
    }
}

#[tokio::test]
async fn what_differs_is_written_what_is_current_is_not_and_what_nothing_generates_is_deleted() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let copy = TempDir::new().unwrap();
    for directory in ["gate", "migration"] {
        fs::create_dir(copy.path().join(directory)).unwrap();
    }
    for sources in ["database", "entity", "gate/areas.yaml", "migration/src"] {
        symlink(here.join(sources), copy.path().join(sources)).unwrap();
    }
    let subject = Subject::migrated(Workspace::at(Some(copy.path().to_owned()))).await.unwrap();
    let kinds = [pages::KIND, schema_sql::KIND];
    let write = || async { generated_files::write(&subject, &kinds).await.unwrap() };

    let all = write().await;
    assert!(all.written.len() >= 15 && all.deleted.is_empty(), "{all:?}");
    assert!(all.written.iter().all(|file| copy.path().join(file).exists()), "{all:?}");
    assert_eq!(write().await, Written::default());

    let path = copy.path().join(schema_sql::FILE);
    let right = fs::read_to_string(&path).unwrap();
    fs::write(&path, "edited").unwrap();
    fs::write(copy.path().join("docs/schema/ghosts.md"), "").unwrap();
    let again = write().await;
    assert_eq!(again.written, [schema_sql::FILE]);
    assert_eq!(again.deleted, ["docs/schema/ghosts.md"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), right);
}
