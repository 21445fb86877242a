//! The lock of the migrations: what it lets pass, what it stops, and how git treats it.

use gate::Workspace;
use gate::migrations::lock::{self, FILE, Lock};
use gate::migrations::main_branch;
use migration::{Emitted, emitted};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// The list of migrations.
const LIST: &str = "migration/src/migrations/mod.rs";

const CONTACTS: &str = "m20261121_000008_create_contacts";

/// A repository that holds nothing but the lock and the list of migrations, on its branch `main`.
struct Repository(TempDir);

impl Repository {
    fn new(emitted: &[Emitted]) -> Self {
        let new = Self(TempDir::new().unwrap());
        fs::create_dir_all(new.path("migration/src/migrations")).unwrap();
        fs::copy(here(LIST), new.path(LIST)).unwrap();
        assert!(new.git(&["init", "--quiet", "--initial-branch", "main"]).status.success());
        fs::write(new.path(FILE), "").unwrap();
        new.lock(emitted);
        new.commit();
        new
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.0.path().join(file)
    }

    fn workspace(&self) -> Workspace {
        Workspace::at(Some(self.0.path().to_owned()))
    }

    fn git(&self, arguments: &[&str]) -> Output {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        Command::new("git").arg("-C").arg(self.0.path()).args(identity).args(arguments).output().unwrap()
    }

    fn commit(&self) {
        assert!(self.git(&["add", "--all"]).status.success());
        let output = self.git(&["commit", "--quiet", "--message", "x"]);
        assert!(output.status.success(), "{output:?}");
    }

    fn lock(&self, emitted: &[Emitted]) {
        assert_eq!(lock::write(&self.workspace(), emitted, false).unwrap(), []);
    }
}

