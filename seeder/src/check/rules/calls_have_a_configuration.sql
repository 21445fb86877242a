-- An organization with call attempts has a provider configuration.
select organizations.id as organization_id, 'has call attempts, no provider configuration' as found
from organizations
where not exists (select 1 from provider_configs where provider_configs.organization_id = organizations.id)
    and exists (select 1 from call_attempts where call_attempts.organization_id = organizations.id)
