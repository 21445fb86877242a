-- The state of a contact follows from its last outcome: pending before the first call, completed, refused, not reached
-- after a call that did not reach it, and in progress or excluded before a conversation.
select
    id as contact_id,
    'state ' || cast(state as text) || ', attempts_count ' || attempts_count || ', last_outcome '
        || coalesce(cast(last_outcome as text), 'null') as found
from contacts
where not case state
        when 'pending' then attempts_count = 0 and last_outcome is null
        when 'in_progress' then attempts_count > 0
            and coalesce(cast(last_outcome as text), '') in ('', 'no_answer', 'busy', 'failed')
        when 'not_reached' then coalesce(cast(last_outcome as text), '') in ('no_answer', 'busy', 'failed')
        when 'excluded' then coalesce(cast(last_outcome as text), '') in ('', 'no_answer', 'busy', 'failed')
        else cast(state as text) = coalesce(cast(last_outcome as text), '')
    end
