//! The product's older clients, written against the original eleven tables, keep working: as the owner of a
//! database that has `app.organization_id` set, and as a login role that has it set. Such a role is a customer, which
//! deletes no rows that are kept for statistics: an older client that does, connects as the owner.

use crate::schema::model::model;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use std::collections::BTreeSet;
use tests::{code, connect, migrated, run};

const ORGANIZATION: &str = "00000000-0000-4000-8000-00000000000a";

/// What an older client writes, table by table, in its own words: every column that it knows by name, values cast
/// to the types that it knows, and `RETURNING` as asyncpg and `SQLAlchemy` use it. Nothing here knows of
/// organizations.
const FULL_INSERTS: [(&str, &str); 11] = [
    (
        "users",
        "INSERT INTO users (id, oidc_sub, email, name, role, created_at, updated_at)
         VALUES ('11111111-1111-4111-8111-111111111111'::UUID, 'auth0|1'::VARCHAR, 'a@example.com'::VARCHAR,
                 'Ann'::VARCHAR, 'campaign_manager'::user_role, now(), now())
         RETURNING users.id",
    ),
    (
        "email_templates",
        "INSERT INTO email_templates (id, name, type, subject, body_html, body_text, locale, created_at, updated_at)
         VALUES ('22222222-2222-4222-8222-222222222222'::UUID, 'Done'::VARCHAR, 'completed'::email_template_type,
                 'Thanks'::VARCHAR, '<p>{{contact_name}}</p>'::TEXT, NULL, 'it'::language_code, now(), now())
         RETURNING email_templates.id",
    ),
    (
        "campaigns",
        "INSERT INTO campaigns (id, name, description, status, language, intro_script, question_1_text, question_1_type,
                 question_2_text, question_2_type, question_3_text, question_3_type, max_attempts,
                 retry_interval_minutes, allowed_call_start_local, allowed_call_end_local,
                 email_completed_template_id, email_refused_template_id, email_not_reached_template_id,
                 created_by_user_id, created_at, updated_at)
         VALUES ('33333333-3333-4333-8333-333333333333'::UUID, 'Q1'::VARCHAR, NULL, 'running'::campaign_status,
                 'en'::language_code, 'Hello'::TEXT, 'One?'::TEXT, 'scale'::question_type, 'Two?'::TEXT,
                 'free_text'::question_type, 'Three?'::TEXT, 'numeric'::question_type, 3::INTEGER, 60::INTEGER,
                 '09:00'::TIME WITHOUT TIME ZONE, '20:00'::TIME WITHOUT TIME ZONE,
                 '22222222-2222-4222-8222-222222222222'::UUID, NULL, NULL,
                 '11111111-1111-4111-8111-111111111111'::UUID, now(), now())
         RETURNING campaigns.id",
    ),
    (
        "contacts",
        "INSERT INTO contacts (id, campaign_id, external_contact_id, phone_number, email, preferred_language,
                 has_prior_consent, do_not_call, state, attempts_count, last_attempt_at, last_outcome, created_at,
                 updated_at)
         VALUES ('44444444-4444-4444-8444-444444444444'::UUID, '33333333-3333-4333-8333-333333333333'::UUID,
                 'EXT-001'::VARCHAR, '+14155550101'::VARCHAR, NULL, 'auto'::contact_language, true, false,
                 'pending'::contact_state, 0::INTEGER, NULL, NULL::call_outcome, now(), now())
         RETURNING contacts.id",
    ),
    (
        "exclusion_list_entries",
        "INSERT INTO exclusion_list_entries (id, phone_number, reason, source, created_at)
         VALUES ('55555555-5555-4555-8555-555555555555'::UUID, '+14155550199'::VARCHAR, 'legal hold'::TEXT,
                 'manual'::exclusion_source, now())
         RETURNING exclusion_list_entries.id",
    ),
    (
        "call_attempts",
        "INSERT INTO call_attempts (id, contact_id, campaign_id, attempt_number, call_id, provider_call_id, started_at,
                 answered_at, ended_at, outcome, provider_raw_status, error_code, metadata)
         VALUES ('66666666-6666-4666-8666-666666666666'::UUID, '44444444-4444-4444-8444-444444444444'::UUID,
                 '33333333-3333-4333-8333-333333333333'::UUID, 1::INTEGER, 'call-1'::VARCHAR, 'CA1'::VARCHAR, now(),
                 now(), NULL, 'completed'::call_outcome, 'answered'::VARCHAR, NULL, '{\"a\": 1}'::JSONB)
         RETURNING call_attempts.id",
    ),
    (
        "survey_responses",
        "INSERT INTO survey_responses (id, contact_id, campaign_id, call_attempt_id, q1_answer, q2_answer, q3_answer,
                 q1_confidence, q2_confidence, q3_confidence, completed_at)
         VALUES ('77777777-7777-4777-8777-777777777777'::UUID, '44444444-4444-4444-8444-444444444444'::UUID,
                 '33333333-3333-4333-8333-333333333333'::UUID, '66666666-6666-4666-8666-666666666666'::UUID, '9'::TEXT,
                 'fine'::TEXT, '42'::TEXT, 0.9::NUMERIC, 0.85::NUMERIC(3, 2), 1, now())
         RETURNING survey_responses.id",
    ),
    (
        "events",
        "INSERT INTO events (id, event_type, campaign_id, contact_id, call_attempt_id, payload, created_at)
         VALUES ('88888888-8888-4888-8888-888888888888'::UUID, 'survey.completed'::event_type,
                 '33333333-3333-4333-8333-333333333333'::UUID, '44444444-4444-4444-8444-444444444444'::UUID,
                 '66666666-6666-4666-8666-666666666666'::UUID, '{}'::JSONB, now())
         RETURNING events.id",
    ),
    (
        "email_notifications",
        "INSERT INTO email_notifications (id, event_id, contact_id, campaign_id, template_id, to_email, status,
                 provider_message_id, error_message, created_at, updated_at)
         VALUES ('99999999-9999-4999-8999-999999999999'::UUID, '88888888-8888-4888-8888-888888888888'::UUID,
                 '44444444-4444-4444-8444-444444444444'::UUID, '33333333-3333-4333-8333-333333333333'::UUID,
                 '22222222-2222-4222-8222-222222222222'::UUID, 'c@example.com'::VARCHAR, 'pending'::email_status, NULL,
                 NULL, now(), now())
         RETURNING email_notifications.id",
    ),
    (
        "provider_configs",
        "INSERT INTO provider_configs (id, provider_type, provider_name, outbound_number, max_concurrent_calls,
                 llm_provider, llm_model, recording_retention_days, transcript_retention_days, created_at, updated_at)
         VALUES ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'::UUID, 'telephony_api'::provider_type, 'twilio'::VARCHAR,
                 '+14155551234'::VARCHAR, 5::INTEGER, 'azure-openai'::llm_provider, 'gpt-4.1-mini'::VARCHAR,
                 180::INTEGER, 180::INTEGER, now(), now())
         RETURNING provider_configs.id",
    ),
    (
        "transcript_snippets",
        "INSERT INTO transcript_snippets (id, call_attempt_id, transcript_text, language, created_at)
         VALUES ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'::UUID, '66666666-6666-4666-8666-666666666666'::UUID,
                 'Hello'::TEXT, 'it'::language_code, now())
         RETURNING transcript_snippets.id",
    ),
];

