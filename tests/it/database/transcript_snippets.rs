//! Queries of `database::transcript_snippets`.

use database::transcript_snippets;
use database::transcript_snippets::NewTranscriptSnippet;
use entity::enums::LanguageCode;
use tests::factory::T;

#[tokio::test]
async fn transcript_snippets_are_listed_in_insertion_order() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let attempt = t.factory.call_attempt(&contact).await;
    let tx = t.customer().await;
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        let (call_attempt_id, transcript_text) = (attempt.id, text.to_owned());
        let new = NewTranscriptSnippet { call_attempt_id, transcript_text, language: LanguageCode::It };
        said.push(transcript_snippets::create(&tx, new).await.unwrap());
    }
    assert_eq!(transcript_snippets::list_by_call_attempt(&tx, attempt.id).await.unwrap(), said);
    assert_eq!(said[0].language, LanguageCode::It);
}
