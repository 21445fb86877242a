-- The call attempts of a contact are numbered from 1 without gaps.
select contact_id, 'call attempts ' || count(*) || ', highest attempt_number ' || max(attempt_number) as found
from call_attempts
group by contact_id
having max(attempt_number) <> count(*)
