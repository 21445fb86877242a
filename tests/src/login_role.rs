//! A role that may log in to one database and has few privileges.

use crate::{SECRET, chain, connect, run};
use scratch::Database;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use url::Url;

/// A login role, and the database it is for. Dropping it drops the role and everything the role owns.
#[derive(Debug)]
pub struct LoginRole {
    database: Database,
    /// Its name, which is unique on the server.
    pub name: String,
}

impl LoginRole {
    /// Creates a role with these attributes, for instance `createrole`, and without any privilege on `database`.
    pub async fn new(database: Database, attributes: &str) -> Self {
        let name = format!("login_of_{}", database.name());
        let role = Self { database, name };
        let name = &role.name;
        role.administer(&format!("create role {name} login {attributes} password '{SECRET}'")).await;
        role
    }

    /// Creates a role that owns `database`.
    pub async fn owning(database: Database, attributes: &str) -> Self {
        let role = Self::new(database, attributes).await;
        role.administer(&format!("alter database {} owner to {}", role.database.name(), role.name)).await;
        role
    }

    /// The database's URL for this role.
    pub fn url(&self) -> String {
        self.url_with_password(SECRET)
    }

    /// The database's URL for this role, with another password.
    pub fn url_with_password(&self, password: &str) -> String {
        let mut url = Url::parse(&self.admin_url()).expect("a URL");
        url.set_username(&self.name).expect("a URL with a host");
        url.set_password(Some(password)).expect("a URL with a host");
        url.into()
    }

    /// The database's URL for the server's administrator.
    pub fn admin_url(&self) -> String {
        self.database.url()
    }

    /// Runs SQL as the server's administrator.
    pub async fn administer(&self, sql: &str) {
        let db = connect(&self.admin_url()).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        run(&db, sql).await.unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)));
        db.close().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
}

impl Drop for LoginRole {
    fn drop(&mut self) {
        let url = self.admin_url();
        let name = &self.name;
        let sql = format!(
            "do $$ begin if to_regrole('{name}') is not null then
                reassign owned by {name} to current_user; drop owned by {name}; drop role {name};
             end if; end $$"
        );
        // In a thread of its own: the test's runtime may be the one that unwinds.
        let work = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&url).await?;
                connection.execute(AssertSqlSafe(sql)).await?;
                connection.close().await
            })
        });
        if let Ok(Err(error)) = work.join() {
            eprintln!("cannot drop the role {name}: {}", chain(&error));
        }
    }
}