/// The same with nothing but what has no default; the ids come from the database.
const SHORT_INSERTS: [(&str, &str); 11] = [
    ("users", "INSERT INTO users (oidc_sub, email, name) VALUES ('auth0|2', 'b@example.com', 'Bob') RETURNING id"),
    (
        "email_templates",
        "INSERT INTO email_templates (name, type, subject, body_html)
         VALUES ('Refused', 'refused', 'Sorry', '<p></p>') RETURNING id",
    ),
    (
        "campaigns",
        "INSERT INTO campaigns (name, intro_script, question_1_text, question_1_type, question_2_text,
                 question_2_type, question_3_text, question_3_type)
         VALUES ('Q2', 'Hello', '1?', 'scale', '2?', 'free_text', '3?', 'numeric') RETURNING id",
    ),
    (
        "contacts",
        "INSERT INTO contacts (campaign_id, phone_number)
         SELECT '33333333-3333-4333-8333-333333333333', '+1415555010' || n FROM generate_series(2, 4) n RETURNING id",
    ),
    ("exclusion_list_entries", "INSERT INTO exclusion_list_entries (phone_number) VALUES ('+14155550198') RETURNING id"),
    (
        "call_attempts",
        "INSERT INTO call_attempts (contact_id, campaign_id, attempt_number, call_id)
         VALUES ('44444444-4444-4444-8444-444444444444', '33333333-3333-4333-8333-333333333333', 2, 'call-2')
         RETURNING id",
    ),
    (
        "survey_responses",
        "INSERT INTO survey_responses (contact_id, campaign_id, call_attempt_id)
         SELECT id, campaign_id, '66666666-6666-4666-8666-666666666666' FROM contacts
         WHERE phone_number = '+14155550102' RETURNING id",
    ),
    (
        "events",
        "INSERT INTO events (event_type, campaign_id, contact_id)
         VALUES ('survey.not_reached', '33333333-3333-4333-8333-333333333333', '44444444-4444-4444-8444-444444444444')
         RETURNING id",
    ),
    (
        "email_notifications",
        "INSERT INTO email_notifications (event_id, contact_id, campaign_id, template_id, to_email)
         VALUES ('88888888-8888-4888-8888-888888888888', '44444444-4444-4444-8444-444444444444',
                 '33333333-3333-4333-8333-333333333333', '22222222-2222-4222-8222-222222222222', 'c@example.com')
         RETURNING id",
    ),
    ("provider_configs", "INSERT INTO provider_configs (outbound_number) VALUES ('+14155551234') RETURNING id"),
    (
        "transcript_snippets",
        "INSERT INTO transcript_snippets (call_attempt_id, transcript_text)
         VALUES ('66666666-6666-4666-8666-666666666666', 'Bye') RETURNING id",
    ),
];

