//! Roles and their rights. Row Level Security separates the tenants only for a role that cannot bypass it.

use crate::doctor::check::Check;
use crate::doctor::finding::{Engines, Finding, Found, Looked};
use crate::doctor::subject::Subject;

const SOURCE: &str = "https://www.postgresql.org/docs/current/ddl-rowsecurity.html";

pub const CUSTOMER_ROLE: Check = Check {
    id: "customer_role",
    engines: Engines::Postgres,
    requires: "The role customer cannot log in, except on Citus, has no attribute and owns nothing, and no membership widens its rights.",
    reads: "`pg_roles`, `pg_auth_members`, `pg_class`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "alter role customer nosuperuser nocreatedb nocreaterole noreplication nobypassrls",
    source: SOURCE,
    look: |subject| Box::pin(customer_role(subject)),
};

async fn customer_role(subject: &mut Subject) -> Looked {
    let roles: Vec<(bool, Vec<String>, bool)> = subject
        .rows(
            // On Citus, the coordinator logs in to the other nodes as the role of the transaction.
            "select rolcanlogin and to_regprocedure('run_on_shard(text, text[])') is null, \
                    array_remove(array[case when rolsuper then 'SUPERUSER' end, \
                                       case when rolbypassrls then 'BYPASSRLS' end, \
                                       case when rolcreaterole then 'CREATEROLE' end, \
                                       case when rolcreatedb then 'CREATEDB' end, \
                                       case when rolreplication then 'REPLICATION' end], null), \
                    exists (select from pg_class where relowner = r.oid) \
             from pg_roles r where rolname = 'customer'",
        )
        .await?;
    let Some((can_login, attributes, owns)) = roles.into_iter().next() else {
        let missing =
            Finding::fail("the role customer", "it does not exist").fixed_by("cargo run -p migration -- up");
        return Ok(Found { summary: "missing".to_owned(), findings: vec![missing] });
    };
    let mut findings: Vec<Finding> = attributes
        .into_iter()
        .map(|attribute| Finding::fail("the role customer", format!("it has {attribute}")))
        .collect();
    if can_login {
        findings.push(
            Finding::warn("the role customer", "it can log in; it is a role for members")
                .fixed_by("alter role customer nologin"),
        );
    }
    if owns {
        findings.push(
            Finding::fail("the role customer", "it owns a table, to which Row Level Security does not apply")
                .fixed_by("reassign owned by customer to the owner of the schema"),
        );
    }
    let memberships: Vec<(String, bool)> = subject
        .rows(
            "select b.rolname::text, \
                    b.rolsuper or b.rolbypassrls or b.rolname ~ '^pg_' \
                    or exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                               where c.relowner = b.oid and n.nspname !~ '^pg_' and n.nspname <> 'information_schema') \
             from pg_roles b \
             where b.rolname <> 'customer' and pg_has_role('customer', b.oid, 'member') \
               and not (select rolsuper from pg_roles where rolname = 'customer') order by 1",
        )
        .await?;
    for (role, is_powerful) in memberships {
        let problem = format!("it is a member of {role}");
        let finding = if is_powerful {
            Finding::fail("the role customer", format!("{problem}, whose rights reach every tenant"))
        } else {
            Finding::warn("the role customer", problem)
        };
        findings.push(finding.fixed_by(format!("revoke \"{role}\" from customer")));
    }
    Ok(Found::counted(findings, "no login, no attributes, no memberships", "rights too many"))
}

pub const CUSTOMER_LOGINS: Check = Check {
    id: "customer_logins",
    engines: Engines::Postgres,
    requires: "A login of customer transactions is limited by Row Level Security, and production has one apart from the owner.",
    reads: "`pg_roles`, `pg_auth_members`, `pg_class`, the mark of the ledger",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "use a login of its own for customer transactions: create role … login, and grant customer to it",
    source: SOURCE,
    look: |subject| Box::pin(customer_logins(subject)),
};

