//! The example migrations of `docs/migrations.md`: they run again on their results, are undone, take the locks that
//! their headers state, and let others work where the document states it.

#[path = "../../recipes/mod.rs"]
mod examples;

use super::snapshot::{assert_same, catalogue, fill, rows};
use migration::online::FIRST_BATCH;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, MockDatabase, MockExecResult,
    MockRow, Statement, Transaction, TransactionTrait,
};
use sea_orm_migration::prelude::{MigrationTrait, SchemaManager};
use squawk_linter::Linter;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::{SqliteFile, code, connect, migrated, run, texts};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}
use Direction::{Down, Up};

/// Runs a recipe as the migrator does.
async fn apply(
    db: &DatabaseConnection,
    recipe: &dyn MigrationTrait,
    direction: Direction,
) -> Result<(), DbErr> {
    if recipe.use_transaction() == Some(false) && db.get_database_backend() == DbBackend::Postgres {
        return execute(&SchemaManager::new(db), recipe, direction).await;
    }
    let transaction = db.begin().await?;
    execute(&SchemaManager::new(&transaction), recipe, direction).await?;
    transaction.commit().await
}

async fn execute(
    manager: &SchemaManager<'_>,
    recipe: &dyn MigrationTrait,
    direction: Direction,
) -> Result<(), DbErr> {
    match direction {
        Up => recipe.up(manager).await,
        Down => recipe.down(manager).await,
    }
}

fn find(name: &str) -> Box<dyn MigrationTrait> {
    examples::all().into_iter().find(|recipe| recipe.name() == name).unwrap()
}

/// Applies every recipe before this one.
async fn apply_before(db: &DatabaseConnection, name: &str) {
    for recipe in examples::all().iter().take_while(|recipe| recipe.name() != name) {
        apply(db, recipe.as_ref(), Up).await.unwrap();
    }
}

#[tokio::test]
async fn every_recipe_runs_again_and_is_undone_on_postgresql() {
    let database = migrated("recipes").await;
    every_recipe_runs_again_and_is_undone(&database.url()).await;
}

#[tokio::test]
async fn every_recipe_runs_again_and_is_undone_on_sqlite() {
    let file = SqliteFile::migrated().await;
    every_recipe_runs_again_and_is_undone(&file.url()).await;
}

async fn every_recipe_runs_again_and_is_undone(url: &str) {
    let db = connect(url).await.unwrap();
    fill(&db).await;
    for recipe in examples::all() {
        let name = recipe.name().to_owned();
        let before = without_positions(catalogue(&db).await);
        apply(&db, recipe.as_ref(), Up).await.expect(&name);
        let applied = (without_positions(catalogue(&db).await), rows(&db).await);
        if db.get_database_backend() == DbBackend::Postgres && !name.contains("backfill") {
            assert_ne!(before, applied.0, "{name} changes the catalogue");
        }
        apply(&db, recipe.as_ref(), Up).await.expect(&name);
        assert_same(&applied.0, &without_positions(catalogue(&db).await), &format!("{name}, up again"));
        assert_eq!(applied.1, rows(&db).await, "{name}, up again");

        for time in ["down", "down again"] {
            apply(&db, recipe.as_ref(), Down).await.expect(&name);
            assert_same(&before, &without_positions(catalogue(&db).await), &format!("{name}, {time}"));
        }
        apply(&db, recipe.as_ref(), Up).await.expect(&name);
        assert_same(&applied.0, &without_positions(catalogue(&db).await), &format!("{name}, up after down"));
    }
}

