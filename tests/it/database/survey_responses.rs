//! Queries of `database::survey_responses`.

use database::survey_responses;
use entity::id::ContactId;
use tests::factory::T;
use tests::queries::pages;

#[tokio::test]
async fn answers_are_found_by_contact_and_listed_by_campaign() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let mut created = Vec::new();
    for _ in 0..3 {
        let contact = t.factory.contact(&campaign).await;
        let attempt = t.factory.call_attempt(&contact).await;
        created.insert(0, t.factory.survey_response(&attempt).await);
    }
    let tx = t.customer().await;
    let newest = Some(created[0].clone());
    assert_eq!(survey_responses::find(&tx, created[0].id).await.unwrap(), newest);
    let found = survey_responses::find_by_contact_and_campaign(&tx, created[0].contact_id, campaign.id).await;
    assert_eq!(found.unwrap(), newest);
    assert_eq!(
        survey_responses::find_by_contact_and_campaign(&tx, ContactId::generate(), campaign.id)
            .await
            .unwrap(),
        None
    );
    let seen =
        pages(async |after| survey_responses::list_by_campaign(&tx, campaign.id, after, 2).await).await;
    assert_eq!(seen, (created, vec![2, 1]));
}
