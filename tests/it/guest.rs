//! A login with few privileges on a database of its own, gone with everything it made.

use crate::migrator::SECRET;
use scratch::Database;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tests::{chain, connect, run};
use url::Url;

/// A login, and the database that it is for.
#[derive(Debug)]
pub struct Guest {
    database: Database,
    /// Its name, which is unique on the server.
    pub name: String,
}

impl Guest {
    /// Makes a login with these attributes, for instance `createrole`, and without any privilege on `database`.
    pub async fn new(database: Database, attributes: &str) -> Self {
        let name = format!("guest_of_{}", database.name());
        let guest = Self { database, name };
        let name = &guest.name;
        guest.administer(&format!("create role {name} login {attributes} password '{SECRET}'")).await;
        guest
    }

    /// Makes a login that owns `database`.
    pub async fn owning(database: Database, attributes: &str) -> Self {
        let guest = Self::new(database, attributes).await;
        guest.administer(&format!("alter database {} owner to {}", guest.database.name(), guest.name)).await;
        guest
    }

    /// The database's URL for this login.
    pub fn url(&self) -> String {
        self.url_with_password(SECRET)
    }

    /// The database's URL for this login, with another password.
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
        let db = connect(&self.admin_url()).await.unwrap();
        run(&db, sql).await.unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)));
        db.close().await.unwrap();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let url = self.admin_url();
        let name = &self.name;
        let sql = format!(
            "do $$ begin if to_regrole('{name}') is not null then
                reassign owned by {name} to current_user; drop owned by {name}; drop role {name};
             end if; end $$"
        );
        // Not on the test's runtime, which may be the one that unwinds.
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
