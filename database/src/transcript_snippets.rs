//! `transcript_snippets`: the transcripts of calls.

pub use crate::generated::transcript_snippets::*;

use crate::parent::{self, Parent};
use crate::{CustomerTx, Error, campaigns};
use entity::enums::LanguageCode;
use entity::id::CallAttemptId;
use entity::{call_attempts, transcript_snippets};
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, QueryOrder, Set};

/// A transcript snippet to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTranscriptSnippet {
    /// A call of the same organization.
    pub call_attempt_id: CallAttemptId,
    /// The transcribed speech.
    pub transcript_text: String,
    /// The language of the text.
    pub language: LanguageCode,
}

/// Returns the transcript of a call in the order of insertion.
///
/// # Deleted rows
/// - `campaigns`: hidden
/// - `organizations`: bound
pub async fn list_by_call_attempt(
    tx: &CustomerTx,
    call_attempt_id: CallAttemptId,
) -> Result<Vec<transcript_snippets::Model>, Error> {
    let tx = &tx.query("transcript_snippets.list_by_call_attempt");
    Ok(transcript_snippets::Entity::find()
        .inner_join(call_attempts::Entity)
        .filter(transcript_snippets::COLUMN.call_attempt_id.eq(call_attempt_id))
        .filter(campaigns::is_live(call_attempts::Column::CampaignId.into_expr()))
        .order_by_asc(transcript_snippets::Column::CreatedAt)
        .order_by_asc(transcript_snippets::Column::Id)
        .all(tx)
        .await?)
}

/// Inserts a transcript snippet.
///
/// # Errors
/// [`Error::Constraint`]: the call belongs to another organization. [`Error::Deleted`]: the organization; the contact, which was erased.
///
/// # Deleted rows
/// - `campaigns`: reads - a call under way is finished
/// - `organizations`: refused
pub async fn create(
    tx: &CustomerTx,
    snippet: NewTranscriptSnippet,
) -> Result<transcript_snippets::Model, Error> {
    let tx = &tx.query("transcript_snippets.create");
    let NewTranscriptSnippet { call_attempt_id, transcript_text, language } = snippet;
    let row = transcript_snippets::ActiveModel {
        id: NotSet,
        organization_id: Set(tx.organization()),
        call_attempt_id: Set(call_attempt_id),
        transcript_text: Set(transcript_text),
        language: Set(language),
        created_at: NotSet,
        updated_at: NotSet,
    };
    parent::insert(tx, row, &[Parent::Organization(tx.organization()), Parent::ContactOf(call_attempt_id)])
        .await
}