/// A column that is dropped and added again is the last of its table, and has no comment until the migrator writes it.
fn without_positions(lines: Vec<String>) -> Vec<String> {
    let plain = |line: String| {
        if line.starts_with("column ")
            && let Some((column, rest)) = line.split_once(" #")
        {
            let rest = rest.split_once(' ').map_or(rest, |(_, rest)| rest);
            let rest = rest.rsplit_once("}: ").map_or(rest, |(rest, _)| rest);
            return format!("{column} {rest}");
        }
        // SQLite's catalogue is the text of an index, by whatever builder.
        if line.starts_with("index ") {
            return line.to_lowercase();
        }
        // And the text of the table: its columns and constraints, in whatever order.
        if let Some((table, columns)) = line.split_once(": CREATE TABLE ") {
            let mut columns: Vec<_> =
                columns.trim_end_matches([')', ' ']).split(',').map(str::trim).collect();
            columns.sort_unstable();
            return format!("{table}: {}", columns.join(","));
        }
        line
    };
    let mut lines: Vec<String> = lines.into_iter().map(plain).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_recipe_takes_the_locks_of_its_header_and_reads_a_table_only_where_others_continue() {
    let database = migrated("recipes_locks").await;
    let [db, _, other] = connections(&database.url()).await;
    fill(&db).await;
    let mut seen = 0;
    for recipe in examples::all() {
        let name = recipe.name().to_owned();
        // Before its first lock, as its first statement.
        let asks_for_backfill = recorded(recipe.as_ref()).await[0].contains("raise exception");
        assert_eq!(asks_for_backfill, name.ends_with("_contract"), "{name}");
        if recipe.use_transaction() == Some(false) {
            assert_eq!(locks_of_header(&name), BTreeMap::new(), "{name}: the gate does not see them");
            apply(&db, recipe.as_ref(), Up).await.expect(&name);
            continue;
        }
        let files = files(&db).await;
        let transaction = db.begin().await.unwrap();
        let before = scans(&transaction).await;
        execute(&SchemaManager::new(&transaction), recipe.as_ref(), Up).await.expect(&name);
        assert_eq!(locks_of_header(&name), strong_locks(&transaction).await, "{name}");
        let is_validation = name.ends_with("_validate");
        let reads = is_validation || asks_for_backfill;
        assert_eq!(scans(&transaction).await != before, reads, "whether {name} reads a table");
        if is_validation {
            for table in ["contacts", "email_templates"] {
                assert_eq!(texts(&other, &format!("select count(*)::text from {table}")).await, ["2"]);
                run(&other, &format!("update {table} set updated_at = now()")).await.expect(&name);
            }
        }
        transaction.commit().await.unwrap();
        assert_eq!(files, self::files(&db).await, "{name} rewrites a table");
        seen += 1;
    }
    assert_eq!(seen, 16);
}

#[tokio::test]
async fn an_index_is_built_beside_writers() {
    let database = migrated("recipes_index").await;
    let [db, writer, other] = connections(&database.url()).await;
    fill(&db).await;
    let process = process(&db).await;
    let open = writer.begin().await.unwrap();
    run(&open, "update contacts set email = 'a@example.com'").await.unwrap();

    let build = tokio::spawn(async move { apply(&db, find("index").as_ref(), Up).await });
    wait_until_it_waits(&other, &process).await;
    let locks = texts(
        &other,
        &format!(
            "select mode from pg_locks where pid = {process} and granted and relation = 'contacts'::regclass
             and locktype = 'relation'"
        ),
    )
    .await;
    assert_eq!(locks, ["ShareUpdateExclusiveLock"]);
    // The index waits for the open transaction, and nothing waits for the index.
    run(
        &other,
        "insert into contacts (organization_id, campaign_id, phone_number)
        select organization_id, id, '+15550100999' from campaigns",
    )
    .await
    .unwrap();
    open.commit().await.unwrap();
    build.await.unwrap().unwrap();
    assert_eq!(texts(&other, INDEX_STATE).await, ["valid"]);
}

#[tokio::test]
async fn an_index_that_failed_is_built_by_the_next_attempt() {
    let database = migrated("recipes_index_again").await;
    let [db, writer, _] = connections(&database.url()).await;
    fill(&db).await;
    let open = writer.begin().await.unwrap();
    run(&open, "update contacts set email = 'a@example.com'").await.unwrap();
    run(&db, "set lock_timeout = '20ms'").await.unwrap();
    let error = apply(&db, find("index").as_ref(), Up).await.unwrap_err();
    assert_eq!(code(&error), "55P03");
    assert_eq!(texts(&db, INDEX_STATE).await, ["invalid"]);
    open.commit().await.unwrap();
    apply(&db, find("index").as_ref(), Up).await.unwrap();
    assert_eq!(texts(&db, INDEX_STATE).await, ["valid"]);
}

const INDEX_STATE: &str = "select case when indisvalid then 'valid' else 'invalid' end from pg_index
    where indexrelid = to_regclass('ix_contacts_email')";

#[tokio::test]
async fn the_batches_of_a_backfill_commit_one_by_one_beside_writers() {
    let database = migrated("recipes_backfill").await;
    let [db, writer, other] = connections(&database.url()).await;
    fill(&db).await;
    let many = format!(
        "insert into contacts (organization_id, campaign_id, phone_number, last_attempt_at)
         select organization_id, id, '+15550' || n, now()
         from (select * from campaigns order by id limit 1) c, generate_series(100000, 100000 + {} - 1) n",
        3 * FIRST_BATCH
    );
    run(&db, &many).await.unwrap();
    apply_before(&db, "rename_2_backfill").await;
    run(&db, "update contacts set last_attempt_at = null where phone_number not like '+155501%'")
        .await
        .unwrap();
    let filled = "select count(*)::text from contacts where last_called_at is not null";
    assert_eq!(texts(&db, filled).await, ["0"]);

    // A writer in the second batch.
    let open = writer.begin().await.unwrap();
    let locked = format!(
        "select from contacts where id = (
             select id from contacts where last_attempt_at is not null order by id offset {} limit 1) for update",
        FIRST_BATCH + FIRST_BATCH / 2
    );
    run(&open, &locked).await.unwrap();
    let process = process(&db).await;
    let backfill = tokio::spawn(async move {
        apply(&db, find("rename_2_backfill").as_ref(), Up).await.unwrap();
        db
    });
    wait_until_it_waits(&other, &process).await;
    assert_eq!(
        texts(&other, filled).await,
        [(3 * FIRST_BATCH - 1).to_string()],
        "only the locked row is left"
    );
    // The backfill holds no lock while it waits.
    let write = "update contacts set email = 'a@example.com' where last_called_at is not null";
    run(&other, write).await.unwrap();
    open.commit().await.unwrap();
    let db = backfill.await.unwrap();
    assert_eq!(texts(&db, filled).await, [(3 * FIRST_BATCH).to_string()]);
}