fn here(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

/// The same with the SQL of one migration changed.
fn with(all: &[Emitted], name: &str, change: impl Fn(&str) -> String) -> Vec<Emitted> {
    let mut all = all.to_vec();
    let one = all.iter_mut().find(|one| one.name == name).unwrap();
    let scripts = [&mut one.postgres, &mut one.sqlite];
    for sql in scripts.into_iter().flat_map(|script| script.up.iter_mut().chain(&mut script.down)) {
        *sql = change(sql);
    }
    all
}

/// The same with one more migration, like the last.
fn and(all: &[Emitted], name: &str) -> Vec<Emitted> {
    let new = Emitted { name: name.to_owned(), ..all.last().unwrap().clone() };
    let mut all = [all, &[new]].concat();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

#[tokio::test]
async fn a_changed_statement_is_named_and_a_formatted_one_is_not() {
    let now = emitted().await.unwrap();
    let lock = Lock::of(&now, None);
    for name in now.iter().map(|one| &one.name) {
        let formatted = with(&now, name, |sql| {
            let sql = sql.replace("create policy", "CREATE  POLICY").replace("\n    ", "\n\t");
            format!("-- a comment\n{};\n", sql.replace("begin\n", "begin -- why\n\n    "))
        });
        assert_ne!(now, formatted);
        assert_eq!(lock.changed(&formatted), [], "{name}");
    }
    for (change, to, words) in [
        ("attempts_count >= 0", "attempts_count >= 1", "statement 1 of postgres up is not the locked one"),
        ("grant select, insert", "grant insert, select", "statement 6 of postgres up"),
        ("DROP TABLE IF EXISTS", "DROP TABLE", "statement 1 of postgres down"),
    ] {
        let changed = lock.changed(&with(&now, CONTACTS, |sql| sql.replacen(change, to, 1)));
        let [finding] = &changed[..] else { panic!("{change}: {changed:?}") };
        assert!(finding.object == CONTACTS && finding.problem.contains(words), "{finding}");
    }
    let mut without_transaction = now.clone();
    without_transaction[7].transactional = false;
    assert!(lock.changed(&without_transaction)[0].problem.contains("transaction mode"));
}

#[tokio::test]
async fn two_branches_that_each_add_a_migration_conflict_in_git() {
    let now = emitted().await.unwrap();
    let repository = Repository::new(&now);
    let list = fs::read_to_string(repository.path(LIST)).unwrap();
    let newest = &now.last().unwrap().name;
    for (branch, name) in [("one", "m20261201_100000_add_one"), ("other", "m20261202_100000_add_other")] {
        assert!(repository.git(&["checkout", "--quiet", "-b", branch, "main"]).status.success());
        repository.lock(&and(&now, name));
        let line = format!("    {newest},\n");
        assert!(list.contains(&line));
        let list = list.replace(&line, &format!("{line}    {name},\n"));
        fs::write(repository.path(LIST), list).unwrap();
        repository.commit();
    }
    let merge = repository.git(&["merge", "one"]);
    assert!(!merge.status.success());
    let message = String::from_utf8_lossy(&merge.stdout).into_owned();
    for file in [FILE, LIST] {
        assert!(message.contains(&format!("CONFLICT (content): Merge conflict in {file}")), "{message}");
    }
}

#[tokio::test]
async fn the_main_branch_is_compared_with() {
    let now = emitted().await.unwrap();
    let repository = Repository::new(&now);
    let compare = async |emitted: Vec<Emitted>| {
        let found = main_branch::compare(&repository.workspace(), &emitted, None).await.unwrap();
        assert_eq!(found.base, "main");
        let findings: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
        (found.added, findings)
    };
    assert_eq!(compare(now.clone()).await, (vec![], vec![]));
    let (added, findings) = compare(and(&now, "m20991231_000001_newer")).await;
    assert_eq!((added, findings), (vec!["m20991231_000001_newer".to_owned()], vec![]));

    let (added, findings) = compare(and(&now, "m20261121_000009_a_late_one")).await;
    assert_eq!(added, ["m20261121_000009_a_late_one"]);
    let newest = &now.last().unwrap().name;
    assert!(findings[0].contains(&format!("older than {newest}")), "{findings:?}");
    let (_, findings) = compare(with(&now, CONTACTS, |sql| sql.replace(">= 0", ">= 1"))).await;
    assert!(findings[0].starts_with(CONTACTS), "{findings:?}");
    let (_, findings) = compare(now[..now.len() - 1].to_vec()).await;
    assert!(findings[0].contains(newest) && findings[0].contains("missing"), "{findings:?}");

    let unknown =
        main_branch::compare(&repository.workspace(), &now, Some("no-such-branch".to_owned())).await;
    assert!(unknown.unwrap_err().to_string().contains("no-such-branch"));

    // A main branch without the lock: with nothing to lock, and with a migration.
    fs::remove_file(repository.path(FILE)).unwrap();
    repository.commit();
    assert_eq!(compare(now.clone()).await.0.len(), now.len());
    fs::write(repository.path("migration/src/migrations/m20261121_000001_create_enums.rs"), "").unwrap();
    repository.commit();
    let unlocked = main_branch::compare(&repository.workspace(), &now, None).await.unwrap_err().to_string();
    assert!(unlocked.contains("migrations, and no migration/migrations.lock"), "{unlocked}");
}

#[tokio::test]
async fn a_lock_that_is_missing_is_restored_and_not_rewritten() {
    let now = emitted().await.unwrap();
    let repository = Repository::new(&now);
    fs::remove_file(repository.path(FILE)).unwrap();
    let findings = lock::write(&repository.workspace(), &now, false).unwrap();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].to_string().contains("is missing"), "{findings:?}");
    assert!(!repository.path(FILE).exists());
}

#[tokio::test]
async fn a_released_migration_is_not_locked_again() {
    let now = emitted().await.unwrap();
    let repository = Repository::new(&now);
    let text = || fs::read_to_string(repository.path(FILE)).unwrap();
    let changed = with(&now, CONTACTS, |sql| sql.replace(">= 0", ">= 1"));
    let unreleased = text();
    repository.lock(&changed);
    assert_ne!(text(), unreleased, "before its release a migration may be corrected");
    repository.lock(&now);

    assert_eq!(lock::write(&repository.workspace(), &now, true).unwrap(), []);
    let released = text();
    let newest = &now.last().unwrap().name;
    assert!(released.contains(&format!("# released: {newest}\n")), "{released}");
    for wrong in [changed, now[..now.len() - 1].to_vec(), and(&now, "m20261121_000009_a_late_one")] {
        let findings = lock::write(&repository.workspace(), &wrong, false).unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(text(), released, "nothing is written");
    }
    repository.lock(&and(&now, "m20991231_000001_newer"));
    assert!(text().starts_with(released.trim_end()), "what was released stays to the letter");
}
