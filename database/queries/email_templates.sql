-- The queries of this table; README.md beside this file describes the annotations.

-- name: Purge :execrows
-- scope: admin
-- deleted: campaigns, email_templates, organizations: reads - it removes what was deleted
-- Removes templates of an organization of which there is no e-mail, if they or the organization were deleted before
-- `deleted_days`, and returns their number. Campaigns that use one send no e-mail from then on. Those that another
-- transaction has locked are skipped.
-- param batch - The maximum number of templates.
with purged as (
    select email_templates.id
    from email_templates
    join organizations on organizations.id = email_templates.organization_id
    where email_templates.organization_id = :organization_id
        and least(email_templates.deleted_at, organizations.deleted_at)
            < now() - least(:deleted_days::bigint, 36500) * interval '1 day'
        and not exists (
            select from email_notifications where email_notifications.template_id = email_templates.id
        )
    order by email_templates.id
    limit :batch
    for update of email_templates skip locked
)
delete from email_templates where id = any(array(select id from purged));
