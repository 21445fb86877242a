//! The migrator with example migrations of `docs/migrations.md` after those of this workspace, for tests of
//! interruptions.
//!
//! `RECIPES` names them in their order, separated by commas.

#[path = "../../../recipes/mod.rs"]
mod examples;

use sea_orm_migration::prelude::{
    DbErr, MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait,
};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    migration::cli::run::<Recipes>().await
}

struct Recipes;

impl MigratorTrait for Recipes {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let names = std::env::var("RECIPES").unwrap_or_default();
        let mut migrations = migration::Migrator::migrations();
        for (index, name) in names.split(',').enumerate() {
            let recipe = examples::all().into_iter().find(|recipe| recipe.name() == name);
            let name = format!("m20990101_{index:06}_{name}");
            let renamed = recipe.map(|recipe| Box::new(Renamed { name, recipe }) as Box<dyn MigrationTrait>);
            migrations.extend(renamed);
        }
        migrations
    }
}

/// A recipe under a name that follows those of the workspace.
struct Renamed {
    name: String,
    recipe: Box<dyn MigrationTrait>,
}

impl MigrationName for Renamed {
    fn name(&self) -> &str {
        &self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Renamed {
    fn use_transaction(&self) -> Option<bool> {
        self.recipe.use_transaction()
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.recipe.up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.recipe.down(manager).await
    }
}
