//! `ops restore`: a backup in an empty database, all of it or nothing.
//!
//! One transaction of one `psql` creates the missing roles, runs the script that `pg_restore` writes, and counts and digests
//! the rows. This program compares them with the manifest and only then sends `commit`. However it, `psql` or the connection
//! ends before, the server rolls back: no half-restored database, role or setting remains, and an unverified one is never
//! visible. The price is that `pg_restore` does not load tables in parallel. The other ways give up more: dropping what was
//! created does not happen after a SIGKILL, and a second database that is renamed needs CREATEDB, and loses the privileges
//! and settings of the first one.

use crate::backup::DUMP;
use crate::manifest::{Cluster, Engine, Manifest, Role, Setting, Table};
use crate::place::{Local, Place};
use crate::rows::{self, Content};
use crate::server_hash::{self, COLUMNS};
use crate::snapshot::{identifier, literal};
use crate::target::{SESSION, connect, libpq};
use crate::{Error, Progress, Target, programs, sqlite};
use environment::{Action, AppEnv, Mark, permit};
use scratch::Clients;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, Row as _};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{PipeWriter, Write as _};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::task::JoinHandle;

/// The permission to restore, from the command line and the environment.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// What the target is used for.
    pub app_env: Option<AppEnv>,
    /// Whether `--allow-destructive` was given.
    pub allow_destructive: bool,
}

/// Restores the backup that `from` is, or its newest one, into the empty database `target`. `identity` is a file of private keys
/// for an encrypted one.
///
/// # Errors
/// See [`Error`]. Then the target, and the roles of its server, are as before.
pub async fn restore(
    from: &Place,
    identity: Option<&Path>,
    target: &Target,
    permission: Permission,
    progress: &Progress,
) -> Result<Manifest, Error> {
    let may = |mark| {
        let action = Action::Destroy { command: "restore", allowed: permission.allow_destructive };
        permit(action, target.place(), permission.app_env, mark, target)
    };
    may(Mark::Absent)?;
    let local = from.open(identity, progress).await?;
    match (target, local.manifest.engine) {
        (Target::Postgres(server), Engine::PostgreSQL) => {
            let mut connection = connect(server).await?;
            let failed = Error::statement("reading the catalogue", target);
            let marked = sqlx::raw_sql(Mark::QUERY).fetch_all(&mut connection).await.map_err(&failed)?;
            may(if marked.is_empty() { Mark::Absent } else { Mark::Production })?;
            connection.close().await.map_err(&failed)?;
            postgres(&local, server, progress).await?;
        }
        (Target::Sqlite(file), Engine::SQLite) => {
            progress.step("Restoring the file");
            sqlite::restore(&local, file, target).await?;
        }
        (_, engine) => {
            let engine = if engine == Engine::SQLite { "SQLite" } else { "PostgreSQL" };
            return Err(Error::Engine { backup: local.manifest.name, engine, target: target.to_string() });
        }
    }
    Ok(local.manifest)
}

/// Restores files that were verified into an empty PostgreSQL database, and verifies its rows.
pub(crate) async fn postgres(
    local: &Local,
    server: &PgConnectOptions,
    progress: &Progress,
) -> Result<(), Error> {
    let manifest = &local.manifest;
    let target = Target::Postgres(Box::new(server.clone()));
    let state = State::read(server, &target, manifest).await?;
    let clients = programs::find(manifest.dump_major)?;
    for Role { name, reserved, .. } in state.missing_roles(&manifest.cluster) {
        if !reserved.is_empty() {
            progress.note(&format!("the role {name} is created without {}", reserved.join(" and ")));
        }
    }
    let mut session = Session::start(&clients, server)?;
    let restored = session.restore(local, &clients, &state, progress).await;
    let ended = session.end().await;
    // The message of psql is the cause of what the others report.
    match (restored, ended) {
        (Ok(()), ended) => ended,
        (Err(error @ Error::Content { .. }), _) => Err(error),
        (Err(_), Err(psql @ Error::Program { .. })) => Err(psql),
        (Err(error), _) => Err(error),
    }
}

/// What a restore has to know of its target.
struct State {
    database: String,
    extensions: Vec<String>,
    roles: Vec<String>,
}

