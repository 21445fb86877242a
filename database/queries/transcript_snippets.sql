-- The queries of this table; README.md beside this file describes the annotations.

-- name: ListExpired :many
-- scope: either
-- deleted: campaigns, organizations: reads - retention covers them
-- Returns transcripts past the retention period of their organization, oldest first. An organization without a
-- provider configuration keeps its transcripts.
-- param batch - The maximum number of transcripts.
with retention as (
    select distinct on (organization_id)
        -- A limit of a hundred years, because an interval of 2^63 days is out of range.
        organization_id, now() - least(transcript_retention_days, 36500) * interval '1 day' as expires_before
    from provider_configs
    order by organization_id asc, created_at desc, id desc
)
select transcript_snippets.id as transcript_snippet_id, transcript_snippets.organization_id,
    transcript_snippets.call_attempt_id, transcript_snippets.created_at
from transcript_snippets
join retention on retention.organization_id = transcript_snippets.organization_id
where transcript_snippets.created_at < retention.expires_before
    -- Implied by the preceding line, in a form that an index can serve.
    and transcript_snippets.created_at < (select max(expires_before) from retention)
order by transcript_snippets.created_at
limit :batch;

-- name: DeleteMany :execrows
-- scope: either
-- deleted: campaigns, organizations: reads - retention covers them
-- Deletes transcripts, and returns their number.
delete from transcript_snippets where id = any(:transcript_snippet_ids);
