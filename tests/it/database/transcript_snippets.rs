//! Queries of `database::transcript_snippets`.

use database::transcript_snippets::NewTranscriptSnippet;
use database::{Error, contacts, transcript_snippets};
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

#[tokio::test]
async fn a_transcript_that_arrives_after_the_erasure_of_its_contact_is_refused() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let contact = t.factory.contact(&campaign).await;
    let call_attempt_id = t.factory.call_attempt(&contact).await.id;
    let tx = t.customer().await;
    contacts::erase(&tx, contact.id).await.unwrap().unwrap();
    let (transcript_text, language) = ("I am Jane Roe.".to_owned(), LanguageCode::En);
    let late = NewTranscriptSnippet { call_attempt_id, transcript_text, language };
    let refused = transcript_snippets::create(&tx, late).await.unwrap_err();
    assert!(matches!(refused, Error::Deleted("contact")), "{refused:?}");
}