/// What an older client does with those rows, and how many it means.
const LATER: [(&str, u64); 21] = [
    // The unique keys that its conflict clauses name.
    (
        "INSERT INTO call_attempts (contact_id, campaign_id, attempt_number, call_id)
         VALUES ('44444444-4444-4444-8444-444444444444', '33333333-3333-4333-8333-333333333333', 1, 'call-again')
         ON CONFLICT (contact_id, attempt_number) DO NOTHING",
        0,
    ),
    (
        "INSERT INTO call_attempts (contact_id, campaign_id, attempt_number, call_id)
         VALUES ('44444444-4444-4444-8444-444444444444', '33333333-3333-4333-8333-333333333333', 1, 'call-again')
         ON CONFLICT (contact_id, attempt_number) DO UPDATE SET provider_raw_status = 'again'",
        1,
    ),
    (
        "INSERT INTO email_templates (id, name, type, subject, body_html)
         VALUES ('22222222-2222-4222-8222-222222222222', 'Done again', 'completed', 'Thanks', '<p></p>')
         ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, subject = EXCLUDED.subject",
        1,
    ),
    (
        "INSERT INTO contacts (id, campaign_id, phone_number)
         VALUES ('44444444-4444-4444-8444-444444444444', '33333333-3333-4333-8333-333333333333', '+14155550101')
         ON CONFLICT (id) DO NOTHING",
        0,
    ),
    (
        "INSERT INTO provider_configs (id, outbound_number)
         VALUES ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', '+14155559999')
         ON CONFLICT (id) DO UPDATE SET outbound_number = EXCLUDED.outbound_number",
        1,
    ),
    (
        "INSERT INTO campaigns (id, name, intro_script, question_1_text, question_1_type, question_2_text,
                 question_2_type, question_3_text, question_3_type)
         VALUES ('33333333-3333-4333-8333-333333333333', 'Q1 again', '', '', 'scale', '', 'scale', '', 'scale')
         ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
        1,
    ),
    // The scheduler claims contacts, and the webhook writes what came of it.
    (
        "UPDATE contacts SET state = 'in_progress'::contact_state, attempts_count = attempts_count + 1,
                last_attempt_at = now()
         WHERE id IN (SELECT c.id FROM contacts c JOIN campaigns k ON k.id = c.campaign_id
                      WHERE k.status = 'running'::campaign_status
                        AND c.state IN ('pending'::contact_state, 'not_reached'::contact_state)
                        AND c.do_not_call IS false AND c.attempts_count < k.max_attempts
                        AND NOT EXISTS (SELECT 1 FROM exclusion_list_entries e WHERE e.phone_number = c.phone_number)
                      ORDER BY c.created_at LIMIT 50 FOR UPDATE OF c SKIP LOCKED)
         RETURNING id",
        4,
    ),
    ("UPDATE call_attempts SET ended_at = now(), outcome = 'completed'::call_outcome WHERE call_id = 'call-1'", 1),
    ("UPDATE call_attempts SET metadata = metadata || '{\"b\": 2}'::jsonb WHERE provider_call_id = 'CA1'", 1),
    ("UPDATE contacts SET state = 'completed', last_outcome = 'completed' WHERE phone_number = '+14155550101'", 1),
    ("UPDATE campaigns SET status = 'paused'::campaign_status WHERE id = '33333333-3333-4333-8333-333333333333'", 1),
    ("UPDATE email_notifications SET status = 'sent', provider_message_id = 'm-1' WHERE status = 'pending'", 2),
    ("UPDATE provider_configs SET llm_provider = 'google' WHERE provider_name = 'twilio'", 2),
    (
        "SELECT c.state, count(*) FROM contacts c JOIN campaigns k ON k.id = c.campaign_id
         WHERE k.name = 'Q1 again' GROUP BY c.state",
        2,
    ),
    (
        "SELECT c.external_contact_id, r.q1_answer FROM contacts c JOIN survey_responses r ON r.contact_id = c.id
         JOIN call_attempts a ON a.id = r.call_attempt_id JOIN campaigns k ON k.id = c.campaign_id
         JOIN users u ON u.id = k.created_by_user_id WHERE u.email = 'a@example.com'",
        2,
    ),
    // Retention and erasure, children first and by cascade.
    ("DELETE FROM transcript_snippets WHERE created_at <= now()", 2),
    ("DELETE FROM exclusion_list_entries WHERE phone_number = '+14155550198'", 1),
    ("UPDATE contacts SET phone_number = 'DELETED', email = NULL WHERE phone_number = '+14155550101'", 1),
    ("DELETE FROM email_notifications", 2),
    ("DELETE FROM campaigns WHERE id = '33333333-3333-4333-8333-333333333333'", 1),
    ("SELECT 1 FROM call_attempts UNION ALL SELECT 1 FROM survey_responses UNION ALL SELECT 1 FROM events", 0),
];

