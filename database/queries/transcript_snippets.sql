-- The queries of this table; README.md beside this file describes the annotations.

-- name: DeleteExpired :many
-- scope: admin
-- deleted: campaigns, organizations: reads - retention covers them
-- Deletes transcripts of an organization that are past its retention period, oldest first, and returns them. An
-- organization without a provider configuration keeps its transcripts. Those that another transaction has locked are
-- skipped.
-- param after_created_at - The last transcript of the previous batch; the epoch for the first one.
-- param after_id TranscriptSnippetId - The same transcript; nil for the first batch.
-- param batch - The maximum number of transcripts.
with expired as (
    select id
    from transcript_snippets
    where organization_id = :organization_id
        and created_at < (
            -- A limit of a hundred years, because an interval of 2^63 days is out of range.
            select now() - least(transcript_retention_days, 36500) * interval '1 day'
            from provider_configs
            where organization_id = :organization_id
            order by created_at desc, id desc
            limit 1
        )
        and (created_at, id) > (:after_created_at::timestamptz, :after_id::uuid)
    order by created_at, id
    limit :batch
    for update skip locked
)
delete from transcript_snippets
where id = any(array(select id from expired))
returning id, created_at;
