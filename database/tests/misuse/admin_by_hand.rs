//! The admin scope cannot be constructed outside of `database`.

use database::{Admin, AdminTx, Database, Error};

async fn right(database: Database) -> Result<AdminTx, Error> {
    database.admin().await
}

fn by_hand() -> Admin {
    Admin(())
}

fn main() {}
