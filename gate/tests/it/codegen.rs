//! `gate codegen`, on queries that are right and on every kind that is wrong.

use crate::program;
use gate::codegen::{self, QUERIES};
use gate::{Finding, Subject, Workspace, generated_files};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

/// The file of the queries, and what is generated from it.
const FILE: &str = "database/queries/a.sql";
const GENERATED: &str = "database/src/generated/a.rs";

/// A workspace with queries of its own, and everything else from this one.
struct Sources {
    directory: TempDir,
}

impl Sources {
    fn new(queries: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        symlink(here.join("entity"), directory.path().join("entity")).unwrap();
        symlink(here.join("rustfmt.toml"), directory.path().join("rustfmt.toml")).unwrap();
        fs::create_dir_all(directory.path().join(QUERIES)).unwrap();
        fs::write(directory.path().join(FILE), queries).unwrap();
        Self { directory }
    }

    async fn subject(&self) -> Subject {
        Subject::migrated(Workspace::at(Some(self.directory.path().to_owned()))).await.unwrap()
    }

    fn generated(&self) -> String {
        fs::read_to_string(self.directory.path().join(GENERATED)).unwrap()
    }

    fn gate(&self, arguments: &[&str]) -> Output {
        program(arguments).arg("--root").arg(self.directory.path()).output().unwrap()
    }
}

async fn write(sources: &Sources) -> Vec<Finding> {
    generated_files::write(&sources.subject().await, &[codegen::KIND]).await.unwrap().findings
}

/// What is generated for the queries.
async fn code(queries: &str) -> String {
    let sources = Sources::new(queries);
    assert_eq!(write(&sources).await, []);
    sources.generated()
}

/// What is wrong with the queries.
async fn wrong(queries: &str) -> Vec<String> {
    let sources = Sources::new(queries);
    let findings = write(&sources).await;
    assert!(!sources.directory.path().join(GENERATED).exists(), "nothing is written");
    findings.iter().map(ToString::to_string).collect()
}

/// The fields of a struct of the code.
fn fields(code: &str, name: &str) -> Vec<String> {
    let start = code.find(&format!("pub struct {name} {{")).unwrap_or_else(|| panic!("no {name} in {code}"));
    let fields = code[start..].lines().skip(1).take_while(|line| *line != "}");
    fields
        .filter_map(|line| line.trim().strip_prefix("pub ")?.strip_suffix(',').map(ToOwned::to_owned))
        .collect()
}

