//! The scope of all rows is `database`'s to give.

use database::{Admin, AdminTx, Database, Error};

async fn right(database: Database) -> Result<AdminTx, Error> {
    database.admin().await
}

fn by_hand() -> Admin {
    Admin(())
}

fn main() {}
