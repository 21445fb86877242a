//! Each table, column, type, default, key, check, index and enum value of the data model is in the catalogue of
//! both engines, and nothing else is.

use crate::schema::model::{Column, Index, Key, Kind, Table, model};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use tests::{SqliteFile, catalog, connect, migrated, run};

#[tokio::test]
async fn postgresql_has_the_data_model_and_nothing_else() {
    let database = migrated("shape").await;
    let db = connect(&database.url()).await.unwrap();
    let difference = catalog::difference(&expected_postgres(&db).await, &found_postgres(&db).await);
    assert_eq!(difference, [""; 0], "- is in the data model only, + in the database only");
}

#[tokio::test]
async fn sqlite_has_the_data_model_and_nothing_else() {
    let file = SqliteFile::migrated().await;
    let db = connect(&file.url()).await.unwrap();
    let difference = catalog::difference(&expected_sqlite(), &found_sqlite(&db).await);
    assert_eq!(difference, [""; 0], "- is in the data model only, + in the database only");
}

#[tokio::test]
async fn the_comparison_sees_every_kind_of_difference_on_postgresql() {
    let database = migrated("shape_differences").await;
    let db = connect(&database.url()).await.unwrap();
    let before = found_postgres(&db).await;
    for change in [
        "create table extra (id uuid primary key)",
        "create view extra as select 1",
        "create sequence extra",
        "create type extra as enum ('a')",
        "create domain extra as text",
        "create function extra() returns int language sql return 1",
        "alter type language_code add value 'de'",
        "alter type language_code rename value 'it' to 'fr'",
        "alter table contacts add column extra text",
        "alter table contacts drop column email",
        "alter table contacts rename column email to mail",
        "alter table contacts alter column email set not null",
        "alter table contacts alter column phone_number drop not null",
        "alter table contacts alter column attempts_count drop default",
        "alter table contacts alter column attempts_count set default 1",
        "alter table provider_configs alter column max_concurrent_calls type integer",
        "alter table survey_responses alter column q1_confidence type numeric(4, 2)",
        "alter table contacts alter column organization_id drop default",
        "alter table contacts add check (attempts_count < 9)",
        "alter table contacts drop constraint ck_contacts_phone_number_e164",
        "alter table contacts rename constraint pk_contacts to contacts_pkey",
        "alter table call_attempts drop constraint uq_call_attempts_call_id",
        "alter table call_attempts drop constraint uq_call_attempts_call_id; \
         create unique index uq_call_attempts_call_id on call_attempts (call_id)",
        "alter table call_attempts alter constraint fk_call_attempts_contact_id_contacts deferrable",
        "alter table events drop constraint fk_events_call_attempt_id_call_attempts; \
         alter table events add constraint fk_events_call_attempt_id_call_attempts \
         foreign key (organization_id, call_attempt_id) references call_attempts (organization_id, id) \
         on delete set null",
        "alter table contacts drop constraint fk_contacts_campaign_id_campaigns; \
         alter table contacts add constraint fk_contacts_campaign_id_campaigns \
         foreign key (campaign_id) references campaigns (id) on delete cascade",
        "create index extra on contacts (email)",
        "drop index ix_contacts_phone",
        "alter index ix_contacts_phone rename to ix_contacts_phone_number",
        "drop index ix_events_created_unpublished; \
         create index ix_events_created_unpublished on events (created_at) where published_at is not null",
        "drop index ix_contacts_campaign_state; create index ix_contacts_campaign_state on contacts (state, campaign_id)",
        "drop trigger updated_at on events",
        "alter table events disable trigger updated_at",
        "create trigger extra before delete on events for each row execute function set_updated_at()",
        "alter table events disable row level security",
        "alter table events force row level security",
        "alter function current_organization_id() security definer",
    ] {
        let tx = db.begin().await.unwrap();
        run(&tx, change).await.unwrap_or_else(|error| panic!("{change}: {error}"));
        let found = found_postgres(&tx).await;
        tx.rollback().await.unwrap();
        assert!(!catalog::difference(&before, &found).is_empty(), "goes unnoticed: {change}");
    }
}