impl State {
    /// Reads it, and refuses a database that is not suitable.
    async fn read(server: &PgConnectOptions, target: &Target, manifest: &Manifest) -> Result<Self, Error> {
        let failed = Error::statement("reading the catalogue", target);
        let mut connection = connect(server).await?;
        let found = connection.server_version_num().unwrap_or_default() / 10_000;
        if found < manifest.server_major {
            let (target, oldest) = (target.to_string(), manifest.server_major);
            return Err(Error::OldServer { target, found, oldest });
        }
        let row = sqlx::query("select current_database()::text, current_setting('server_encoding')")
            .fetch_one(&mut connection)
            .await
            .map_err(&failed)?;
        let encoding: String = row.try_get(1).map_err(&failed)?;
        if encoding != manifest.encoding {
            let (target, expected) = (target.to_string(), manifest.encoding.clone());
            return Err(Error::Encoding { target, found: encoding, expected });
        }
        let objects: Vec<String> =
            sqlx::query_scalar(OBJECTS).fetch_all(&mut connection).await.map_err(&failed)?;
        if !objects.is_empty() {
            return Err(Error::NotEmpty { target: target.to_string(), objects: objects.join(", ") });
        }
        let roles = sqlx::query_scalar("select rolname::text from pg_roles");
        let roles = roles.fetch_all(&mut connection).await.map_err(&failed)?;
        let extensions = sqlx::query_scalar("select extname::text from pg_extension");
        let extensions = extensions.fetch_all(&mut connection).await.map_err(&failed)?;
        connection.close().await.map_err(&failed)?;
        Ok(Self { database: row.try_get(0).map_err(&failed)?, extensions, roles })
    }

    fn missing_roles<'a>(&self, cluster: &'a Cluster) -> Vec<&'a Role> {
        cluster.roles.iter().filter(|role| !self.roles.contains(&role.name)).collect()
    }

    /// The statements that create the missing roles. A role that exists keeps its attributes and memberships: they are the
    /// decision of that server.
    fn role_statements(&self, cluster: &Cluster) -> String {
        let missing = self.missing_roles(cluster);
        let is_new = |name: &str| missing.iter().any(|role| role.name == name);
        let mut sql = String::new();
        for Role { name, attributes, reserved: _ } in &missing {
            // Writing to a string does not fail.
            let _ = writeln!(sql, "create role {} {};", identifier(name), attributes.join(" "));
        }
        for membership in &cluster.memberships {
            if is_new(&membership.role) || is_new(&membership.member) {
                let admin = if membership.admin { " with admin option" } else { "" };
                let (role, member) = (identifier(&membership.role), identifier(&membership.member));
                let _ = writeln!(sql, "grant {role} to {member}{admin};");
            }
        }
        sql
    }

    /// The statements that restore the settings and privileges of the database, and the settings of new roles.
    fn database_statements(&self, cluster: &Cluster) -> String {
        let missing = self.missing_roles(cluster);
        let database = identifier(&self.database);
        let mut sql = String::new();
        for Setting { role, in_database, name, value } in &cluster.settings {
            let subject = match role {
                None => format!("database {database}"),
                Some(role) if *in_database => format!("role {} in database {database}", identifier(role)),
                Some(role) if missing.iter().any(|new| new.name == *role) => {
                    format!("role {}", identifier(role))
                }
                Some(_) => continue,
            };
            // The catalogue holds the value of a list with the quotes of its elements.
            let value = if LISTS.contains(&name.as_str()) { value.clone() } else { literal(value) };
            let name = name.split('.').map(identifier).collect::<Vec<_>>().join(".");
            let _ = writeln!(sql, "alter {subject} set {name} to {value};");
        }
        if let Some(privileges) = &cluster.privileges {
            let _ = writeln!(sql, "revoke all on database {database} from public;");
            for privilege in privileges {
                let grantee = privilege.grantee.as_deref().map_or_else(|| "public".to_owned(), identifier);
                let option = if privilege.grantable { " with grant option" } else { "" };
                let _ = writeln!(
                    sql,
                    "grant {} on database {database} to {grantee}{option};",
                    privilege.privilege
                );
            }
        }
        sql
    }
}

