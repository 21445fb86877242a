//! Text is text, with a named length check unless people write or say as much as they like there.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};

/// The rule.
pub const RULE: Rule = Rule {
    id: "text_length_checked",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Text is text, with a named length check unless people write or say as much as they like there.",
    why: "Without a bound one request stores a gigabyte; a bound in the type is changed under a lock and has \
           no name in errors.",
    fix: "Make it text and add the check ck_<table>_<column>_length; if it is prose, list it in \
           text_length_checked.sql.",
    source: "data-model.md, On every table",
    check: Check::Catalogue(include_str!("text_length_checked.sql")),
    breaks: &[
        Break {
            by: Mutation::Uncommitted("alter table contacts drop constraint ck_contacts_email_length"),
            finds: &["contacts.email"],
        },
        Break {
            by: Mutation::Uncommitted("alter table exclusion_list_entries alter reason type varchar(20)"),
            finds: &["exclusion_list_entries.reason"],
        },
        // A list counts its words; the length of each is a domain's.
        Break {
            by: Mutation::Uncommitted(
                "alter table events add column tags text[]; comment on column events.tags is 'Words to find the \
                 event by, as the agent gave them.'",
            ),
            finds: &["events.tags"],
        },
    ],
};