#[tokio::test]
async fn the_comparison_sees_every_kind_of_difference_on_sqlite() {
    let file = SqliteFile::migrated().await;
    let db = connect(&file.url()).await.unwrap();
    let before = found_sqlite(&db).await;
    for change in [
        "create table extra (id uuid_text)",
        "create view extra as select 1",
        "alter table contacts add column extra text",
        "alter table contacts rename column email to mail",
        "create index extra on contacts (email)",
        "create unique index extra on contacts (email)",
        "drop index ix_contacts_phone",
        "drop index ix_events_created_unpublished; create index ix_events_created_unpublished on events (created_at)",
        "drop trigger updated_at_events",
        "drop trigger updated_at_events; create trigger updated_at_events after insert on events begin select 1; end",
    ] {
        let tx = db.begin().await.unwrap();
        run(&tx, change).await.unwrap_or_else(|error| panic!("{change}: {error}"));
        let found = found_sqlite(&tx).await;
        tx.rollback().await.unwrap();
        assert!(!catalog::difference(&before, &found).is_empty(), "goes unnoticed: {change}");
    }
    // What SQLite cannot alter: a table is dropped and recreated from its text with one change.
    run(&db, "pragma foreign_keys = off").await.unwrap();
    for (table, from, to) in [
        ("contacts", "\"phone_number\" text NOT NULL", "\"phone_number\" text NULL"),
        ("contacts", "\"do_not_call\" boolean", "\"do_not_call\" integer"),
        ("contacts", "DEFAULT 'pending'", "DEFAULT 'excluded'"),
        ("contacts", "randomblob(6)", "zeroblob(6)"),
        ("contacts", "\"ck_contacts_email_length\"", "\"email_length\""),
        ("contacts", "CONSTRAINT \"ck_contacts_email_length\" CHECK (length(\"email\") <= 255), ", ""),
        ("contacts", "CONSTRAINT \"ck_contacts_email_length\" CHECK", "CHECK"),
        (
            "contacts",
            "(\"organization_id\", \"campaign_id\") REFERENCES \"campaigns\" (\"organization_id\", \"id\")",
            "(\"campaign_id\") REFERENCES \"campaigns\" (\"id\")",
        ),
        ("contacts", "ON DELETE CASCADE", "ON DELETE RESTRICT"),
        ("call_attempts", "CONSTRAINT \"uq_call_attempts_call_id\" UNIQUE (\"call_id\"), ", ""),
        ("call_attempts", "\"uq_call_attempts_call_id\"", "\"uq_call\""),
        (
            "call_attempts",
            "UNIQUE (\"contact_id\", \"attempt_number\")",
            "UNIQUE (\"attempt_number\", \"contact_id\")",
        ),
        ("call_attempts", "\"pk_call_attempts\"", "\"call_attempts_pkey\""),
    ] {
        let tx = db.begin().await.unwrap();
        let old =
            lines(&tx, &format!("select sql from sqlite_schema where name = '{table}'")).await.remove(0);
        let indexes =
            lines(&tx, &format!("select sql from sqlite_schema where tbl_name = '{table}' and type <> 'table' and sql is not null")).await;
        let new = old.replacen(from, to, 1);
        assert_ne!(new, old, "the text of {table} has {from}");
        run(&tx, &format!("drop table {table}; {new}; {}", indexes.join("; "))).await.unwrap();
        let found = found_sqlite(&tx).await;
        tx.rollback().await.unwrap();
        assert!(!catalog::difference(&before, &found).is_empty(), "goes unnoticed: {from} became {to}");
    }
}

