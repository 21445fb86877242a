//! An exception names a rule, gives a reason and has not expired.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};
use crate::{Error, Exceptions, Finding, Workspace};

/// The rule. Where all rules are asked, an exception that nothing needs is a finding as well.
pub const RULE: Rule = Rule {
    id: "exceptions_current",
    level: Level::Block,
    family: Family::Conventions,
    requires: "Every exception names a rule, has a reason, is needed and has not expired.",
    why: "An exception outlives its reason, and hides the next violation of the same rule.",
    fix: "Fix the finding or renew the exception's date after looking again; delete what is not needed.",
    source: "architecture.md, Bad input",
    check: Check::Sources(look),
    breaks: &[
        Break {
            by: Mutation::Replace {
                file: crate::exceptions::FILE,
                text: "",
                with: "- {rule: foreign_keys_indexed, object: x, reason: long enough to be judged, expires: 2020-01-01}\n",
            },
            finds: &["foreign_keys_indexed of x"],
        },
        Break {
            by: Mutation::Replace {
                file: crate::exceptions::FILE,
                text: "",
                with: "- {rule: no_such_rule, object: x, reason: long enough to be judged, expires: 2999-01-01}\n",
            },
            finds: &["no_such_rule of x"],
        },
        Break {
            by: Mutation::Replace {
                file: crate::exceptions::FILE,
                text: "",
                with: "- {rule: foreign_keys_indexed, object: x, reason: because, expires: 2999-01-01}\n",
            },
            finds: &["foreign_keys_indexed of x"],
        },
    ],
};

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    Ok(Exceptions::read(workspace)?.defects(chrono::Utc::now().date_naive()))
}
