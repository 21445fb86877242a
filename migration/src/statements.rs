//! The statements of a script and their digests, which formatting and comments do not change.
//!
//! Ledgers of production databases hold these digests, so nothing whose upgrade could change one takes part: the
//! normal form is computed here, and has a version. A second version gets functions of its own beside these, and the
//! first one stays for the ledgers that were written with it.

use crate::tokens::{Token, tokens};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The version of [`statements`] and [`digest`], as the ledger records it.
pub(crate) const VERSION: &str = "1";

/// SHA-256 of a statement in its normal form: the first 16 hexadecimal digits, enough to tell the statements of one
/// migration apart.
///
/// The SQL itself is rendered by `sea-query`. If another version of it renders a statement differently, the digest differs as
/// well, because a new database gets other text. The gate then reports the statement against the lock file in the change that
/// upgrades, before any database refuses it, and an entry in `accepted_digests.yaml` accepts it after review.
#[must_use]
pub fn digest(statement: &str) -> String {
    let mut digits = String::with_capacity(16);
    for byte in &Sha256::digest(statement)[..8] {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// What separates two characters of a normal form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Operator,
    Punctuation,
    Word,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '(' | ')' | ',' | ';' | '[' | ']' => Self::Punctuation,
            '+' | '-' | '*' | '/' | '<' | '>' | '=' | '~' | '!' | '@' | '#' | '%' | '^' | '&' | '|' | '?'
            | ':' => Self::Operator,
            _ => Self::Word,
        }
    }
}

/// The statements of the texts in their normal form: without comments, closing semicolons and needless white space,
/// their words in lower case.
///
/// String constants and quoted identifiers stay as they are. What dollar signs quote is treated as code, the body of a
/// function or of `do`, because it is code in every migration.
#[must_use]
pub fn statements(texts: &[impl AsRef<str>]) -> Vec<String> {
    let mut all = Vec::new();
    for text in texts {
        split(text.as_ref(), &mut all);
    }
    all.retain(|statement: &String| !statement.is_empty());
    all
}

fn split(source: &str, all: &mut Vec<String>) {
    let mut text = String::new();
    let mut gap = false;
    for token in tokens(source) {
        if token == Token::Symbol(";") && !in_body(&text) {
            all.push(std::mem::take(&mut text));
            gap = false;
        } else {
            append(&mut text, token, &mut gap);
        }
    }
    all.push(text);
}

fn append(text: &mut String, token: Token<'_>, gap: &mut bool) {
    match token {
        Token::Comment(_) | Token::Space(_) => *gap = true,
        Token::String(quoted) if quoted.starts_with('$') => {
            let fence = quoted[1..].find('$').map_or(quoted, |end| &quoted[..end + 2]);
            let body = &quoted[fence.len()..];
            push(text, fence, gap);
            for token in tokens(body.strip_suffix(fence).unwrap_or(body)) {
                append(text, token, gap);
            }
            if body.ends_with(fence) {
                push(text, fence, gap);
            }
        }
        Token::Quoted(quoted) | Token::String(quoted) => push(text, quoted, gap),
        Token::Symbol(piece) | Token::Word(piece) => push(text, &piece.to_ascii_lowercase(), gap),
        Token::Parameter { name, nullable } => {
            push(text, ":", gap);
            push(text, name, gap);
            if nullable {
                push(text, "?", gap);
            }
        }
    }
}

/// Whether the statement is a trigger or function whose `begin` has not met its `end`.
fn in_body(statement: &str) -> bool {
    let words = || statement.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let count = |any: &[&str]| words().filter(|word| any.contains(word)).count();
    statement.starts_with("create ") && count(&["begin", "case"]) > count(&["end"])
}

/// Appends a piece, after a space if the source has one there that separates two tokens.
fn push(text: &mut String, piece: &str, gap: &mut bool) {
    let classes =
        text.chars().last().zip(piece.chars().next()).map(|(last, c)| (Class::of(last), Class::of(c)));
    if *gap && classes.is_some_and(|(last, next)| last == next && next != Class::Punctuation) {
        text.push(' ');
    }
    *gap = false;
    text.push_str(piece);
}

#[cfg(test)]
mod tests {
    use super::{digest, statements};

    fn same(one: &str, other: &str) -> bool {
        statements(&[one]) == statements(&[other])
    }

    #[test]
    fn formatting_comments_and_the_case_of_words_do_not_matter() {
        assert!(same("create table a (b text);", "CREATE  TABLE a(\n    b Text -- why\n)\n;;"));
        assert!(same("select 1 /* one /* two */ */ + 2", "select 1+2"));
        assert!(same(
            "do $$ begin perform 1; end $$",
            "DO $$\nBEGIN\n  -- it's the reason\n  PERFORM 1;\nEND\n$$;"
        ));
        let function = "create function f() returns int language sql as $$ select 1 $$";
        assert!(same(function, &function.replace("$$ select 1 $$", "$$\n  SELECT 1\n$$")));
    }

    #[test]
    fn everything_else_matters() {
        for (one, other) in [
            ("select 'a  b'", "select 'a b'"),
            ("select 'A'", "select 'a'"),
            ("select \"A\"", "select \"a\""),
            ("select 'it''s  a'", "select 'it''s a'"),
            ("select 1 > = 2", "select 1 >= 2"),
            ("select 1 - -2", "select 1 --2"),
            ("select a.b", "select ab"),
            ("select a b", "select ab"),
            ("drop table a", "drop table if exists a"),
            ("select '--', 1", "select '--', 2"),
            ("select '/*', 1 /* */", "select '/*', 2 /* */"),
            ("do $$ begin perform 1; end $$", "do $$ begin perform 2; end $$"),
            ("do $$ begin perform 'a  b'; end $$", "do $$ begin perform 'a b'; end $$"),
        ] {
            assert!(!same(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn a_statement_ends_at_a_semicolon_that_is_not_in_a_body() {
        let trigger = "create trigger t after update on a begin update a set b = case when 1 then 2 end; end";
        let text = format!("{trigger}; drop table a;");
        assert_eq!(statements(&[text.as_str(), "select 1"]).len(), 3);
        assert_eq!(statements(&["do $$ begin a; b; end $$; select ';'"]).len(), 2);
        assert_eq!(statements(&["do $x$begin execute $y$a; b$y$; end$x$; select 1"]).len(), 2);
        assert_eq!(statements(&["do $$begin null; end$$; do $$begin null; end$$"]).len(), 2);
        assert_eq!(statements(&["drop table a; drop table b"]), ["drop table a", "drop table b"]);
    }

    /// Ledgers hold them: a change of this test changes what production refuses.
    #[test]
    fn the_digests_of_version_1_never_change() {
        let normal = "create table a(\"B\" text,c int>=1)";
        assert_eq!(statements(&["CREATE TABLE a (\"B\" text, c int >= 1); -- x"]), [normal]);
        assert_eq!(digest("create table a(b text)"), "24a30f8304d99233");
    }
}