#[tokio::test]
async fn every_table_has_row_level_security_with_policies_for_the_customer_alone() {
    let database = migrated("shape_policies").await;
    let db = connect(&database.url()).await.unwrap();
    let found = lines(
        &db,
        "select format('%s: enabled %s, forced %s, policies %s for %s', relname, relrowsecurity, relforcerowsecurity,
                       count(polname) > 0, coalesce(string_agg(distinct (
                           select string_agg(case r when 0 then 'public' else r::regrole::text end, ', ' order by r)
                           from unnest(polroles) r), ' and '), 'no role'))
         from pg_class c left join pg_policy on polrelid = c.oid
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'seaql_migrations'
         group by c.oid",
    )
    .await;
    let expected: Vec<String> = model()
        .tables
        .iter()
        // The owner alone reads them: no policy opens them.
        .map(|table| match table.name {
            name @ ("audit_seals" | "retention_runs" | "signing_keys") => {
                format!("{name}: enabled t, forced f, policies f for no role")
            }
            name => format!("{name}: enabled t, forced f, policies t for customer"),
        })
        .collect();
    assert_eq!(catalog::difference(&expected, &found), [""; 0], "a table without policies is open or dead");
}

#[tokio::test]
async fn every_table_and_column_has_a_comment() {
    let database = migrated("shape_comments").await;
    let db = connect(&database.url()).await.unwrap();
    let silent = lines(
        &db,
        "select format('%s.%s', relname, attname)
         from pg_class c join pg_attribute a on attrelid = c.oid
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'seaql_migrations'
           and attnum > 0 and not attisdropped and coalesce(trim(col_description(c.oid, attnum)), '') = ''
         union all
         select relname from pg_class c
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'seaql_migrations'
           and coalesce(trim(obj_description(c.oid, 'pg_class')), '') = ''",
    )
    .await;
    assert_eq!(silent, [""; 0], "whoever meets a table or a column in psql can read what it is");
}

#[tokio::test]
async fn every_foreign_key_has_an_index_that_begins_with_its_columns() {
    let database = migrated("shape_key_indexes").await;
    let db = connect(&database.url()).await.unwrap();
    let slow = "
        select conname::text from pg_constraint k
        where contype = 'f' and connamespace = 'public'::regnamespace and not exists (
            select from pg_index i
            where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null and (
                -- All columns of the key come first, in any order, the tenant's among them or not.
                (select array_agg(c order by c) from unnest(k.conkey) c)
                    = (select array_agg(c order by c) from unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) c)
                or (select array_agg(c order by c) from unnest(k.conkey) c
                    join pg_attribute on attrelid = k.conrelid and attnum = c
                    where attname <> 'organization_id' or cardinality(k.conkey) = 1)
                    = (select array_agg(c order by c) from unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 2]) c)))";
    assert_eq!(lines(&db, slow).await, [""; 0], "without one, deleting the parent reads the whole table");
    run(&db, "drop index ix_events_call_attempt").await.unwrap();
    assert_eq!(
        lines(&db, slow).await,
        ["fk_events_call_attempt_id_call_attempts"],
        "a missing index is seen"
    );
}

#[tokio::test]
async fn no_identifier_is_longer_than_63_bytes() {
    // PostgreSQL cuts a longer one silently, so both the names wanted and the names found are looked at.
    let database = migrated("shape_names").await;
    let db = connect(&database.url()).await.unwrap();
    let file = SqliteFile::migrated().await;
    let sqlite = connect(&file.url()).await.unwrap();
    let mut names = lines(
        &db,
        "select conname::text from pg_constraint where connamespace = 'public'::regnamespace
         union select relname::text from pg_class where relnamespace = 'public'::regnamespace
         union select polname::text from pg_policy union select typname::text from pg_type
         where typnamespace = 'public'::regnamespace and typelem = 0",
    )
    .await;
    names.extend(lines(&sqlite, "select name from sqlite_schema").await);
    for table in &model().tables {
        names.extend(table.indexes.iter().map(|index| index_name(table, index)));
        names.extend(table.unique.iter().map(|columns| unique_name(table, columns)));
        names.extend(table.keys().map(|(column, key)| key_name(table, column, key)));
        let rules = table.columns.iter().filter_map(Column::length_rule);
        let rules = rules.chain(table.columns.iter().filter_map(Column::type_rule));
        names.extend(rules.map(|rule| format!("ck_{}_{rule}", table.name)));
    }
    let long: Vec<String> = names.into_iter().filter(|name| name.len() > 63).collect();
    assert_eq!(long, [""; 0]);
}