#[tokio::test]
async fn a_query_that_does_not_parse_is_an_error_where_postgresql_points() {
    let errors = wrong(
        "-- name: A :many\n-- scope: either\n-- Doc.\nselect id\nfrom contacts\nwhere where state is null;\n",
    )
    .await;
    assert_eq!(errors, [r#"database/queries/a.sql:6: the query A: syntax error at or near "where""#]);
}

#[tokio::test]
async fn an_unknown_column_is_an_error_at_its_line_with_postgresqls_words() {
    let queries = "-- name: A :many\n-- scope: either\n-- Doc.\n-- param campaign_id\n/* é\n:x */ select id, -- :y\n  ghost\n\
                   from contacts where campaign_id = :campaign_id;\n\n\
                   -- name: B :one\n-- scope: either\n-- Doc.\nselect id\nfrom contcats;\n";
    assert_eq!(
        wrong(queries).await,
        [
            r#"database/queries/a.sql:7: the query A: column "ghost" does not exist"#,
            r#"database/queries/a.sql:14: the query B: relation "contcats" does not exist"#,
        ]
    );
}

#[tokio::test]
async fn a_uuid_without_an_id_type_is_an_error() {
    let queries =
        "-- name: A :many\n-- scope: either\n-- Doc.\nselect phone_number\nfrom contacts where id = :who;\n";
    assert_eq!(
        wrong(queries).await,
        [
            "database/queries/a.sql:5: the parameter who of A is a uuid without an id type; annotate it: -- param who Type"
        ]
    );
    let column = "-- name: A :many\n-- scope: either\n-- Doc.\nselect uuid_generate_v4() as made;\n";
    assert!(wrong(column).await[0].contains("queries/a.sql:1: the column made of A is a uuid"));
    let false_type = "-- name: A :many\n-- scope: either\n-- Doc.\n-- param who GhostId\nselect 1 as one from contacts where id = :who;\n";
    assert!(
        wrong(false_type).await[0]
            .contains("queries/a.sql:4: the parameter who of A is UUID in the database")
    );
}

#[tokio::test]
async fn a_result_without_a_rust_name_is_an_error() {
    for (select, words) in [
        ("select count(*) + 1 from contacts", "has a column `?column?`"),
        ("select id, id from contacts", "has two columns id"),
        ("select interval '1 day' as pause", "has the type interval, which has no Rust type"),
        ("select 1 as type", "has a column `type`"),
        ("delete from contacts", "returns no columns"),
    ] {
        let errors = wrong(&format!("-- name: A :many\n-- scope: either\n-- Doc.\n{select};\n")).await;
        assert!(errors.len() == 1 && errors[0].contains(words), "{errors:?}");
        assert!(errors[0].starts_with("database/queries/a.sql:1: "), "{errors:?}");
    }
}

#[tokio::test]
async fn a_column_is_never_null_only_if_it_comes_from_a_not_null_column() {
    let code = code(
        "-- name: A :many\n-- scope: either\n-- Doc.\n\
         select name, description, coalesce(description, '') as text, coalesce(description, '') as \"sure!\",\n\
         name as \"unsure?\", (select state from contacts limit 1) as inner_state from campaigns;\n",
    )
    .await;
    let expected = [
        "name: String",
        "description: Option<String>",
        "text: Option<String>",
        "sure: String",
        "unsure: Option<String>",
        "inner_state: Option<ContactState>",
    ];
    assert_eq!(fields(&code, "ARow"), expected);
    assert!(
        code.contains(r#"as "sure","#) && code.contains(r#"as "unsure","#),
        "PostgreSQL hears the plain names"
    );
}

#[tokio::test]
async fn an_outer_join_makes_every_column_nullable_that_is_not_said_to_be_otherwise() {
    for join in ["left join", "right outer join", "full join"] {
        let code = code(&format!(
            "-- name: A :many\n-- scope: either\n-- Doc.\nwith answers as (select id, contact_id from survey_responses)\n\
             select contacts.phone_number, contacts.state as \"state!\", answers.id as answer\n\
             from contacts {join} answers on answers.contact_id = contacts.id;\n"
        ))
        .await;
        let expected =
            ["phone_number: Option<String>", "state: ContactState", "answer: Option<SurveyResponseId>"];
        assert_eq!(fields(&code, "ARow"), expected);
    }
}

#[tokio::test]
async fn ids_enums_documents_and_lists_have_the_entities_types() {
    let code = code(
        "-- name: A :many\n-- scope: either\n-- Doc.\n-- param metadata CallMetadata\n-- param first CallAttemptId - A sentence.\n\
         -- column made EventId\n\
         select a.id as attempt, a.contact_id, c.campaign_id as \"maybe?\", a.metadata, a.metadata -> 'x' as x,\n\
           a.outcome, array[a.call_id] as \"calls!\", uuid_generate_v4() as \"made!\", a.started_at, 1::bigint as n,\n\
           1.5 as d, current_date as day, time '09:00' as clock, true as t\n\
         from call_attempts a join contacts c on c.id = a.contact_id\n\
         where c.campaign_id = :campaign_id and a.contact_id = any (:contact_ids) and a.id > :first\n\
           and a.outcome = any (:outcomes) and c.state = :state? and a.metadata @> :metadata;\n",
    )
    .await;
    let parameters = [
        "campaign_id: CampaignId",
        "contact_ids: Vec<ContactId>",
        "first: CallAttemptId",
        "outcomes: Vec<CallOutcome>",
        "state: Option<ContactState>",
        "metadata: CallMetadata",
    ];
    assert_eq!(fields(&code, "A"), parameters);
    let columns = [
        "attempt: CallAttemptId",
        "contact_id: ContactId",
        "maybe: Option<CampaignId>",
        "metadata: CallMetadata",
        "x: Option<Json>",
        "outcome: Option<CallOutcome>",
        "calls: Vec<String>",
        "made: EventId",
        "started_at: DateTimeUtc",
        "n: Option<i64>",
        "d: Option<Decimal>",
        "day: Option<Date>",
        "clock: Option<Time>",
        "t: Option<bool>",
    ];
    assert_eq!(fields(&code, "ARow"), columns);
    assert!(code.contains("any ($4::call_outcome[])") && code.contains("= $5::contact_state"), "{code}");
    assert!(code.contains("/// A sentence.\n    pub first"));
}

#[tokio::test]
async fn each_scope_and_visibility_has_its_signature() {
    for (annotations, signature) in [
        ("-- scope: customer", "pub async fn a(tx: &CustomerTx)"),
        ("-- scope: admin", "pub async fn a(tx: &AdminTx)"),
        ("-- scope: either", "pub async fn a(tx: &Tx<impl Scope>)"),
        ("-- scope: customer\n-- visibility: crate", "pub(crate) async fn a(tx: &CustomerTx)"),
    ] {
        let code =
            code(&format!("-- name: A :execrows\n{annotations}\n-- Doc.\ndelete from events;\n")).await;
        assert!(code.contains(signature), "{code}");
        assert!(code.contains(r#"tx.postgres("a.a")"#), "{code}");
    }
    let named =
        code("-- name: A :many\n-- scope: either\n-- row: Found\n-- Doc.\nselect id, name from users;\n");
    assert_eq!(fields(&named.await, "Found"), ["id: UserId", "name: String"]);

    let update = "-- Doc.\nupdate contacts set phone_number = :phone_number, email = :email, state = :state where external_contact_id = :key;\n";
    for (annotations, struct_of_parameters) in [
        ("", "pub struct A {\n    pub phone_number"),
        ("-- visibility: crate\n", "pub(crate) struct A {\n    pub(crate) phone_number"),
        ("-- visibility: crate\n-- parameters: public\n", "pub struct A {\n    pub phone_number"),
    ] {
        let code = code(&format!("-- name: A :execrows\n-- scope: either\n{annotations}{update}")).await;
        assert!(code.contains(struct_of_parameters), "{code}");
    }
}

#[tokio::test]
async fn each_annotation_has_its_result() {
    for (annotation, result) in [
        (":one", "Result<ContactId, Error>"),
        (":optional", "Result<Option<ContactId>, Error>"),
        (":many", "Result<Vec<ContactId>, Error>"),
        (":exec", "Result<(), Error>"),
        (":execrows", "Result<u64, Error>"),
        (":stream", "Result<impl Stream<Item = Result<ContactId, Error>> + Send + '_, Error>"),
    ] {
        let code = code(&format!(
            "-- name: FindThem {annotation}\n-- scope: either\n-- Doc.\nselect id from contacts;\n"
        ))
        .await;
        assert!(code.contains("pub async fn find_them(") && code.contains("tx: &Tx<impl Scope>"), "{code}");
        assert!(code.contains(result), "{code}");
        assert_eq!(code.contains(".ok_or(Error::NotFound("), annotation == ":one", "{code}");
    }
}

#[tokio::test]
async fn a_stream_decodes_what_the_driver_knows_and_leaves_the_rest_to_seaorm() {
    let code = code(
        "-- name: StreamCalls :stream\n-- scope: either\n-- Doc.\n\
         select id, contact_id as \"contact_id?\", outcome, metadata, array_agg(call_id) as call_ids\n\
         from call_attempts group by id;\n",
    )
    .await;
    for value in [
        "id: row.get::<Uuid>(0)?.into(),",
        "contact_id: row.get::<Option<Uuid>>(1)?.map(Into::into),",
        "outcome: row.get(2)?,",
        "metadata: row.result.try_get_by_index(3)?,",
        "call_ids: row.result.try_get_by_index(4)?,",
        "StreamedRow { result: &row, is_first: place == 0 }",
    ] {
        assert!(code.contains(value), "{value}: {code}");
    }
}

#[tokio::test]
async fn a_query_that_citus_does_not_run_as_a_whole_runs_on_shards() {
    let insert = "with added as (insert into events (organization_id, campaign_id, contact_id, call_attempt_id, event_type) \
                  select organization_id, campaign_id, contact_id, id, 'survey.completed' from call_attempts returning id) \
                  select id, 1 as one from added";
    let select = "with added as (select id from events) select id, 1 as one from added";
    let of_one = "select id, 1 as one from events where organization_id = :organization_id limit :batch";
    let batch = "select id, 1 as one from events where published_at is null limit :batch for update";
    let shard = "-- citus: shard - It locks rows of all.\n";
    for (kind, scope, sql, annotation, reach) in [
        (":many", "customer", insert, "", Some("All")),
        (":many", "either", insert, "", Some("All")),
        (":optional", "either", insert, "", Some("One")),
        (":many", "admin", insert, "", None),
        (":many", "customer", select, "", None),
        (":many", "admin", select, shard, Some("All")),
        (":many", "admin", batch, shard, Some("Batch(1)")),
        (":many", "admin", of_one, shard, Some("Organization(*organization_id.as_uuid())")),
    ] {
        let code =
            code(&format!("-- name: A {kind}\n-- scope: {scope}\n{annotation}-- Doc.\n{sql};\n")).await;
        let call = |reach| format!(r#"tx.on_shard(statement, "id uuid, one int4", Reach::{reach})"#);
        let found = code.replace("\n            ", "").replace("\n        ", " ");
        assert_eq!(code.contains("on_shard"), reach.is_some(), "{scope}: {code}");
        if let Some(reach) = reach {
            assert!(found.contains(&call(reach)), "{scope} {sql}: {code}");
        }
    }
}

#[test]
fn check_fails_on_a_stale_file_and_names_the_first_difference() {
    let sources = Sources::new("-- name: A :many\n-- scope: either\n-- Doc.\nselect id from contacts;\n");
    let check = || sources.gate(&["codegen", "--check"]);
    let output_text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();

    let missing = check();
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        output_text(&missing).starts_with("database/src/generated/a.rs:1: is missing\n"),
        "{}",
        output_text(&missing)
    );

    assert_eq!(sources.gate(&["codegen"]).status.code(), Some(0));
    assert_eq!(check().status.code(), Some(0));

    let path = sources.directory.path().join(GENERATED);
    let current = sources.generated();
    for (edited, line, difference) in [
        (current.replace("/// Doc.", "/// Edited."), "/// Edited.", "`/// Edited.` instead of `/// Doc.`"),
        (format!("{current}// More.\n"), "// More.", "`// More.` instead of the end"),
    ] {
        let line = edited.lines().position(|other| other == line).unwrap() + 1;
        fs::write(&path, &edited).unwrap();
        let stale = check();
        assert_eq!(stale.status.code(), Some(1));
        let expected = format!("database/src/generated/a.rs:{line}: is stale: it has {difference}\n");
        assert!(output_text(&stale).starts_with(&expected), "{}", output_text(&stale));
        assert_eq!(fs::read_to_string(&path).unwrap(), edited, "a check writes nothing");
    }
}

#[test]
fn findings_are_exit_1_and_what_cannot_run_is_exit_2() {
    let sources = Sources::new("-- name: A :many\n-- scope: either\n-- Doc.\nselect ghost from contacts;\n");
    let wrong = sources.gate(&["codegen"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&wrong.stdout),
        "database/queries/a.sql:4: the query A: column \"ghost\" does not exist\n"
    );
    assert_eq!(sources.gate(&["codegen", "--ghost"]).status.code(), Some(2));
    fs::write(sources.directory.path().join(FILE), b"\xff").unwrap();
    let lost = sources.gate(&["codegen"]);
    assert_eq!(lost.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&lost.stderr).starts_with("error: cannot read "));
}
