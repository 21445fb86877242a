-- A campaign that is a draft or scheduled has no call attempts.
select campaigns.id as campaign_id, 'status ' || cast(campaigns.status as text) || ', has call attempts' as found
from campaigns
where campaigns.status in ('draft', 'scheduled')
    and exists (select 1 from call_attempts where call_attempts.campaign_id = campaigns.id)
