//! Models as JSON and YAML.

use crate::entity::loading::world;
use entity::{campaigns, events, survey_responses};
use sea_orm::prelude::{Decimal, Time};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tests::engine::{Engine, on_both_engines};

#[test]
fn a_record_is_readable_from_yaml() {
    let response: survey_responses::Model = serde_saphyr::from_str(
        r#"
id: rsp_00000000000000000000000001
organization_id: org_00000000000000000000000001
contact_id: con_00000000000000000000000001
campaign_id: cmp_00000000000000000000000001
call_attempt_id: att_00000000000000000000000001
q1_answer: "9"
q1_confidence: 0.95
q2_confidence: "0.5"
q3_confidence: 1
completed_at: 2025-01-15T12:00:00Z
created_at: 2025-01-15T12:00:00Z
updated_at: 2025-01-15T12:00:00Z
"#,
    )
    .unwrap();
    assert_eq!(response.q1_confidence, Some("0.95".parse().unwrap()));
    assert_eq!(response.q2_confidence, Some("0.5".parse().unwrap()));
    assert_eq!(response.q3_confidence, Some(Decimal::ONE));
    assert_eq!(response.q2_answer, None);

    let campaign = r"
id: cmp_00000000000000000000000001
organization_id: org_00000000000000000000000001
name: Customer Satisfaction Survey Q1 2025
status: draft
language: en
intro_script: Hello
question_1_text: a
question_2_text: b
question_3_text: c
question_1_type: scale
question_2_type: free_text
question_3_type: numeric
max_attempts: 3
retry_interval_minutes: 60
allowed_call_start_local: 09:00:00
allowed_call_end_local: 20:00
created_at: 2025-01-15T12:00:00Z
updated_at: 2025-01-15T12:00:00Z
";
    let model: campaigns::Model = serde_saphyr::from_str(campaign).unwrap();
    assert_eq!(model.allowed_call_end_local, "20:00:00".parse::<Time>().unwrap());
    assert_eq!(model.deleted_at, None);

    let event: events::Model = serde_saphyr::from_str(
        r"
id: evt_00000000000000000000000001
organization_id: org_00000000000000000000000001
event_type: survey.completed
campaign_id: cmp_00000000000000000000000001
contact_id: con_00000000000000000000000001
payload:
  attempt_number: 1
  answers: [{ answer: 'yes', confidence: 0.9 }]
  trace: { id: 7 }
created_at: 2025-01-15T12:00:00Z
updated_at: 2025-01-15T12:00:00Z
",
    )
    .unwrap();
    assert_eq!(event.payload.attempt_number, Some(1));
    assert_eq!(event.payload.other["trace"], json!({ "id": 7 }));

    for (from, to, reason) in [
        ("name:", "nmae:", "nmae"),
        ("cmp_0", "con_0", "`con`, expected `cmp`"),
        ("draft", "drafted", "campaign_status"),
        ("language: en\n", "", "language"),
    ] {
        let error = serde_saphyr::from_str::<campaigns::Model>(&campaign.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

fn assert_survives_json<M: DeserializeOwned + PartialEq + Serialize + std::fmt::Debug>(model: &M) {
    let text = serde_json::to_string(model).unwrap();
    assert_eq!(serde_json::from_str::<M>(&text).unwrap(), *model, "{text}");
}

on_both_engines!(migrated: every_model_survives_json);

async fn every_model_survives_json(engine: &Engine) {
    let world = world(engine).await;
    assert_survives_json(&world.organization);
    assert_survives_json(&world.user);
    assert_survives_json(&world.template);
    assert_survives_json(&world.campaign);
    assert_survives_json(&world.contact);
    assert_survives_json(&world.exclusion);
    assert_survives_json(&world.attempt);
    assert_survives_json(&world.response);
    assert_survives_json(&world.event);
    assert_survives_json(&world.notification);
    assert_survives_json(&world.config);
    assert_survives_json(&world.snippet);
}