/// A value under its old and its new columns, each an expression of text that can be compared.
struct Copied {
    table: &'static str,
    prefix: &'static str,
    /// Assigns to the old column.
    old: fn(&str) -> String,
    /// Assigns to the new columns.
    new: fn(&str) -> String,
    /// Whether old and new columns hold `$`, in SQL.
    both: fn(&str) -> String,
}

const COPIED: [Copied; 3] = [
    Copied {
        table: "contacts",
        prefix: "rename",
        old: |value| format!("last_attempt_at = to_timestamp({value})"),
        new: |value| format!("last_called_at = to_timestamp({value})"),
        both: |value| format!("last_attempt_at = to_timestamp({value}) and last_called_at = last_attempt_at"),
    },
    Copied {
        table: "email_notifications",
        prefix: "change_type",
        old: |value| format!("error_message = '{value}'"),
        new: |value| format!("error_details = jsonb_build_object('message', '{value}', 'code', 5)"),
        both: |value| format!("error_message = '{value}' and error_details ->> 'message' = '{value}'"),
    },
    Copied {
        table: "exclusion_list_entries",
        prefix: "split",
        old: |value| format!("reason = 'asked: at {value}: by phone'"),
        new: |value| format!("reason_code = 'asked', reason_note = 'at {value}: by phone'"),
        both: |value| {
            format!(
                "reason = 'asked: at {value}: by phone' and reason_code = 'asked' and reason_note = 'at {value}: by phone'"
            )
        },
    },
];