/// The parameters whose value is a list of quoted names (`GUC_LIST_QUOTE`).
const LISTS: [&str; 5] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// Up to three objects of the database, and how many more it has.
const OBJECTS: &str = "
with objects(name, classid, oid) as (
    select 'the relation ' || c.oid::regclass, 'pg_class'::regclass, c.oid
    from pg_class c where relkind not in ('i', 'I', 't') and relnamespace >= 16384
       or relkind not in ('i', 'I', 't') and relnamespace = 'public'::regnamespace
    union all
    select 'the function ' || p.oid::regprocedure, 'pg_proc'::regclass, p.oid
    from pg_proc p where pronamespace >= 16384 or pronamespace = 'public'::regnamespace
    union all
    select 'the type ' || t.oid::regtype, 'pg_type'::regclass, t.oid
    from pg_type t where typtype in ('d', 'e', 'r')
                     and (typnamespace >= 16384 or typnamespace = 'public'::regnamespace)
), own as (
    select name, row_number() over (order by name) as number, count(*) over () as total from objects o
    where not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e')
)
select name from own where number <= 3
union all
select format('%s more', max(total) - 3) from own having max(total) > 3";

/// A `psql` with one transaction, which only [`Session::restore`] commits.
struct Session {
    psql: Child,
    /// The only way to `commit`.
    input: Option<PipeWriter>,
    output: Lines<BufReader<ChildStdout>>,
    errors: JoinHandle<Vec<String>>,
}

impl Session {
    fn start(clients: &Clients, server: &PgConnectOptions) -> Result<Self, Error> {
        let (reader, input) = std::io::pipe().map_err(Error::io("open", "a pipe"))?;
        let mut command = programs::command(clients, "psql");
        command.args(["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align"]);
        command.args(["--set=ON_ERROR_STOP=1", "--field-separator=\t"]);
        libpq(&mut command, server, clients.major, "--to")?;
        command.stdin(reader).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut psql = command.spawn().map_err(Error::io("run", "psql"))?;
        let failed = || Error::Program { program: "psql", message: "it has no output".to_owned() };
        let output = BufReader::new(psql.stdout.take().ok_or_else(failed)?).lines();
        let stderr = psql.stderr.take();
        let errors = tokio::spawn(async { programs::messages(stderr, |_| ()).await });
        Ok(Self { psql, input: Some(input), output, errors })
    }

    /// Restores and verifies everything, and commits.
    async fn restore(
        &mut self,
        local: &Local,
        clients: &Clients,
        state: &State,
        progress: &Progress,
    ) -> Result<(), Error> {
        let manifest = &local.manifest;
        let contents = contents(local, clients, state).await?;
        // Without DETAIL and CONTEXT, which quote rows; in the data itself the message does as well.
        self.send(&format!(
            "\\set VERBOSITY terse\nbegin;\n{SESSION}\n{}\\o /dev/null\n",
            state.role_statements(&manifest.cluster)
        ))?;
        progress.step("Creating the tables");
        self.section(local, clients, &contents, "pre-data").await?;
        self.send("\\o\n")?;
        let columns = self.query(COLUMNS).await?;
        self.send("\\o /dev/null\n")?;
        // Meanwhile, the files are read for what the server should find. A thread does not delay a failure.
        let expected = std::thread::spawn({
            let (directory, manifest, columns) = (local.directory.clone(), manifest.clone(), columns.clone());
            move || rows::expect(&directory, &manifest, &columns)
        });
        progress.step(&format!("Loading {} rows", manifest.rows()));
        self.send("\\set VERBOSITY sqlstate\n")?;
        self.section(local, clients, &contents, "data").await?;
        progress.step("Creating the indexes, keys and policies");
        self.send("\\set VERBOSITY terse\n")?;
        self.section(local, clients, &contents, "post-data").await?;
        progress.step("Verifying the rows");
        self.send(&format!("{SESSION}\n{}\\o\n", state.database_statements(&manifest.cluster)))?;
        let queries: Vec<String> = columns
            .iter()
            .filter_map(|row| Some(server_hash::query(&literal(row.first()?), row.first()?, row.last()?)))
            .collect();
        let rows = self.query(&queries.join(";\n")).await?;
        let expected = expected.join().unwrap_or_else(|_| Err(std::io::Error::other("its thread panicked")));
        let expected = expected.map_err(Error::io("read", local.directory.join(DUMP)))?;
        let found: Vec<Table> = rows.iter().filter_map(|row| table(row, &expected)).collect();
        let mut differences = manifest.differences(&found);
        let is_marked = !self.query(Mark::QUERY).await?.is_empty();
        if is_marked != manifest.is_marked {
            differences.push("the mark of a production database differs".to_owned());
        }
        if !differences.is_empty() {
            return Err(Error::Content { backup: manifest.name.clone(), differences });
        }
        self.query("commit").await.map(|_| ())
    }