/// What a customer may do.
pub fn may(table: &str) -> &'static [&'static str] {
    match table {
        "organizations" | "users" => &["select", "update"],
        "audit_seals" | "retention_runs" | "signing_keys" => &[],
        "audit_log_entries" | "user_organizations" => &["select"],
        "exclusion_list_entries" | "transcript_snippets" => &["select", "insert", "delete"],
        _ => &["select", "insert", "update"],
    }
}

/// What a customer may update, by the names of the columns.
const UPDATABLE: [&str; 11] = [
    "call_attempts (answered_at, ended_at, error_code, metadata, outcome, provider_call_id, provider_raw_status)",
    "campaigns (allowed_call_end_local, allowed_call_start_local, deleted_at, description, \
     email_completed_template_id, email_not_reached_template_id, email_refused_template_id, intro_script, language, \
     max_attempts, name, question_1_text, question_1_type, question_2_text, question_2_type, question_3_text, \
     question_3_type, retry_interval_minutes, status)",
    "contacts (attempts_count, do_not_call, email, external_contact_id, last_attempt_at, last_outcome, phone_number, \
     state)",
    "email_notifications (error_message, provider_message_id, status, to_email)",
    "email_templates (body_html, body_text, deleted_at, locale, name, subject, type)",
    "erasure_requests (completed_at)",
    "events (payload, published_at)",
    "organizations (metadata, name)",
    "provider_configs (llm_model, llm_provider, max_concurrent_calls, outbound_number, provider_name, provider_type, \
     recording_retention_days, transcript_retention_days)",
    "survey_responses (q1_answer, q2_answer, q3_answer)",
    "users (metadata)",
];

#[tokio::test]
async fn the_customer_has_the_privileges_of_the_data_model_and_no_others() {
    let database = migrated("shape_privileges").await;
    let db = connect(&database.url()).await.unwrap();
    let expected: Vec<String> = model()
        .tables
        .iter()
        .map(|table| {
            let mut privileges: Vec<String> =
                may(table.name).iter().map(|verb| verb.to_uppercase()).collect();
            privileges.sort();
            format!("{}: {}", table.name, privileges.join(", "))
        })
        .collect();
    // What the customer can do by whatever way: its own grants, those to PUBLIC, on the table or on a column.
    let query = "
        select format('%s: %s', relname, string_agg(p, ', ' order by p) filter (where
            case when p in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                 then has_any_column_privilege('customer', c.oid, p) else has_table_privilege('customer', c.oid, p) end))
        from pg_class c, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']
                 || case when current_setting('server_version_num')::int >= 170000 then '{MAINTAIN}' else '{}' end::text[]) p
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'seaql_migrations'
        group by c.oid";
    assert_eq!(catalog::difference(&expected, &lines(&db, query).await), [""; 0]);

    let columns = "
        select format('%s (%s)', relname, string_agg(attname, ', ' order by attname))
        from pg_class c join pg_attribute on attrelid = c.oid
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'seaql_migrations'
          and attnum > 0 and not attisdropped and has_column_privilege('customer', c.oid, attnum, 'update')
        group by relname";
    let updatable = UPDATABLE.map(ToOwned::to_owned);
    assert_eq!(catalog::difference(&updatable, &lines(&db, columns).await), [""; 0], "columns");

    let more = lines(
        &db,
        "select 'the ledger by ' || p
         from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
         where has_table_privilege('customer', 'seaql_migrations', p)
            or (p in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                and has_any_column_privilege('customer', 'seaql_migrations', p))
         union all
         select 'objects of its own in the schema' where has_schema_privilege('customer', 'public', 'create')
         union all
         select 'a grant that it may pass on: ' || c.oid::regclass from pg_class c, aclexplode(relacl)
         where grantee = 'customer'::regrole and is_grantable
         union all
         select 'a role above row level security' from pg_roles
         where rolname = 'customer' and (rolsuper or rolbypassrls or rolcreaterole or rolcanlogin)
         union all
         select 'a table that it owns: ' || oid::regclass from pg_class where relowner = 'customer'::regrole",
    )
    .await;
    assert_eq!(more, [""; 0], "the customer has more than the data model gives it");

    for grant in ["truncate", "references", "trigger", "delete"] {
        run(&db, &format!("begin; grant {grant} on users to customer")).await.unwrap();
        let found = lines(&db, query).await;
        run(&db, "rollback").await.unwrap();
        assert!(!catalog::difference(&expected, &found).is_empty(), "a grant of {grant} goes unnoticed");
    }
}

