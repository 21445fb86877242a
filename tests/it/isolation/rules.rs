//! Rules of the data model for single tables, and that a customer cannot change the schema.

use crate::isolation::catalogue::{A, B, Table, insert};
use crate::isolation::contexts::INSUFFICIENT_PRIVILEGE;
use crate::isolation::{Setup, plain};
use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait};
use tests::{code, run, texts};

impl Setup {
    /// A transaction of the owner that acts as A's user 1, so that what the owner did before is undone with it.
    async fn bound(&self) -> DatabaseTransaction {
        self.bound_after("select 1").await
    }

    async fn bound_after(&self, change: &str) -> DatabaseTransaction {
        let tx = self.owner.begin().await.unwrap();
        run(&tx, &format!("{change}; {}; savepoint bound", plain::unsigned(A.actor()))).await.unwrap();
        tx
    }
}

/// The number of a statement's rows, or the SQLSTATE; what it did is taken back.
async fn tried(tx: &DatabaseTransaction, sql: &str) -> Result<u64, String> {
    let done = tx.execute_unprepared(sql).await;
    run(tx, "rollback to savepoint bound").await.unwrap();
    done.map(|done| done.rows_affected()).map_err(|error| code(&error))
}

#[tokio::test]
async fn a_users_changes_need_a_bound_user() {
    let setup = Setup::new("isolation_no_user").await;
    let tx = setup.owner.begin().await.unwrap();
    let organization = A.id("organizations", 1);
    let bind =
        format!("set local app.organization_id = {organization}; set local role customer; savepoint bound");
    run(&tx, &bind).await.unwrap();
    assert_eq!(tried(&tx, "update users set metadata = '{}'").await, Ok(0), "none of them");
    assert_eq!(tried(&tx, "select from users").await, Ok(2), "the members can be read without a user");
}