    /// Passes a section of the script from `pg_restore` to `psql`.
    async fn section(
        &mut self,
        local: &Local,
        clients: &Clients,
        contents: &str,
        section: &str,
    ) -> Result<(), Error> {
        let mut command = programs::command(clients, "pg_restore");
        command.arg(format!("--section={section}")).args(["--use-list=/dev/stdin", "--file=-"]);
        command.arg(local.directory.join(DUMP));
        let output = self.input.as_ref().map(PipeWriter::try_clone).transpose();
        let Some(output) = output.map_err(Error::io("write to", "psql"))? else { return Ok(()) };
        command.stdin(Stdio::piped()).stdout(output).stderr(Stdio::piped());
        let mut program = command.spawn().map_err(Error::io("run", "pg_restore"))?;
        // It holds our end of the pipe, which has to close with the session.
        drop(command);
        if let Some(mut input) = program.stdin.take() {
            // If the program has ended already, its own error is the one that matters.
            let _ = input.write_all(contents.as_bytes()).await;
        }
        let errors = programs::messages(program.stderr.take(), |_| ()).await;
        let status = program.wait().await.map_err(Error::io("wait for", "pg_restore"))?;
        programs::succeeded("pg_restore", status, errors)?;
        // Waits until `psql` has executed it, so that the step that is displayed is the one that runs.
        self.query("select").await.map(|_| ())
    }

    /// Runs a statement and returns the fields of its rows.
    async fn query(&mut self, sql: &str) -> Result<Vec<Vec<String>>, Error> {
        self.send(&format!("{sql};\n\\echo {END}\n"))?;
        let mut rows = Vec::new();
        while let Some(line) = self.output.next_line().await.map_err(Error::io("read from", "psql"))? {
            if line == END {
                return Ok(rows);
            }
            rows.push(line.split('\t').map(ToOwned::to_owned).collect());
        }
        Err(Error::Program { program: "psql", message: "it ended before its script".to_owned() })
    }

    fn send(&mut self, text: &str) -> Result<(), Error> {
        let Some(input) = &mut self.input else { return Ok(()) };
        input.write_all(text.as_bytes()).map_err(Error::io("write to", "psql"))
    }

    /// Ends `psql`: without a `commit` before, the server rolls back.
    async fn end(mut self) -> Result<(), Error> {
        drop(self.input.take());
        let status = self.psql.wait().await.map_err(Error::io("wait for", "psql"))?;
        programs::succeeded("psql", status, self.errors.await.unwrap_or_default())
    }
}

/// The list of what is restored: everything but the comments of extensions that exist. An administrator who created one owns
/// it, and its comment.
async fn contents(local: &Local, clients: &Clients, state: &State) -> Result<String, Error> {
    let list = programs::list(clients, &local.directory.join(DUMP)).await?;
    let is_theirs = |line: &&str| {
        let comment = line.split_once(" COMMENT - EXTENSION ").map(|(_, name)| name);
        comment.is_some_and(|comment| state.extensions.iter().any(|extension| comment.contains(extension)))
    };
    Ok(list.split_inclusive('\n').filter(|line| !is_theirs(line)).collect())
}

/// The line after the rows of a statement.
const END: &str = "-- ops: end of the rows";

/// A restored table. If the server has the rows of the data file, its digest is that of the file.
fn table(row: &[String], expected: &BTreeMap<String, Content>) -> Option<Table> {
    let [name, rows, hash] = row else { return None };
    let content = expected.get(name).filter(|content| content.hash.as_ref() == Some(hash));
    let digest = content.map(|content| content.digest.clone()).unwrap_or_default();
    Some(Table { name: name.clone(), rows: rows.parse().ok()?, digest, file: None })
}