/// The tables whose changes are audited, with the columns whose values are replaced by digests.
const AUDITED: [(&str, &str); 8] = [
    ("campaigns", "'name', 'description'"),
    ("email_templates", ""),
    ("erasure_requests", ""),
    ("exclusion_list_entries", "'phone_number', 'reason'"),
    ("organizations", "'metadata'"),
    ("provider_configs", ""),
    ("user_organizations", ""),
    ("users", "'oidc_sub', 'email', 'name', 'metadata'"),
];

async fn expected_postgres(db: &DatabaseConnection) -> Vec<String> {
    let mut lines = vec![
        "function accepts_unsigned_actors() returns boolean, security definer f".to_owned(),
        "function bind_actor(uuid,uuid,text) returns user_role, security definer t".to_owned(),
        "function bound_context() returns text, security definer t".to_owned(),
        "function bound_organization_id() returns uuid, security definer f".to_owned(),
        "function bound_user_id() returns uuid, security definer f".to_owned(),
        "function current_organization_id() returns uuid, security definer f".to_owned(),
        "function current_user_id() returns uuid, security definer f".to_owned(),
        "function reject_change() returns trigger, security definer f".to_owned(),
        "function set_updated_at() returns trigger, security definer f".to_owned(),
        "function write_audit_log_entry() returns trigger, security definer t".to_owned(),
        "relation r seaql_migrations rls f forced f".to_owned(),
    ];
    for table in ["audit_log_entries", "audit_seals"] {
        lines.push(format!(
            "trigger CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.{table} FOR EACH \
             STATEMENT EXECUTE FUNCTION reject_change() enabled O"
        ));
    }
    for (table, personal) in AUDITED {
        lines.push(format!(
            "trigger CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.{table} FOR EACH ROW EXECUTE \
             FUNCTION write_audit_log_entry({personal}) enabled O"
        ));
        lines.push(format!(
            "trigger CREATE TRIGGER audit_truncate AFTER TRUNCATE ON public.{table} FOR EACH STATEMENT EXECUTE \
             FUNCTION write_audit_log_entry() enabled O"
        ));
    }
    lines.extend(model().enums.iter().map(|kind| format!("type e {} {}", kind.name, kind.values.join(", "))));
    for table in &model().tables {
        let name = table.name;
        lines.push(format!("relation r {name} rls t forced f"));
        for (number, column) in table.columns.iter().enumerate() {
            let null = if column.is_nullable { "null" } else { "not null" };
            lines.push(format!(
                "column {name}.{} #{} {} {null} default {}",
                column.name,
                number + 1,
                postgres_type(column),
                postgres_default(column)
            ));
            if let Some(rule) = column.length_rule() {
                lines.push(format!("constraint {name} ck_{name}_{rule} CHECK"));
            }
        }
        lines.push(format!("constraint {name} pk_{name} PRIMARY KEY (id)"));
        for columns in &table.unique {
            let unique = unique_name(table, columns);
            lines.push(format!("constraint {name} {unique} UNIQUE ({})", columns.join(", ")));
        }
        lines.extend(table.checks.iter().map(|rule| format!("constraint {name} ck_{name}_{rule} CHECK")));
        for (column, key) in table.keys() {
            let (from, to) = if key.is_composite {
                (format!("organization_id, {}", column.name), "organization_id, id")
            } else {
                (column.name.to_owned(), "id")
            };
            let only = if key.is_composite && key.on_delete == "set null" {
                format!(" ({})", column.name)
            } else {
                String::new()
            };
            lines.push(format!(
                "constraint {name} {} FOREIGN KEY ({from}) REFERENCES {}({to}) ON DELETE {}{only}",
                key_name(table, column, key),
                key.table,
                key.on_delete.to_uppercase()
            ));
        }
        for index in &table.indexes {
            let mut line = format!(
                "index CREATE INDEX {} ON public.{name} USING btree ({})",
                index_name(table, index),
                index.columns.join(", ")
            );
            if let Some((_, predicate)) = index.partial {
                line.push_str(" WHERE ");
                line.push_str(&as_stored(db, name, predicate).await);
            }
            lines.push(line);
        }
        lines.push(format!(
            "trigger CREATE TRIGGER updated_at BEFORE UPDATE ON public.{name} FOR EACH ROW \
             EXECUTE FUNCTION set_updated_at() enabled O"
        ));
    }
    lines
}

