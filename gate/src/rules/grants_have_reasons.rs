use crate::docs::grants;
use crate::generated_files;
use crate::rule::{Check, Level, Rule, replace, sql};

pub const RULE: Rule = Rule {
    id: "grants_have_reasons",
    level: Level::Block,
    requires: "Each privilege of the role customer has a reason in gate/grants.yaml, and the table in docs/security.md is current.",
    why: "A privilege that no function needs serves only an injected statement.",
    fix: "Revoke the privilege, or state in gate/grants.yaml which function needs it; then run: cargo run -p gate -- write.",
    source: "docs/conventions.md#reasons-of-grants",
    check: Check::Subject(|subject| Box::pin(generated_files::check(subject, &grants::KIND))),
    breaks: &[
        sql("grant delete on contacts to customer", &["contacts"]),
        sql("grant update (preferred_language) on contacts to customer", &["contacts.preferred_language"]),
        sql("grant execute on function set_updated_at() to customer", &["set_updated_at()"]),
        sql("revoke update (status) on campaigns from customer", &["campaigns.status"]),
        replace(grants::FILE, "  columns: [status]\n", "  columns: [status, name]\n", &["campaigns.name"]),
        replace(grants::FILE, "`campaigns::transition`", "`campaigns::change_status`", &["campaigns"]),
        replace(grants::FILE, "`campaigns::transition`", "`campaigns::find`", &["campaigns"]),
        replace(grants::FILE, "`organizations::update`", "`organizations::delete`", &["organizations"]),
        replace(grants::FILE, "\"`campaigns::transition`.\"", "\"Campaigns change.\"", &["campaigns"]),
        replace(grants::DOCUMENT, "`campaigns::transition`", "", &[grants::DOCUMENT]),
        replace(grants::DOCUMENT, "<!-- end of grants -->", "", &[grants::DOCUMENT]),
    ],
};
