-- Creates the database and its logins when the volume is empty. The image runs it as the superuser.
-- From files, because arguments and variables of a process are visible to others.
\set owner `cat /run/secrets/owner_password`
\set customer `cat /run/secrets/customer_password`
\set backup `cat /run/secrets/backup_password`

create role customer nologin;
create role voicesurvey login password :'owner';
create role voicesurvey_app login password :'customer' in role customer;
create role voicesurvey_backup login bypassrls password :'backup' in role pg_read_all_data;

create database voicesurvey owner voicesurvey;
revoke all on database voicesurvey from public;
grant connect on database voicesurvey to voicesurvey_app, voicesurvey_backup;

-- The extension pgaudit is not created: it is loaded without it, and a dump that contains it can be restored only into a
-- server that has it loaded.