#[tokio::test]
async fn old_and_new_code_see_one_value_between_expand_and_contract() {
    let database = migrated("recipes_copied").await;
    let db = connect(&database.url()).await.unwrap();
    fill(&db).await;
    for Copied { table, prefix, old, new, both } in COPIED {
        let recipe = |step: &str| find(&format!("{prefix}_{step}"));
        let update = async |set: String| run(&db, &format!("update {table} set {set}")).await.unwrap();
        let hold = async |condition: String, when: &str| {
            let different = format!("select {table}::text from {table} where ({condition}) is not true");
            assert_eq!(texts(&db, &different).await, [""; 0], "{table}: {when}");
        };
        update(old("1")).await;
        apply(&db, recipe("1_expand").as_ref(), Up).await.unwrap();
        update(old("1")).await;
        hold(old("1").replace(',', " and"), "a row that is not filled keeps its value").await;
        apply(&db, recipe("2_backfill").as_ref(), Up).await.unwrap();
        hold(both("1"), "backfilled").await;
        update(old("2")).await;
        hold(both("2"), "written by old code").await;
        update(new("3")).await;
        hold(both("3"), "written by new code").await;
        update("updated_at = now()".to_owned()).await;
        hold(both("3"), "another column was written").await;

        apply(&db, recipe("3_contract").as_ref(), Up).await.unwrap();
        update(new("4")).await;
        apply(&db, recipe("3_contract").as_ref(), Down).await.unwrap();
        hold(both("4"), "written after the contract, which was rolled back").await;
        update(old("5")).await;
        hold(both("5"), "the trigger copies again").await;
    }
}

#[tokio::test]
async fn a_column_that_is_not_null_gets_another_name_while_old_and_new_code_write_it() {
    let database = migrated("recipes_required").await;
    let db = connect(&database.url()).await.unwrap();
    fill(&db).await;
    let recipe = |step: &str| find(&format!("rename_required_{step}"));
    let insert = async |columns: &str, values: &str| {
        let sql = format!(
            "insert into campaigns (organization_id, name, question_1_text, question_2_text, question_3_text,
                 question_1_type, question_2_type, question_3_type{columns})
             select organization_id, 'new', 'One', 'Two', 'Three', 'scale', 'scale', 'scale'{values} from campaigns
             limit 1"
        );
        run(&db, &sql).await
    };
    let differ = "select name from campaigns where introduction is distinct from intro_script";
    let nullable = "select concat_ws(' ', column_name, is_nullable) from information_schema.columns
                    where table_name = 'campaigns' and column_name in ('introduction', 'intro_script') order by 1";
    for (step, expected) in [
        ("1_expand", ["intro_script NO", "introduction YES"]),
        ("2_backfill", ["intro_script NO", "introduction YES"]),
        ("3_require", ["intro_script NO", "introduction NO"]),
    ] {
        apply(&db, recipe(step).as_ref(), Up).await.expect(step);
        assert_eq!(texts(&db, nullable).await, expected, "{step}");
        for column in ["intro_script", "introduction"] {
            insert(&format!(", {column}"), ", 'Hello'").await.expect(step);
        }
        if step != "1_expand" {
            assert_eq!(texts(&db, differ).await, [""; 0], "{step}");
        }
        assert_eq!(code(&insert("", "").await.unwrap_err()), "23502", "{step}: neither name is written");
    }
    apply(&db, recipe("4_contract").as_ref(), Up).await.unwrap();
    insert(", introduction", ", 'Hello'").await.unwrap();
    apply(&db, recipe("4_contract").as_ref(), Down).await.unwrap();
    assert_eq!(texts(&db, nullable).await, ["intro_script NO", "introduction NO"]);
    assert_eq!(texts(&db, differ).await, [""; 0]);

    // Without a transaction around it.
    let transaction = db.begin().await.unwrap();
    let refused = execute(&SchemaManager::new(&transaction), recipe("3_require").as_ref(), Up).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("let `use_transaction` of its migration return `Some(false)`")
    );
}