/// What of that a customer is refused: it marks campaigns as deleted, and keeps e-mails.
const OF_THE_OWNER: [&str; 2] = [
    "DELETE FROM email_notifications",
    "DELETE FROM campaigns WHERE id = '33333333-3333-4333-8333-333333333333'",
];

#[tokio::test]
async fn an_older_client_that_owns_the_database_needs_nothing_but_the_setting() {
    let database = migrated("legacy_owner").await;
    let owner = connect(&database.url()).await.unwrap();
    run(&owner, &organization()).await.unwrap();
    let set = format!("alter database {} set app.organization_id = '{ORGANIZATION}'", database.name());
    let url = url_with_setting(&owner, &set, database.url()).await;

    let client = connect(&url).await.unwrap();
    insert_everything(&client).await;
    do_the_rest(&client, None).await;
}

#[tokio::test]
async fn an_older_client_that_is_a_customer_needs_nothing_but_the_setting_and_the_owner_to_delete() {
    let database = migrated("legacy_customer").await;
    let owner = connect(&database.url()).await.unwrap();
    let another = "00000000-0000-4000-8000-00000000000b";
    run(&owner, &organization()).await.unwrap();
    // Users come from the identity provider, through the owner; here they are members, as a migration creates them.
    for (_, sql) in FULL_INSERTS.iter().chain(&SHORT_INSERTS).filter(|(table, _)| *table == "users") {
        run(&owner, sql).await.unwrap();
    }
    run(
        &owner,
        &format!(
            "insert into user_organizations (user_id, organization_id) select id, '{ORGANIZATION}' from users;
             insert into organizations (id, name, slug) values ('{another}', 'Other', 'other');
             insert into provider_configs (organization_id, outbound_number) values ('{another}', '+12')"
        ),
    )
    .await
    .unwrap();

    // Roles belong to the whole server: this one's name is the database's, which is unique.
    let role = database.name().to_owned();
    run(&owner, &format!("create role {role} login password '{role}' in role customer")).await.unwrap();
    let url = as_login(&database.url(), &role);
    let (set_by, role_of_test) = (connect(&database.url()).await.unwrap(), role.clone());
    let database_name = database.name().to_owned();
    let test = tokio::spawn(async move {
        let set = format!(
            "alter role {role_of_test} in database {database_name} set app.organization_id = '{ORGANIZATION}'"
        );
        let url = url_with_setting(&set_by, &set, url).await;
        let client = connect(&url).await.unwrap();
        let refused = run(&client, FULL_INSERTS[0].1).await.unwrap_err();
        assert_eq!(code(&refused), "42501", "a customer creates no users: {refused}");
        for (table, sql) in FULL_INSERTS.iter().chain(&SHORT_INSERTS).filter(|(table, _)| *table != "users") {
            inserts(&client, table, sql).await;
        }
        do_the_rest(&client, Some(&set_by)).await;
        assert_eq!(
            rows(&client, "select id from provider_configs").await,
            2,
            "it sees one organization's rows"
        );
        client.close().await.unwrap();
    });
    let outcome = test.await;
    // Before the outcome is looked at, so that a failed test leaves no role behind.
    run(&owner, &format!("drop role {role}")).await.unwrap();
    outcome.unwrap();
}

