//! For a person: every rule with its verdict, then each finding with object, why and fix.

use crate::run::Outcome;
use comfy_table::{Table, presets};
use std::fmt::Write as _;

pub(super) fn render(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for outcome in outcomes {
        let excepted =
            if outcome.excepted == 0 { String::new() } else { format!("{} excepted", outcome.excepted) };
        table.add_row([outcome.verdict(), outcome.rule.id, outcome.rule.requires, &excepted]);
    }
    let mut text = format!("{}\n", table.trim_fmt());
    for outcome in outcomes {
        for finding in &outcome.findings {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\n{}: {} {finding}\n  why: {}\n  fix: {}\n",
                outcome.verdict(),
                outcome.rule.id,
                outcome.rule.why,
                outcome.fix(finding)
            );
        }
    }
    let count = |wanted: &str| outcomes.iter().filter(|outcome| outcome.verdict() == wanted).count();
    let _ = writeln!(
        text,
        "\n{} rules: {} pass, {} warn, {} fail",
        outcomes.len(),
        count("pass"),
        count("warn"),
        count("fail")
    );
    text
}