#[tokio::test]
async fn code_of_each_release_writes_a_renamed_column_that_is_not_null_on_sqlite() {
    let file = SqliteFile::migrated().await;
    let db = connect(&file.url()).await.unwrap();
    fill(&db).await;
    let recipe = |step: &str| find(&format!("rename_required_{step}"));
    let insert = async |column: &str| {
        let sql = format!(
            "insert into campaigns (organization_id, name, question_1_text, question_2_text, question_3_text,
                 question_1_type, question_2_type, question_3_type, {column})
             select organization_id, 'new', 'One', 'Two', 'Three', 'scale', 'scale', 'scale', 'Hello' from campaigns
             limit 1"
        );
        run(&db, &sql).await
    };
    for step in ["1_expand", "2_backfill"] {
        apply(&db, recipe(step).as_ref(), Up).await.expect(step);
        insert("intro_script").await.expect(step);
    }
    apply(&db, recipe("3_require").as_ref(), Up).await.unwrap();
    insert("introduction").await.unwrap();
    assert!(insert("intro_script").await.unwrap_err().to_string().contains("campaigns.introduction"));
    let missing = "select name from campaigns where introduction is null";
    assert_eq!(texts(&db, missing).await, [""; 0]);
    apply(&db, recipe("3_require").as_ref(), Down).await.unwrap();
    let missing = "select name from campaigns where intro_script is null";
    assert_eq!(texts(&db, missing).await, [""; 0]);
    insert("intro_script").await.unwrap();
}

#[tokio::test]
async fn inserts_of_old_and_new_code_fill_both_names() {
    let database = migrated("recipes_inserts").await;
    let db = connect(&database.url()).await.unwrap();
    fill(&db).await;
    apply(&db, find("rename_1_expand").as_ref(), Up).await.unwrap();
    run(&db, "delete from contacts").await.unwrap();
    for column in ["last_attempt_at", "last_called_at"] {
        let insert = format!(
            "insert into contacts (organization_id, campaign_id, phone_number, {column})
             select organization_id, id, '+15550100999', now() from campaigns"
        );
        run(&db, &insert).await.unwrap();
    }
    let equal = "select count(*)::text from contacts where last_called_at = last_attempt_at";
    assert_eq!(texts(&db, equal).await, ["4"]);
}

#[tokio::test]
async fn backfills_convert_on_sqlite_as_well() {
    let file = SqliteFile::migrated().await;
    let db = connect(&file.url()).await.unwrap();
    fill(&db).await;
    run(
        &db,
        "update email_notifications set error_message = 'm';
              update exclusion_list_entries set reason = 'asked: at 1: by phone';
              update email_templates set body_text = null",
    )
    .await
    .unwrap();
    apply_before(&db, "change_type_3_contract").await;
    for name in ["split_1_expand", "split_2_backfill"] {
        apply(&db, find(name).as_ref(), Up).await.unwrap();
    }
    let all = "select distinct error_details ->> 'message' || reason_code || reason_note || body_text
               from email_notifications, exclusion_list_entries, email_templates";
    assert_eq!(texts(&db, all).await, ["maskedat 1: by phone"]);
    assert!(run(&db, "update email_templates set body_text = null").await.is_err());
}

#[tokio::test]
async fn constraints_hold_for_new_rows_before_they_are_validated() {
    let database = migrated("recipes_constraints").await;
    let db = connect(&database.url()).await.unwrap();
    fill(&db).await;
    run(&db, "update email_templates set body_text = null").await.unwrap();
    apply_before(&db, "not_null_2_backfill").await;
    let refused = run(&db, "update email_templates set name = 'x'").await.unwrap_err();
    assert_eq!(code(&refused), "23514");
    apply(&db, find("not_null_2_backfill").as_ref(), Up).await.unwrap();
    run(&db, "update email_templates set name = 'x'").await.unwrap();
    apply_before(&db, "foreign_key_2_index").await;
    let refused = run(&db, "update email_templates set body_text = null").await.unwrap_err();
    assert_eq!(code(&refused), "23502");
    let of_another_organization = "update contacts c set invitation_template_id = t.id from email_templates t
        where t.organization_id <> c.organization_id";
    assert_eq!(code(&run(&db, of_another_organization).await.unwrap_err()), "23503");
}