/// The predicate as this server writes it back.
async fn as_stored(db: &DatabaseConnection, table: &str, predicate: &str) -> String {
    let tx = db.begin().await.unwrap();
    run(&tx, &format!("create index as_stored on {table} (id) where {predicate}")).await.unwrap();
    let query =
        "select pg_get_expr(indpred, indrelid) from pg_index where indexrelid = 'as_stored'::regclass";
    let stored = lines(&tx, query).await.remove(0);
    tx.rollback().await.unwrap();
    stored
}

fn postgres_type(column: &Column) -> &'static str {
    match &column.kind {
        Kind::Bigint => "bigint",
        Kind::Boolean => "boolean",
        Kind::Bytea => "bytea",
        Kind::Enum(kind) => kind.name,
        Kind::Jsonb => "jsonb",
        Kind::Numeric => "numeric(3,2)",
        Kind::Text(_) => "text",
        Kind::Time => "time without time zone",
        Kind::Timestamptz => "timestamp with time zone",
        Kind::Uuid => "uuid",
    }
}

fn postgres_default(column: &Column) -> String {
    let Some(default) = column.default else { return "none".to_owned() };
    match &column.kind {
        Kind::Enum(_) | Kind::Jsonb | Kind::Text(_) | Kind::Time => {
            format!("'{default}'::{}", postgres_type(column))
        }
        Kind::Timestamptz => "now()".to_owned(),
        Kind::Bigint | Kind::Boolean | Kind::Bytea | Kind::Numeric | Kind::Uuid => default.to_owned(),
    }
}

async fn found_postgres(db: &impl ConnectionTrait) -> Vec<String> {
    let mut found = Vec::new();
    for query in [
        // A view, sequence or foreign table would show by its kind.
        "select format('relation %s %s rls %s forced %s', relkind, relname, relrowsecurity, relforcerowsecurity)
         from pg_class c
         where relnamespace = 'public'::regnamespace and relkind not in ('i', 't')
           and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')",
        "select format('column %s.%s #%s %s %s default %s%s%s', relname, attname, attnum,
                       format_type(atttypid, atttypmod), case when attnotnull then 'not null' else 'null' end,
                       coalesce(pg_get_expr(adbin, adrelid), 'none'), nullif(attgenerated, ''), nullif(attidentity, ''))
         from pg_attribute a join pg_class c on c.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum
         where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'seaql_migrations'
           and attnum > 0 and not attisdropped",
        // The definition of a key states whether it is not validated, or deferrable.
        "select format('constraint %s %s %s', conrelid::regclass, conname,
                       case contype when 'c' then 'CHECK' || case when convalidated then '' else ' NOT VALID' end
                       else pg_get_constraintdef(oid) end)
         from pg_constraint
         where connamespace = 'public'::regnamespace and contype <> 'n' and conrelid <> 'seaql_migrations'::regclass",
        "select 'index ' || pg_get_indexdef(indexrelid) || case when indisvalid then '' else ' invalid' end
         from pg_index i join pg_class c on c.oid = indexrelid
         where relnamespace = 'public'::regnamespace and indrelid <> 'seaql_migrations'::regclass
           and not exists (select from pg_constraint k where k.conindid = i.indexrelid and contype in ('p', 'u', 'x'))",
        "select format('type %s %s %s', typtype, typname,
                       (select string_agg(enumlabel, ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid))
         from pg_type t where typnamespace = 'public'::regnamespace and typelem = 0 and typrelid = 0
           and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')",
        // Where the extension is not to be had, one function stands in for it.
        "select format('function %s returns %s, security definer %s', oid::regprocedure, prorettype::regtype, prosecdef)
         from pg_proc p where pronamespace = 'public'::regnamespace and proname <> 'uuid_generate_v4'
           and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')",
        "select format('trigger %s enabled %s', pg_get_triggerdef(oid), tgenabled) from pg_trigger where not tgisinternal",
    ] {
        found.extend(lines(db, query).await);
    }
    found
}