#[tokio::test]
async fn an_insert_that_names_no_organization_goes_to_the_bound_one() {
    let setup = Setup::new("isolation_default").await;
    let organization = A.id("organizations", 1);
    for table in &setup.catalogue.tables {
        let Table { name, .. } = table;
        let mut values = table.sample(A);
        // A membership names it always, and so does the trigger that writes audit entries.
        if ["audit_log_entries", "user_organizations"].contains(&name.as_str())
            || values.remove("organization_id").is_none()
        {
            continue;
        }
        let sql = insert(name, &values);
        let there = format!("{sql} returning (organization_id = {organization})::text");
        let tx = setup.bound().await;
        assert_eq!(texts(&tx, &there).await, ["true"], "{name}: as the customer");
        tx.rollback().await.unwrap();

        let tx = setup.owner.begin().await.unwrap();
        run(&tx, &format!("set local app.organization_id = {organization}")).await.unwrap();
        assert_eq!(texts(&tx, &there).await, ["true"], "{name}: as the owner");
        tx.rollback().await.unwrap();

        for unbound in ["select 1", "set local app.organization_id = ''"] {
            let tx = setup.owner.begin().await.unwrap();
            run(&tx, unbound).await.unwrap();
            let error = run(&tx, &sql).await.unwrap_err();
            assert_eq!(code(&error), "23502", "{name}: the owner, with nothing bound: {error}");
            assert!(error.to_string().contains("\"organization_id\""), "{name}: {error}");
            tx.rollback().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_user_changes_its_metadata_but_nothing_else_and_no_colleague() {
    let setup = Setup::new("isolation_users").await;
    let tx = setup.bound().await;
    let (own, colleague) = (A.id("users", 1), A.id("users", 2));
    let sql = format!("update users set metadata = '{{}}' where id = {own}");
    assert_eq!(tried(&tx, &sql).await, Ok(1), "its own metadata");
    for column in ["id", "oidc_sub", "email", "name", "role", "deleted_at", "created_at", "updated_at"] {
        let sql = format!("update users set {column} = {column} where id = {own}");
        assert_eq!(tried(&tx, &sql).await, Err(INSUFFICIENT_PRIVILEGE.to_owned()), "its own {column}");
    }
    for sql in [
        format!("update users set role = 'admin' where id = {own}"),
        "update users set role = role".to_owned(),
        format!("update users set metadata = '{{}}', role = 'admin' where id = {own}"),
        format!(
            "insert into users (id, oidc_sub, email, name) values ({own}, 'a', 'b', 'c') \
             on conflict (id) do update set role = 'admin'"
        ),
    ] {
        assert_eq!(tried(&tx, &sql).await, Err(INSUFFICIENT_PRIVILEGE.to_owned()), "{sql}");
    }
    let seen = format!("select from users where id = {colleague}");
    assert_eq!(tried(&tx, &seen).await, Ok(1), "a colleague is seen");
    for sql in [
        format!("update users set metadata = '{{}}' where id = {colleague}"),
        format!("update users set metadata = '{{}}' where id = {colleague} returning name"),
        format!("update users set id = {colleague} where false"),
    ] {
        let affected = tried(&tx, &sql).await;
        assert!(
            affected == Ok(0) || affected == Err(INSUFFICIENT_PRIVILEGE.to_owned()),
            "{sql}: {affected:?}"
        );
    }
    tx.rollback().await.unwrap();

    // A user is seen by itself also when it is no member of the bound organization, and its colleagues by no other user.
    let leaves = |user: &str| format!("delete from user_organizations where user_id = {user}");
    let tx = setup.bound_after(&leaves(&own)).await;
    assert_eq!(tried(&tx, &format!("select from users where id = {own}")).await, Ok(1));
    tx.rollback().await.unwrap();
    let tx = setup.bound_after(&leaves(&colleague)).await;
    assert_eq!(tried(&tx, &seen).await, Ok(0), "who has left is not seen any more");
}

#[tokio::test]
async fn an_organization_renames_itself_but_neither_closes_itself_nor_takes_a_slug() {
    let setup = Setup::new("isolation_organization").await;
    let tx = setup.bound().await;
    for column in &setup.catalogue.table("organizations").columns {
        let name = &column.name;
        let expected = if ["name", "metadata"].contains(&name.as_str()) {
            Ok(1)
        } else {
            Err(INSUFFICIENT_PRIVILEGE.to_owned())
        };
        let change = format!("update organizations set {name} = {name}");
        assert_eq!(tried(&tx, &change).await, expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_kept_for_statistics_is_not_deleted_by_a_customer() {
    let setup = Setup::new("isolation_deletes").await;
    let tx = setup.bound().await;
    for table in ["campaigns", "contacts", "call_attempts", "survey_responses", "events"] {
        let gone = tried(&tx, &format!("delete from {table}")).await;
        assert_eq!(gone, Err(INSUFFICIENT_PRIVILEGE.to_owned()), "{table}");
    }
}

#[tokio::test]
async fn a_campaigns_author_is_chosen_once_and_among_those_whom_the_customer_sees() {
    let setup = Setup::new("isolation_author").await;
    let campaigns = setup.catalogue.table("campaigns");
    let campaign = A.id("campaigns", 1);
    let refused = || Err(INSUFFICIENT_PRIVILEGE.to_owned());
    let tx = setup.bound().await;
    for (author, allowed) in [
        (A.id("users", 1), true),
        (A.id("users", 2), true),
        ("null".to_owned(), true),
        (B.id("users", 1), false),
    ] {
        let mut values = campaigns.sample(A);
        values.insert("created_by_user_id".to_owned(), author.clone());
        let expected = if allowed { Ok(1) } else { refused() };
        assert_eq!(tried(&tx, &insert("campaigns", &values)).await, expected, "a new campaign by {author}");
        let change = format!("update campaigns set created_by_user_id = {author} where id = {campaign}");
        assert_eq!(tried(&tx, &change).await, refused(), "the author never changes, not to {author}");
    }
    for column in &campaigns.columns {
        let name = &column.name;
        let fixed = ["id", "organization_id", "created_at", "created_by_user_id", "updated_at"];
        let expected = if fixed.contains(&name.as_str()) { refused() } else { Ok(1) };
        let change = format!("update campaigns set {name} = {name} where id = {campaign}");
        assert_eq!(tried(&tx, &change).await, expected, "{name}");
    }
    tx.rollback().await.unwrap();

    let author = A.id("users", 2);
    for departure in [
        format!("delete from user_organizations where user_id = {author}"),
        format!("update users set deleted_at = now() where id = {author}"),
        format!("delete from users where id = {author}"),
    ] {
        let change = format!("update campaigns set created_by_user_id = {author}; {departure}");
        let tx = setup.bound_after(&change).await;
        let change = format!("update campaigns set status = 'running', name = 'x' where id = {campaign}");
        assert_eq!(tried(&tx, &change).await, Ok(1), "a campaign outlives its author: {departure}");
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_customer_cannot_touch_the_schema_or_the_ledger() {
    let setup = Setup::new("isolation_schema").await;
    let tx = setup.bound().await;
    let mut forbidden = vec![
        "select * from seaql_migrations".to_owned(),
        "insert into seaql_migrations (version, applied_at) values ('x', 0)".to_owned(),
        "update seaql_migrations set applied_at = 0".to_owned(),
        "delete from seaql_migrations".to_owned(),
        "truncate seaql_migrations".to_owned(),
        "create table extra (id uuid)".to_owned(),
        "create function extra() returns int language sql return 1".to_owned(),
        "create or replace function current_organization_id() returns uuid language sql return null::uuid"
            .to_owned(),
        "alter role customer bypassrls".to_owned(),
    ];
    for Table { name, .. } in &setup.catalogue.tables {
        forbidden.extend([
            format!("alter table {name} disable row level security"),
            format!("drop table {name} cascade"),
            format!("create policy extra on {name} using (true)"),
            format!("create trigger extra before update on {name} execute function set_updated_at()"),
            format!("alter table {name} disable trigger all"),
            format!("create temp table extra (id uuid references {name} (id))"),
            format!("create index extra on {name} (id)"),
        ]);
    }
    for sql in forbidden {
        let code = tried(&tx, &sql).await.expect_err(&sql);
        // A temporary table refers to temporary tables only (42P16).
        assert!([INSUFFICIENT_PRIVILEGE, "42P16"].contains(&code.as_str()), "{sql}: {code}");
    }
    let off = tried(&tx, "set local row_security = off; select * from contacts").await;
    assert_eq!(off, Err(INSUFFICIENT_PRIVILEGE.to_owned()), "switched off, the policies are an error");
}

/// Row Level Security does not hide a unique violation. Whoever meets one learns that the value exists somewhere,
/// and no more; of an id that cannot be guessed that is nothing.
#[tokio::test]
async fn a_unique_value_that_can_be_guessed_is_unique_within_its_organization() {
    /// What is unique across organizations all the same, what an answer visible, and why.
    const KNOWN: [(&str, &str); 5] = [
        ("audit_seals(number)", "nothing: a customer has no privilege on the table"),
        (
            "call_attempts(call_id)",
            "that some organization has this call; a webhook knows nothing else of it",
        ),
        (
            "organizations(slug)",
            "that some organization has this name in its address; the address reveals as much",
        ),
        ("users(email)", "that a user signs in with this address; the identity provider knows it so"),
        ("users(oidc_sub)", "that a user signs in as this subject; the identity provider knows it so"),
    ];
    let setup = Setup::new("isolation_unique").await;
    let indexes = texts(
        &setup.owner,
        "select indrelid::regclass || '(' || string_agg(coalesce(attname, 'expression'), ', ' order by place) || ')'
         from pg_index i join pg_class c on c.oid = indrelid
              cross join unnest(indkey) with ordinality k (number, place)
              left join pg_attribute on attrelid = i.indrelid and attnum = number
         where indisunique and relnamespace = 'public'::regnamespace and relname <> 'seaql_migrations'
         group by indexrelid, indrelid
         having not bool_or(attname = 'organization_id' or coalesce(atttypid = 'uuid'::regtype, false))
         order by 1",
    )
    .await;
    let known: Vec<&str> = KNOWN.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, known, "put organization_id into it, or state here what it reveals and why");

    // Neither the error's text nor its fields hold a value of the row that was met.
    let tx = setup.bound().await;
    let mut values = setup.catalogue.table("call_attempts").sample(A);
    let theirs = setup.catalogue.table("call_attempts").existing(B);
    values.insert("call_id".to_owned(), theirs["call_id"].clone());
    let error = run(&tx, &insert("call_attempts", &values)).await.unwrap_err();
    let rest = format!("{error:?}").replace(theirs["call_id"].trim_matches('\''), "");
    assert!(!rest.contains(&B.mark()), "{rest}");
}
