//! One rule, as its file states it.

/// The text of each file of `seeder/src/check/rules`, by the name of the rule.
const RULES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The line of the comment that states why a rule is not checked on SQLite.
const POSTGRES: &str = "PostgreSQL: ";

/// A consistency rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name of its file.
    pub name: &'static str,
    /// What it requires, as a sentence.
    pub requires: String,
    /// Why it is not checked on SQLite; `None`: it is.
    pub postgres_only: Option<&'static str>,
    /// Returns one row for each violation: an id, and `found`.
    pub query: &'static str,
}

impl Rule {
    /// Returns all rules by name.
    pub fn all() -> impl Iterator<Item = Self> {
        RULES.iter().map(|(name, text)| Self::parse(name, text))
    }

    /// The column of the id, which is the first one.
    pub(super) fn id_column(&self) -> &'static str {
        let first = self.query.split(',').next().unwrap_or_default();
        first.split_whitespace().next_back().unwrap_or_default()
    }

    fn parse(name: &'static str, text: &'static str) -> Self {
        let query = text.find("\nselect").map_or(text, |start| &text[start + 1..]).trim_end();
        let mut sentences = Vec::new();
        let mut postgres_only = None;
        for line in text.lines().map_while(|line| line.strip_prefix("-- ")) {
            match line.strip_prefix(POSTGRES) {
                Some(reason) => postgres_only = Some(reason),
                None => sentences.push(line),
            }
        }
        Self { name, requires: sentences.join(" "), postgres_only, query }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_sentence_and_a_query() {
        assert!(Rule::all().count() > 30);
        for rule in Rule::all() {
            assert!(rule.id_column().ends_with("_id"), "{}: {}", rule.name, rule.id_column());
            let Rule { name, requires, query, .. } = rule;
            assert!(requires.ends_with('.') && !requires.contains(POSTGRES), "{name}: {requires}");
            assert!(query.starts_with("select") && !query.contains(';'), "{name}: {query}");
            assert!(query.contains(" as found\n"), "{name}: {query}");
        }
    }
}
