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
            select from email_notifications
            where email_notifications.organization_id = email_templates.organization_id
                and email_notifications.template_id = email_templates.id
        )
    order by email_templates.id
    limit :batch
    for update of email_templates skip locked
), unused as (
    -- The keys do the same, except on Citus.
    update campaigns
    set
        email_completed_template_id = case
            when email_completed_template_id = any(array(select id from purged)) is not true
                then email_completed_template_id
        end,
        email_refused_template_id = case
            when email_refused_template_id = any(array(select id from purged)) is not true
                then email_refused_template_id
        end,
        email_not_reached_template_id = case
            when email_not_reached_template_id = any(array(select id from purged)) is not true
                then email_not_reached_template_id
        end
    where organization_id = :organization_id
        and (
            email_completed_template_id = any(array(select id from purged))
            or email_refused_template_id = any(array(select id from purged))
            or email_not_reached_template_id = any(array(select id from purged))
        )
)
delete from email_templates where organization_id = :organization_id and id = any(array(select id from purged));
