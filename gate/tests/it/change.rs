//! `gate migration NAME` writes a migration from the entities, in the form of the others.

use crate::program;
use gate::change::{Written, write};
use gate::mutation::Mutation;
use gate::{Subject, Workspace};
use std::fs;
use tempfile::TempDir;

const MIGRATIONS: &str = "migration/src/migrations";
const ANNOTATIONS: &str = "migration/schema_annotations.yaml";

/// A workspace with the sources that are read and written, and without a description of `erasure_requests`.
fn workspace() -> (TempDir, Workspace) {
    let (here, copy) = (Workspace::at(None), TempDir::new().unwrap());
    let workspace = Workspace::at(Some(copy.path().to_owned()));
    for directory in [MIGRATIONS, "entity/src"] {
        fs::create_dir_all(workspace.path(directory)).unwrap();
    }
    let list = format!("{MIGRATIONS}/mod.rs");
    for file in ["rustfmt.toml", "entity/src/erasure_requests.rs", list.as_str()] {
        fs::copy(here.path(file), workspace.path(file)).unwrap();
    }
    let text = fs::read_to_string(here.path(ANNOTATIONS)).unwrap();
    let blocks = text.split("\n\n").filter(|block| !block.starts_with("erasure_requests:"));
    fs::write(workspace.path(ANNOTATIONS), blocks.collect::<Vec<_>>().join("\n\n")).unwrap();
    (copy, workspace)
}

#[tokio::test]
async fn a_missing_table_is_written_in_the_form_of_the_others() {
    let (_copy, workspace) = workspace();
    let list = fs::read_to_string(workspace.path(&format!("{MIGRATIONS}/mod.rs"))).unwrap();
    let subject = Subject::migrated(workspace.clone()).await.unwrap();
    let dropped = subject.with(&Mutation::Sql("drop table erasure_requests")).await.unwrap();
    let intent = "a request for erasure is recorded, with its deadline.";
    let Written { report, findings } =
        write(&dropped, "create_erasure_requests", Some(intent)).await.unwrap();
    assert_eq!(findings, []);
    let file = report.lines().next().unwrap().strip_prefix("wrote ").unwrap();
    assert_eq!(
        report.lines().skip(1).collect::<Vec<_>>(),
        [
            "wrote migration/schema_annotations.yaml",
            "decide: the area of erasure_requests in gate/areas.yaml",
            "decide: the customer's privileges on erasure_requests (CUSTOMER_PRIVILEGES), with their reasons in \
             gate/grants.yaml",
        ]
    );
    let text = fs::read_to_string(workspace.path(file)).unwrap();
    assert_eq!(text, include_str!("change/create_erasure_requests.rs"));
    let module = file.rsplit('/').next().unwrap().strip_suffix(".rs").unwrap();
    let listed = fs::read_to_string(workspace.path(&format!("{MIGRATIONS}/mod.rs"))).unwrap();
    assert_eq!(listed.replace(&format!("    {module},\n"), ""), list);
    let described = fs::read_to_string(workspace.path(ANNOTATIONS)).unwrap();
    assert!(described.ends_with("moved by the trigger, never by the application.\"\n"), "{described}");
    assert!(
        described.contains("\nerasure_requests:\n  _table: \"A person's request to erase "),
        "{described}"
    );
}

#[tokio::test]
async fn what_would_lose_data_is_left_to_a_person_and_reported() {
    let (_copy, workspace) = workspace();
    let subject = Subject::migrated(workspace.clone()).await.unwrap();
    let sql = "alter table contacts add nickname text; alter table users drop metadata";
    let changed = subject.with(&Mutation::Sql(sql)).await.unwrap();
    let Written { report, findings } = write(&changed, "agree_again", None).await.unwrap();
    let problems: Vec<&str> = findings.iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(
        problems,
        [
            "column users.metadata: is not null and has no default, so that it cannot be added to a table with rows; \
             state a default_value in the entity, or add it as Option first; docs/migrations.md, \"Set NOT NULL\"",
            "column contacts.nickname: the entity lacks it; dropping it loses its values and breaks the running release; \
             docs/migrations.md, \"Drop a column\"",
        ]
    );
    let file = report.lines().next().unwrap().strip_prefix("wrote ").unwrap();
    let text = fs::read_to_string(workspace.path(file)).unwrap();
    assert_eq!(text, include_str!("change/agree_again.rs"));
}

#[test]
fn entities_that_agree_with_the_schema_need_no_migration() {
    let output = program(&["migration", "create_nothing"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "The entities and the migrated schema agree: nothing is written.\n");
}