#[tokio::test]
async fn an_enum_value_is_removed_unless_a_row_has_it() {
    let database = migrated("recipes_enum").await;
    let db = connect(&database.url()).await.unwrap();
    fill(&db).await;
    let recipe = find("enum_value");
    apply(&db, recipe.as_ref(), Up).await.unwrap();
    run(&db, "update exclusion_list_entries set source = 'complaint'").await.unwrap();
    assert_eq!(code(&apply(&db, recipe.as_ref(), Down).await.unwrap_err()), "22P02");
    run(&db, "update exclusion_list_entries set source = 'api'").await.unwrap();
    apply(&db, recipe.as_ref(), Down).await.unwrap();
}

/// Dropping is the purpose of these. In `migration/` each is an entry of `gate/exceptions.yaml`.
const DROPS: [(&str, &[&str]); 7] = [
    ("change_type_3_contract", &["ban-drop-column", "ban-drop-function"]),
    ("drop_column", &["ban-drop-column"]),
    ("not_null_4_set", &["ban-drop-constraint"]),
    ("rename_3_contract", &["ban-drop-column", "ban-drop-function"]),
    ("rename_required_3_require", &["ban-drop-constraint"]),
    ("rename_required_4_contract", &["ban-drop-column", "ban-drop-function"]),
    ("split_3_contract", &["ban-drop-column", "ban-drop-function"]),
];

#[tokio::test]
async fn squawk_finds_nothing_but_the_drops() {
    let mut unexpected = Vec::new();
    for recipe in examples::all() {
        let statements = migration::statements(&recorded(recipe.as_ref()).await);
        let text = statements
            .iter()
            // As the gate does, what catches an error in a block is checked without the block.
            .map(|text| {
                match text.strip_prefix("do $$ begin ").and_then(|text| text.split_once(";exception")) {
                    Some((inner, _)) if !inner.contains(';') => inner,
                    _ => text,
                }
            })
            .collect::<Vec<_>>()
            .join(";\n");
        let parse = squawk_syntax::SourceFile::parse(&text);
        assert!(parse.errors().is_empty(), "{}: {:?}", recipe.name(), parse.errors());
        // The migrator sets the timeouts, and another test runs each recipe again.
        let excluded = [
            squawk_linter::Rule::PreferRobustStmts,
            squawk_linter::Rule::RequireLockTimeout,
            squawk_linter::Rule::RequireStatementTimeout,
        ];
        let mut linter = Linter::with_rules(&[], &excluded);
        linter.settings.assume_in_transaction = recipe.use_transaction() != Some(false);
        let found: Vec<String> =
            linter.lint(&parse, &text).iter().map(|violation| violation.code.to_string()).collect();
        unexpected.extend(found.iter().map(|rule| (recipe.name().to_owned(), rule.clone())).filter(
            |found| !DROPS.iter().any(|(name, rules)| *name == found.0 && rules.contains(&found.1.as_str())),
        ));
        let expected = DROPS.iter().filter(|(name, _)| *name == recipe.name()).flat_map(|(_, rules)| *rules);
        for rule in expected {
            assert!(found.iter().any(|found| found == rule), "{}: {rule} is not found", recipe.name());
        }
    }
    assert_eq!(unexpected, []);
}

/// What `up` executes on PostgreSQL.
async fn recorded(recipe: &dyn MigrationTrait) -> Vec<String> {
    let recorder = MockDatabase::new(DbBackend::Postgres)
        .append_exec_results(vec![MockExecResult::default(); 10])
        .append_query_results(vec![Vec::<MockRow>::new(); 10])
        .into_connection();
    recipe.up(&SchemaManager::new(&recorder)).await.unwrap();
    let log = recorder.into_transaction_log();
    log.iter().flat_map(Transaction::statements).map(ToString::to_string).collect()
}

