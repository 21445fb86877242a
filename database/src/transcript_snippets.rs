//! `transcript_snippets`: what was said in the calls of the customer's organization.

use crate::{CustomerTx, Error};
use entity::enums::LanguageCode;
use entity::id::CallAttemptId;
use entity::transcript_snippets;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, Set};

/// A stretch of speech to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTranscriptSnippet {
    /// The call, of the same organization.
    pub call_attempt_id: CallAttemptId,
    /// What was said.
    pub transcript_text: String,
    /// In which language.
    pub language: LanguageCode,
}

/// What was said in a call, in the order in which it was added; empty where the call is another organization's.
///
/// # Errors
/// The database fails.
pub async fn list(
    tx: &CustomerTx,
    call_attempt: CallAttemptId,
) -> Result<Vec<transcript_snippets::Model>, Error> {
    Ok(transcript_snippets::Entity::find()
        .filter(transcript_snippets::COLUMN.call_attempt_id.eq(call_attempt))
        .order_by_asc(transcript_snippets::Column::CreatedAt)
        .order_by_asc(transcript_snippets::Column::Id)
        .all(tx)
        .await?)
}

/// Adds a stretch of speech.
///
/// # Errors
/// [`Error::Constraint`]: the call is not the organization's.
pub async fn add(
    tx: &CustomerTx,
    snippet: NewTranscriptSnippet,
) -> Result<transcript_snippets::Model, Error> {
    let NewTranscriptSnippet { call_attempt_id, transcript_text, language } = snippet;
    let row = transcript_snippets::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.tenant().organization),
        call_attempt_id: Set(call_attempt_id),
        transcript_text: Set(transcript_text),
        language: Set(language),
        created_at: NotSet,
        updated_at: NotSet,
    };
    Ok(row.insert(tx).await?)
}
