//! Builders for changes of tables that are in use: short locks, and no read or write of many rows under a strong one.
//!
//! Every function serves both engines and can run again on its own result. A change that takes several migrations has a
//! function for each step and for its `down`; `docs/migrations.md` shows the order. Applied migrations consist of the
//! statements of this module: extend it, and never change an emitted statement.

pub(crate) mod backfill;
mod check;
mod column;
mod copy_trigger;
mod enum_value;
mod foreign_key;
mod index;
mod not_null;
pub(crate) mod progress;
mod rename;
pub(crate) mod run;
mod sqlite;
mod throttle;

pub use crate::ddl::{EnumType, execute, is_postgres};
pub use backfill::{Backfill, FIRST_BATCH};
pub use check::Check;
pub use column::{add_column, add_text, drop_column, grant_update};
pub use copy_trigger::CopyTrigger;
pub use enum_value::{EnumColumn, EnumDependent, EnumValues};
pub use foreign_key::ForeignKey;
pub use index::ConcurrentIndex;
pub use not_null::NotNull;
pub use rename::Rename;
pub use sqlite::redefine as sqlite_redefine;

#[cfg(test)]
mod tests {
    use super::{
        ConcurrentIndex, EnumColumn, EnumDependent, EnumType, EnumValues, ForeignKey, add_column, add_text,
    };
    use crate::emitted::{recorded, recorder};
    use sea_orm_migration::prelude::{ColumnDef, SchemaManager};
    use sea_orm_migration::sea_orm::DbBackend;

    /// What the recipes do not show. The recipes are run against both engines by `tests/it/migration/recipes.rs`.
    #[tokio::test]
    async fn variants_of_the_builders_write_these_statements() {
        let db = recorder(DbBackend::Postgres);
        let manager = SchemaManager::new(&db);
        let index = ConcurrentIndex::new("contacts", &["campaign_id", "created_at"]);
        index.filtered("due", "state = 'pending'").create(&manager).await.unwrap();
        let key = ForeignKey::new("contacts", "owner_id", "users", "set null");
        key.add(&manager).await.unwrap();
        let columns = &[EnumColumn { table: "contacts", name: "mood", default: None }];
        let after = EnumType { name: "mood", values: &["bad", "worse", "good"] };
        let dependents = &[EnumDependent { drop: "drop index a", create: "create index a" }];
        let values = EnumValues { after, added: &["bad", "worse"], columns, dependents };
        values.add(&manager).await.unwrap();
        values.remove(&manager).await.unwrap();
        drop(manager);

        let [_, index, key, first, second, removal] = &recorded(db)[..] else { panic!("six statements") };
        assert_eq!(
            index,
            "create index concurrently if not exists \"ix_contacts_campaign_created_due\" on \"contacts\" \
             (\"campaign_id\", \"created_at\") where state = 'pending'"
        );
        assert_eq!(
            key,
            "do $$ begin alter table \"contacts\" add constraint \"fk_contacts_owner_id_users\" \
             foreign key (\"owner_id\") references \"users\" (\"id\") on delete set null not valid; \
             exception when duplicate_object then null; end $$"
        );
        assert_eq!(first, "alter type \"mood\" add value if not exists 'bad' before 'good'");
        assert_eq!(second, "alter type \"mood\" add value if not exists 'worse' after 'bad'");
        assert_eq!(
            removal,
            "do $$ begin\n\
             if not exists (select from pg_enum where enumtypid = '\"mood\"'::regtype and enumlabel in ('bad', 'worse')) \
             then return; end if;\n\
             drop index a;\n\
             alter type \"mood\" rename to \"mood_old\";\n\
             create type \"mood\" as enum ('good');\n\
             alter table \"contacts\" alter column \"mood\" type \"mood\" using \"mood\"::text::\"mood\";\n\
             drop type \"mood_old\";\n\
             create index a;\n\
             end $$"
        );
    }

    #[tokio::test]
    async fn a_new_column_has_the_check_of_its_type_or_length() {
        let mut statements = Vec::new();
        for engine in [DbBackend::Postgres, DbBackend::Sqlite] {
            let db = recorder(engine);
            let manager = SchemaManager::new(&db);
            add_column(&manager, "contacts", ColumnDef::new("is_vip").boolean()).await.unwrap();
            add_text(&manager, "contacts", ColumnDef::new("nickname").text(), 255).await.unwrap();
            drop(manager);
            statements.extend(recorded(db));
        }
        assert_eq!(
            statements,
            [
                "ALTER TABLE \"contacts\" ADD COLUMN IF NOT EXISTS \"is_vip\" bool",
                "ALTER TABLE \"contacts\" ADD COLUMN IF NOT EXISTS \"nickname\" text",
                "do $$ begin alter table \"contacts\" add constraint \"ck_contacts_nickname_length\" \
                 check (length(\"nickname\") <= 255) not valid; exception when duplicate_object then null; end $$",
                "alter table \"contacts\" validate constraint \"ck_contacts_nickname_length\"",
                "ALTER TABLE \"contacts\" ADD COLUMN \"is_vip\" boolean \
                 CONSTRAINT \"ck_contacts_is_vip_type\" CHECK (\"is_vip\" in (0, 1))",
                "ALTER TABLE \"contacts\" ADD COLUMN \"nickname\" text \
                 CONSTRAINT \"ck_contacts_nickname_length\" CHECK (length(\"nickname\") <= 255)",
            ]
        );
    }
}