#[tokio::test]
async fn without_the_setting_an_older_client_is_refused_and_told_why() {
    let database = migrated("legacy_unset").await;
    let client = connect(&database.url()).await.unwrap();
    run(&client, &organization()).await.unwrap();
    // Users belong to no organization, and without contacts no contact can answer.
    for (table, sql) in
        SHORT_INSERTS.iter().filter(|(table, _)| !["users", "survey_responses"].contains(table))
    {
        let error = run(&client, sql).await.unwrap_err();
        assert_eq!(code(&error), "23502", "{table}: {error}");
        assert!(error.to_string().contains("\"organization_id\""), "{table}: {error}");
    }
}

#[tokio::test]
async fn the_older_clients_tables_columns_and_values_keep_their_names() {
    let database = migrated("legacy_names").await;
    let db = connect(&database.url()).await.unwrap();
    let old: BTreeSet<&str> = FULL_INSERTS.iter().map(|(table, _)| *table).collect();
    let all: BTreeSet<&str> = model().tables.iter().map(|table| table.name).collect();
    assert_eq!(old.len(), 11, "the tables of the older clients");
    let missing: Vec<_> = old.difference(&all).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for kind in &model().enums {
        for value in &kind.values {
            // As the client sends it, and as it gets it back.
            let query = format!("select 1 where '{value}'::{0}::text = '{value}'", kind.name);
            assert_eq!(rows(&db, &query).await, 1, "{}: {value}", kind.name);
        }
    }
}

fn organization() -> String {
    format!("insert into organizations (id, name, slug) values ('{ORGANIZATION}', 'Acme', 'acme')")
}

async fn insert_everything(client: &DatabaseConnection) {
    for (table, sql) in FULL_INSERTS.iter().chain(&SHORT_INSERTS) {
        inserts(client, table, sql).await;
    }
}

/// The statement inserts, returns ids, and what it inserts is the organization's.
async fn inserts(client: &DatabaseConnection, table: &str, sql: &str) {
    let returned = client.query_all_raw(Statement::from_string(client.get_database_backend(), sql)).await;
    let returned = returned.unwrap_or_else(|error| panic!("{table}: {error}"));
    assert!(!returned.is_empty(), "{table} returns no id");
    if table != "users" {
        let strangers = format!("select 1 from {table} where organization_id <> '{ORGANIZATION}'");
        assert_eq!(rows(client, &strangers).await, 0, "{table}: the row is the organization's");
    }
}

/// A client that is a customer leaves to the owner what it is refused.
async fn do_the_rest(client: &DatabaseConnection, owner: Option<&DatabaseConnection>) {
    for (sql, expected) in LATER {
        let by = match owner {
            Some(owner) if OF_THE_OWNER.contains(&sql) => {
                assert_eq!(code(&run(client, sql).await.unwrap_err()), "42501", "{sql}");
                owner
            }
            _ => client,
        };
        let done = by.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(done.rows_affected(), expected, "{sql}");
    }
}

/// Sets the organization as an operator does. A login that is no superuser may not set a parameter that no extension declares;
/// its clients set it when they connect.
async fn url_with_setting(owner: &DatabaseConnection, set: &str, url: String) -> String {
    match run(owner, set).await {
        Ok(()) => url,
        Err(error) if code(&error) == "42501" => {
            let joint = if url.contains('?') { '&' } else { '?' };
            format!("{url}{joint}options[app.organization_id]={ORGANIZATION}")
        }
        Err(error) => panic!("{set}: {error}"),
    }
}

/// The same database for a login whose password is its name.
fn as_login(url: &str, role: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let end = rest.find('/').unwrap();
    let address = &rest[..end];
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    format!("{scheme}://{role}:{role}@{host}{}", &rest[end..])
}

async fn rows(db: &DatabaseConnection, sql: &str) -> u64 {
    let done = db.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
}
