//! For a CI server: a test case for each rule.

use super::{fix, verdict};
use crate::run::Outcome;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

pub(super) fn render(outcomes: &[Outcome]) -> String {
    let mut suite = TestSuite::new("gate");
    for outcome in outcomes {
        let mut status = match verdict(outcome) {
            "fail" => TestCaseStatus::non_success(NonSuccessKind::Failure),
            _ => TestCaseStatus::success(),
        };
        let lines: Vec<String> =
            outcome.findings.iter().map(|finding| format!("{finding}; {}", fix(outcome, finding))).collect();
        let mut case = if verdict(outcome) == "fail" {
            status.set_message(outcome.rule.why).set_description(lines.join("\n"));
            TestCase::new(outcome.rule.id, status)
        } else {
            // A warning is no failure, and must be seen all the same.
            let mut case = TestCase::new(outcome.rule.id, status);
            if !lines.is_empty() {
                case.set_system_out(lines.join("\n"));
            }
            case
        };
        case.set_classname("gate");
        suite.add_test_case(case);
    }
    let mut report = Report::new("gate");
    report.add_test_suite(suite);
    // It fails only where the writer does, and this one is a string.
    report.to_string().unwrap_or_default()
}
