use crate::exceptions::{self, Exceptions};
use crate::rule::{Check, Level, Rule, replace};
use crate::{Error, Finding, Workspace};

/// If all rules run, an exception that is not needed is a finding as well.
pub const RULE: Rule = Rule {
    id: "exceptions_current",
    level: Level::Block,
    requires: "Every exception names an existing rule, has a reason, is needed and has not expired.",
    why: "An exception that outlives its reason hides the next violation.",
    fix: "Fix the violation, or review it and extend the expiry date; delete an exception that is not needed.",
    source: "docs/conventions.md#exceptions",
    check: Check::Sources(look),
    breaks: &[
        replace(
            exceptions::FILE,
            "",
            "- {rule: foreign_keys_indexed, object: x, reason: long enough to be judged, expires: \
             2020-01-01}\n",
            &["foreign_keys_indexed of x"],
        ),
        replace(
            exceptions::FILE,
            "",
            "- {rule: no_such_rule, object: x, reason: long enough to be judged, expires: 2999-01-01}\n",
            &["no_such_rule of x"],
        ),
        replace(
            exceptions::FILE,
            "",
            "- {rule: foreign_keys_indexed, object: x, reason: because, expires: 2999-01-01}\n",
            &["foreign_keys_indexed of x"],
        ),
    ],
};

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    Ok(Exceptions::read(workspace)?.defects(chrono::Utc::now().date_naive()))
}
