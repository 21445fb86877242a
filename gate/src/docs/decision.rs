//! What a function of `database` does with a row that is marked as deleted: the section "Deleted rows" of its
//! documentation, or the lines `-- deleted: …` of its query.

/// The heading of the section.
const HEADING: &str = "# Deleted rows";

/// The decisions and their meanings.
pub(super) const WORDS: [(&str, &str); 5] = [
    (
        "hidden",
        "As if the row did not exist: it is not found, listed, counted or changed, and neither are rows that belong to it.",
    ),
    (
        "refused",
        "`Error::Deleted`: nothing is written. The row is locked until the transaction ends, so that it is not marked as \
         deleted before the commit.",
    ),
    (
        "bound",
        "Checked when the transaction is bound: `Database::customer` refuses a deleted organization. A transaction that \
         was bound before goes on.",
    ),
    ("reserved", "The row keeps its unique values: `Error::Constraint`."),
    ("reads", "As if the row were not marked as deleted, for the reason that follows."),
];

/// A line of the section: tables, a word of [`WORDS`], and perhaps a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(super) tables: Vec<String>,
    pub(super) word: String,
    pub(super) reason: Option<String>,
}

impl Decision {
    /// Reads `campaigns, organizations: reads - a reason`; names of tables may be in backticks.
    pub(super) fn parse(line: &str) -> Self {
        let (tables, rest) = line.split_once(':').unwrap_or((line, ""));
        let (word, reason) = match rest.split_once(" - ") {
            Some((word, reason)) => (word, Some(reason.trim().to_owned())),
            None => (rest, None),
        };
        let tables = tables.split(',').map(|table| table.trim().trim_matches('`').to_owned()).collect();
        Self { tables, word: word.trim().to_owned(), reason }
    }

    /// The decisions of a documentation.
    pub(super) fn of(doc: &[String]) -> Vec<Self> {
        let section = doc.iter().map(|line| line.trim()).skip_while(|line| *line != HEADING).skip(1);
        let section = section.take_while(|line| !line.starts_with('#'));
        section.filter_map(|line| line.strip_prefix("- ")).map(Self::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_read_from_both_notations() {
        let expected = Decision {
            tables: vec!["campaigns".to_owned(), "organizations".to_owned()],
            word: "reads".to_owned(),
            reason: Some("a call under way is finished".to_owned()),
        };
        let text = "campaigns, organizations: reads - a call under way is finished";
        assert_eq!(Decision::parse(text), expected);
        let line = " - `campaigns`, `organizations`: reads - a call under way is finished";
        let doc = [" Finds it.", " - no decision", " # Deleted rows", line, " # Errors", " - none"];
        assert_eq!(Decision::of(&doc.map(ToOwned::to_owned)), [expected]);
        let refused = Decision::parse("users: refused");
        assert_eq!((refused.word.as_str(), refused.reason), ("refused", None));
    }
}
