-- An event that was published more than a day ago has an e-mail, if its campaign has a template for it and its contact
-- an address, unless a template was changed since, something was deleted, or retention may have removed the e-mail.
select events.id as event_id, 'type ' || cast(events.event_type as text) || ', no e-mail' as found
from events
join campaigns on campaigns.id = events.campaign_id
join organizations on organizations.id = events.organization_id
join contacts on contacts.id = events.contact_id
join email_templates
    on email_templates.id = case events.event_type
        when 'survey.completed' then campaigns.email_completed_template_id
        when 'survey.refused' then campaigns.email_refused_template_id
        else campaigns.email_not_reached_template_id
    end
where events.published_at < :day_ago
    and events.created_at >= :emails_since
    and contacts.email is not null
    and campaigns.deleted_at is null
    and organizations.deleted_at is null
    and email_templates.deleted_at is null
    and not exists (select 1 from email_notifications where email_notifications.event_id = events.id)
    and not exists (
        select 1
        from audit_log_entries
        where audit_log_entries.row_id = campaigns.id
            and audit_log_entries.action = 'update'
            and (
                (audit_log_entries.changes -> 'email_completed_template_id') is not null
                or (audit_log_entries.changes -> 'email_refused_template_id') is not null
                or (audit_log_entries.changes -> 'email_not_reached_template_id') is not null
            )
            and audit_log_entries.created_at >= events.created_at
    )
