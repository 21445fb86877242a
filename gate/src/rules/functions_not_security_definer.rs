use crate::rule::{Check, Level, Rule, sql};

pub const RULE: Rule = Rule {
    id: "functions_not_security_definer",
    level: Level::Block,
    requires: "Functions are not LEAKPROOF; a SECURITY DEFINER function sets search_path, documents why, and is not executable by PUBLIC.",
    why: "A SECURITY DEFINER function reads the rows of every tenant for its caller; without search_path a caller can replace the objects that it uses.",
    fix: "Declare it SECURITY INVOKER. Otherwise: set search_path = pg_catalog, public, pg_temp; comment on it with \"security definer because …\"; revoke execute on it from public and customer.",
    source: "docs/conventions.md#security-definer-functions",
    check: Check::Catalogue(include_str!("functions_not_security_definer.sql")),
    breaks: &[
        sql(
            "create function purge() returns void security definer set search_path = pg_catalog, pg_temp \
             return null; comment on function purge() is 'Empties the archive; security definer because the \
             job may not.'",
            &["purge()"],
        ),
        sql(
            "create function purge() returns void security definer set search_path = pg_catalog return \
             null; revoke execute on function purge() from public; comment on function purge() is 'Empties \
             the archive; security definer because the job may not.'",
            &["purge()"],
        ),
        // One schema whose name contains a comma, so that pg_temp is searched first.
        sql(
            "create function purge() returns void security definer set search_path = 'pg_catalog, pg_temp' \
             return null; revoke execute on function purge() from public; comment on function purge() is \
             'Empties the archive; security definer because the job may not.'",
            &["purge()"],
        ),
    ],
};