#[test]
fn the_document_quotes_the_recipes_and_names_each_of_them() {
    let document = fs::read_to_string(root().join("docs/migrations.md")).unwrap();
    let trimmed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut source: Option<(&str, String)> = None;
    let mut block: Option<Vec<&str>> = None;
    let mut quoted = 0;
    for line in document.lines() {
        if let Some(file) =
            line.rsplit_once("](../tests/recipes/").and_then(|(_, rest)| Some(rest.split_once(')')?.0))
        {
            source = Some((file, fs::read_to_string(root().join("tests/recipes").join(file)).unwrap()));
        }
        match (&mut block, line.trim()) {
            (None, "```rust") => block = Some(Vec::new()),
            (Some(lines), "```") => {
                let text = trimmed(&lines.join("\n"));
                let (file, source) = source.as_ref().expect("a link to the file before the block");
                assert!(trimmed(source).contains(&text), "{file} does not contain:\n{text}");
                block = None;
                quoted += 1;
            }
            (Some(lines), line) => lines.push(line),
            (None, _) => {}
        }
    }
    assert!(quoted >= 10, "{quoted}");
    for recipe in examples::all() {
        assert!(document.contains(&format!("](../tests/recipes/{}.rs)", recipe.name())), "{}", recipe.name());
    }
}

/// The locks that a recipe's header states: tables and their modes.
fn locks_of_header(name: &str) -> BTreeMap<String, String> {
    let source = fs::read_to_string(root().join(format!("tests/recipes/{name}.rs"))).unwrap();
    let lines = source.lines().skip_while(|line| !line.starts_with("//! Locks: "));
    let text: Vec<&str> = lines
        .take_while(|line| !line.starts_with("//! Down: "))
        .map(|line| line.trim_start_matches("//!").trim_start_matches(" Locks:").trim())
        .collect();
    let lock = |entry: &str| {
        let (table, rest) = entry.trim().split_once(" (").expect("table (mode: reason)");
        (table.to_owned(), rest.split_once(':').expect("mode: reason").0.to_owned())
    };
    // A reason may contain a semicolon, an entry begins after `); `.
    let text = text.join(" ").replace('`', "");
    text.split("); ").filter(|entry| !entry.is_empty()).map(lock).collect()
}

/// The strongest lock of the transaction on each table, of those that writers wait for.
async fn strong_locks(transaction: &DatabaseTransaction) -> BTreeMap<String, String> {
    let sql = "
        select distinct on (c.relname) c.relname::text, m.name
        from pg_locks l
        join pg_class c on c.oid = l.relation and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
        join (values (1, 'ShareUpdateExclusiveLock', 'share update exclusive'), (2, 'ShareLock', 'share'),
                     (3, 'ShareRowExclusiveLock', 'share row exclusive'), (4, 'ExclusiveLock', 'exclusive'),
                     (5, 'AccessExclusiveLock', 'access exclusive')) m (strength, mode, name) using (mode)
        where l.pid = pg_backend_pid() and l.granted
        order by c.relname, m.strength desc";
    let rows = transaction.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
}

/// How many scans of each table this session began that are not reported to others yet.
async fn scans(transaction: &DatabaseTransaction) -> Vec<String> {
    let sql = "select relname || ' ' || seq_scan || ' ' || coalesce(idx_scan, 0)
        from pg_stat_xact_user_tables order by relname";
    let rows = transaction.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Each table with the file that stores it, which is another one after a rewrite.
async fn files(db: &DatabaseConnection) -> Vec<String> {
    texts(
        db,
        "select relname || ' ' || pg_relation_filenode(oid) from pg_class
         where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname",
    )
    .await
}

async fn connections(url: &str) -> [DatabaseConnection; 3] {
    let one = async || connect(url).await.unwrap();
    let [db, writer, other] = [one().await, one().await, one().await];
    run(&other, "set lock_timeout = '10s'").await.unwrap();
    [db, writer, other]
}

/// The server process of the connection.
async fn process(db: &DatabaseConnection) -> String {
    texts(db, "select pg_backend_pid()::text").await.remove(0)
}

/// Returns once the process waits for a lock.
async fn wait_until_it_waits(db: &DatabaseConnection, process: &str) {
    let waits = format!("select 'it waits' from pg_locks where pid = {process} and not granted");
    for _ in 0..600 {
        if !texts(db, &waits).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("process {process} does not wait for a lock");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
