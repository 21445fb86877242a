//! `transcript_snippets`: a stretch of what was said in a call.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::LanguageCode,
    id::{CallAttemptId, OrganizationId, TranscriptSnippetId, generated_on_insert},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "transcript_snippets")]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TranscriptSnippetId,
    /// The tenant. Row Level Security compares it with the transaction's organization.
    pub organization_id: OrganizationId,
    pub call_attempt_id: CallAttemptId,
    #[sea_orm(column_type = "Text")]
    pub transcript_text: String,
    pub language: LanguageCode,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,

    #[sea_orm(
        belongs_to,
        from = "(organization_id, call_attempt_id)",
        to = "(organization_id, id)",
        on_delete = "Cascade"
    )]
    pub call_attempt: BelongsTo<super::call_attempts::Entity>,
    #[sea_orm(belongs_to, from = "organization_id", to = "id", on_delete = "Cascade")]
    pub organization: BelongsTo<super::organizations::Entity>,
}

generated_on_insert!(TranscriptSnippetId);