fn expected_sqlite() -> Vec<String> {
    let mut lines = Vec::new();
    for table in &model().tables {
        let name = table.name;
        lines.push(format!("object table {name} on {name}"));
        lines.push(format!("object trigger updated_at_{name} on {name}"));
        lines.push(format!("trigger updated_at_{name} after update on {name}"));
        for (number, column) in table.columns.iter().enumerate() {
            let null = if column.is_nullable { "null" } else { "not null" };
            lines.push(format!(
                "column {name}.{} #{number} {} {null} default {}",
                column.name,
                sqlite_type(column),
                sqlite_default(column)
            ));
            let rules = column.length_rule().into_iter().chain(column.type_rule());
            lines.extend(rules.map(|rule| format!("constraint {name} ck_{name}_{rule} CHECK")));
        }
        lines.push(format!("constraint {name} pk_{name} PRIMARY KEY (id)"));
        lines.push(format!("index of {name} by pk unique 1 (id)"));
        for columns in &table.unique {
            let columns_text = columns.join(", ");
            lines.push(format!("constraint {name} {} UNIQUE ({columns_text})", unique_name(table, columns)));
            lines.push(format!("index of {name} by u unique 1 ({columns_text})"));
        }
        lines.extend(table.checks.iter().map(|rule| format!("constraint {name} ck_{name}_{rule} CHECK")));
        for (column, key) in table.keys() {
            let (from, to) = if key.is_composite && !column.is_nullable {
                (format!("organization_id, {}", column.name), "organization_id, id")
            } else {
                (column.name.to_owned(), "id")
            };
            let action = key.on_delete.to_uppercase();
            lines.push(format!(
                "key {name} ({from}) to {} ({to}) on delete {action} on update NO ACTION",
                key.table
            ));
        }
        for index in &table.indexes {
            let index_name = index_name(table, index);
            let columns = index.columns.join(", ");
            lines.push(format!("object index {index_name} on {name}"));
            lines.push(format!("index of {name} by c unique 0 ({columns}) {index_name}"));
            let predicate = index.partial.map_or("all rows", |(_, predicate)| predicate);
            lines.push(format!("index {index_name} holds {predicate}"));
        }
    }
    lines
}

fn sqlite_type(column: &Column) -> &'static str {
    match &column.kind {
        Kind::Bigint => "integer",
        Kind::Boolean => "boolean",
        Kind::Bytea => "blob",
        Kind::Enum(_) => "enum_text",
        Kind::Jsonb => "jsonb_text",
        Kind::Numeric => "real(3, 2)",
        Kind::Text(_) => "text",
        Kind::Time => "time_text",
        Kind::Timestamptz => "timestamp_with_timezone_text",
        Kind::Uuid => "uuid_text",
    }
}

fn sqlite_default(column: &Column) -> String {
    match (column.default, &column.kind) {
        // Nothing can be bound to a connection of SQLite.
        (None | Some("current_organization_id()"), _) => "none".to_owned(),
        (Some(_), Kind::Uuid) => "random".to_owned(),
        (Some(_), Kind::Timestamptz) => {
            "replace(strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), '.000+', '+')".to_owned()
        }
        (Some(default), Kind::Bigint | Kind::Numeric) => default.to_owned(),
        (Some(default), Kind::Boolean) => default.to_uppercase(),
        (Some(default), _) => format!("'{default}'"),
    }
}