async fn customer_logins(subject: &mut Subject) -> Looked {
    // A superuser is a member of every role for `pg_has_role`; only what was granted counts here.
    let logins: Vec<(String, bool, bool, Vec<String>)> = subject
        .rows(
            "with recursive members (role) as ( \
                 select m.member from pg_auth_members m join pg_roles c on c.oid = m.roleid \
                 where c.rolname = 'customer' \
                 union select m.member from pg_auth_members m join members on m.roleid = members.role), \
             owners (role) as ( \
                 select distinct c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                 where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema') \
             select r.rolname::text, r.rolsuper or r.rolbypassrls, r.oid in (select role from owners), \
                    array(select b.rolname::text from pg_roles b \
                          where b.oid <> r.oid and not r.rolsuper and pg_has_role(r.oid, b.oid, 'member') \
                            and (b.rolsuper or b.rolbypassrls or b.oid in (select role from owners) \
                                 or b.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', \
                                                  'pg_write_server_files', 'pg_execute_server_program')) \
                          order by 1) \
             from pg_roles r where r.rolcanlogin and r.oid in (select role from members) order by 1",
        )
        .await?;
    let (marked,): (bool,) = subject
        .row(
            "select exists (select from pg_class c where c.relname = 'seaql_migrations' and c.relkind in ('r', 'p') \
                              and obj_description(c.oid, 'pg_class') is not null)",
        )
        .await?;
    let mut findings = Vec::new();
    let mut names = Vec::new();
    for (login, bypasses, owns, powers) in logins {
        // The owner sets the role itself, in development and to run programs.
        if owns {
            continue;
        }
        let object = format!("the login {login}");
        if bypasses {
            findings.push(Finding::fail(&object, "it is a superuser or has BYPASSRLS"));
        }
        for power in powers {
            findings.push(
                Finding::fail(&object, format!("it is a member of {power}, whose rights reach every tenant"))
                    .fixed_by(format!("revoke \"{power}\" from \"{login}\"")),
            );
        }
        names.push(login);
    }
    if names.is_empty() && marked {
        let problem = "only the owner can run customer transactions, and no policy limits the owner";
        findings.push(Finding::warn("this database", problem));
    }
    let summary = if names.is_empty() { "no login but the owner".to_owned() } else { names.join(", ") };
    Ok(Found { summary, findings })
}

pub const OWNER_ROLE: Check = Check {
    id: "owner_role",
    engines: Engines::Postgres,
    requires: "The owner of the tables is not a superuser.",
    reads: "`pg_class`, `pg_roles`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "create a role with CREATEROLE, make it the owner of the database, and run: reassign owned by … to …",
    source: "https://www.postgresql.org/docs/current/role-attributes.html",
    look: |subject| Box::pin(owner_role(subject)),
};

async fn owner_role(subject: &mut Subject) -> Looked {
    let owners: Vec<(String, bool)> = subject
        .rows(
            "select distinct r.rolname::text, r.rolsuper from pg_class c \
             join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.oid = c.relowner \
             where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1",
        )
        .await?;
    let names: Vec<&str> = owners.iter().map(|(name, _)| name.as_str()).collect();
    let summary = if names.is_empty() { "no tables".to_owned() } else { names.join(", ") };
    let findings = owners
        .iter()
        .filter(|(_, is_superuser)| *is_superuser)
        .map(|(name, _)| {
            let problem =
                "it owns tables and is a superuser, so a mistake of the application reaches the whole server";
            Finding::warn(format!("the role {name}"), problem)
        })
        .collect();
    Ok(Found { summary, findings })
}

pub const PUBLIC_SCHEMA: Check = Check {
    id: "public_schema",
    engines: Engines::Postgres,
    requires: "Not every login may create objects in the schema of the tables.",
    reads: "`pg_namespace`",
    grant: "connect as a login of this database",
    thresholds: &[],
    fix: "revoke create on schema … from public",
    source: "https://www.postgresql.org/docs/current/ddl-schemas.html",
    look: |subject| Box::pin(public_schema(subject)),
};

async fn public_schema(subject: &mut Subject) -> Looked {
    let schemas: Vec<(String,)> = subject
        .rows(
            "select quote_ident(nspname) from pg_namespace \
             where nspname !~ '^pg_' and nspname <> 'information_schema' \
               and has_schema_privilege('public', oid, 'create') order by 1",
        )
        .await?;
    let findings = schemas
        .into_iter()
        .map(|(schema,)| {
            let problem = "PUBLIC may create objects in it, which other logins then find by their names";
            Finding::fail(format!("the schema {schema}"), problem)
                .fixed_by(format!("revoke create on schema {schema} from public"))
        })
        .collect();
    Ok(Found::counted(findings, "only its owner and grantees create objects", "open to PUBLIC"))
}