async fn found_sqlite(db: &impl ConnectionTrait) -> Vec<String> {
    let mut found = Vec::new();
    for query in [
        "select 'object ' || type || ' ' || name || ' on ' || tbl_name from sqlite_schema
         where name <> 'seaql_migrations' and name not like 'sqlite_autoindex_%'",
        // The tests of the constraints show that a random default is a version 4 UUID.
        "select 'column ' || m.name || '.' || c.name || ' #' || cid || ' ' || lower(c.type)
                || case when c.\"notnull\" then ' not null' else ' null' end || ' default '
                || case when dflt_value like 'unhex(hex(randomblob(6))%' then 'random' else coalesce(dflt_value, 'none') end
                || case when hidden then ' generated' else '' end
         from sqlite_schema m, pragma_table_xinfo(m.name) c where m.type = 'table' and m.name <> 'seaql_migrations'",
        "select 'key ' || name || ' (' || group_concat(\"from\", ', ') || ') to ' || \"table\" || ' ('
                || group_concat(\"to\", ', ') || ') on delete ' || on_delete || ' on update ' || on_update
         from (select m.name, k.* from sqlite_schema m, pragma_foreign_key_list(m.name) k
               where m.type = 'table' order by m.name, k.id, k.seq)
         group by name, id",
        "select 'index of ' || name || ' by ' || origin || ' unique ' || \"unique\" || ' (' || group_concat(c, ', ') || ')'
                || case origin when 'c' then ' ' || i else '' end
         from (select m.name, l.name as i, l.origin, l.\"unique\", c.name as c
               from sqlite_schema m, pragma_index_list(m.name) l, pragma_index_info(l.name) c
               where m.type = 'table' and m.name <> 'seaql_migrations' order by m.name, l.name, c.seqno)
         group by name, i",
        "select 'index ' || name || ' holds '
                || case when instr(sql, ' WHERE ') then substr(sql, instr(sql, ' WHERE ') + 7) else 'all rows' end
         from sqlite_schema where type = 'index' and sql is not null",
        "select 'trigger ' || name || case when sql like '% after update on %' then ' after update' else ' otherwise' end
                || ' on ' || tbl_name from sqlite_schema where type = 'trigger'",
    ] {
        found.extend(lines(db, query).await);
    }
    // SQLite keeps the names of constraints nowhere but in the text of the table.
    let query =
        "select name || ' ' || sql from sqlite_schema where type = 'table' and name <> 'seaql_migrations'";
    for text in lines(db, query).await {
        let (table, sql) = text.split_once(' ').unwrap();
        let mut checks = 0;
        for constraint in sql.split("CONSTRAINT \"").skip(1) {
            let (name, definition) = constraint.split_once("\" ").unwrap();
            let definition = if definition.starts_with("CHECK ") {
                checks += 1;
                "CHECK".to_owned()
            } else {
                definition.split_inclusive(')').next().unwrap().replace('"', "")
            };
            found.push(format!("constraint {table} {name} {definition}"));
        }
        if sql.matches("CHECK (").count() > checks {
            found.push(format!("constraint {table} without a name"));
        }
    }
    found
}

fn unique_name(table: &Table, columns: &[&str]) -> String {
    format!("uq_{}_{}", table.name, columns.join("_"))
}

fn key_name(table: &Table, column: &Column, key: Key) -> String {
    format!("fk_{}_{}_{}", table.name, column.name, key.table)
}

fn index_name(table: &Table, index: &Index) -> String {
    let bare = |column: &&str| {
        let ending = ["_id", "_at", "_number"].iter().find_map(|ending| column.strip_suffix(ending));
        ending.unwrap_or(column).to_owned()
    };
    let mut words = vec![format!("ix_{}", table.name)];
    words.extend(index.columns.iter().map(bare));
    words.extend(index.partial.map(|(suffix, _)| suffix.to_owned()));
    words.join("_")
}

/// The first column of a query, as text.
async fn lines(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    let backend: DbBackend = db.get_database_backend();
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut lines: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    lines.sort();
    lines
}
