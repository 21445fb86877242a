//! SQL without its formatting: two texts that differ in white space, comments or the case of words are one.

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// The statements of SQL texts, each token of them separated from the next by one space. What a `do` or a function
/// executes is SQL as well, and normal too; every other literal, and every quoted identifier, stays as it is.
#[must_use]
pub fn statements(texts: &[impl AsRef<str>]) -> Vec<String> {
    let mut all = Vec::new();
    for text in texts {
        let mut statement = Vec::new();
        for token in tokens(text.as_ref()) {
            if token == ";" && !in_body(&statement) {
                all.push(statement.join(" "));
                statement.clear();
            } else {
                statement.push(token);
            }
        }
        all.push(statement.join(" "));
    }
    all.retain(|statement| !statement.is_empty());
    all
}

/// Whether the tokens are those of a trigger or function whose `begin` has not met its `end`.
fn in_body(statement: &[String]) -> bool {
    let count = |words: &[&str]| statement.iter().filter(|token| words.contains(&token.as_str())).count();
    statement.first().is_some_and(|first| first == "create") && count(&["begin", "case"]) > count(&["end"])
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut start = 0;
    let mut glued = false;
    for token in tokenize(text) {
        let end = start + token.len as usize;
        let word = &text[start..end];
        start = end;
        let is_gap = matches!(
            token.kind,
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } | TokenKind::Eof
        );
        if is_gap {
            glued = false;
            continue;
        }
        let normal = match token.kind {
            TokenKind::Ident => word.to_ascii_lowercase(),
            TokenKind::Literal { kind: LiteralKind::DollarQuotedString { .. } } if is_code(&tokens) => {
                code(word)
            }
            _ => word.to_owned(),
        };
        // An operator is several tokens, and `> =` is not `>=`.
        match tokens.last_mut() {
            Some(last) if glued && is_operator(token.kind) => last.push_str(&normal),
            _ => tokens.push(normal),
        }
        glued = is_operator(token.kind);
    }
    tokens
}

/// Whether a literal behind these tokens is executed: `do $$…`, `do language plpgsql $$…`, `create function … as $$…`.
fn is_code(before: &[String]) -> bool {
    match before {
        [.., keyword, _] if keyword == "language" => before.first().is_some_and(|first| first == "do"),
        [.., last] => last == "do" || last == "as",
        [] => false,
    }
}

/// A dollar-quoted body in its normal form, its quotes as they are.
fn code(literal: &str) -> String {
    let quote = literal[1..].find('$').map_or("", |end| &literal[..end + 2]);
    let body = literal.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).unwrap_or(literal);
    format!("{quote} {} {quote}", tokens(body).join(" "))
}

fn is_operator(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::And
            | TokenKind::At
            | TokenKind::Backtick
            | TokenKind::Bang
            | TokenKind::Caret
            | TokenKind::Colon
            | TokenKind::Eq
            | TokenKind::Gt
            | TokenKind::Lt
            | TokenKind::Minus
            | TokenKind::Or
            | TokenKind::Percent
            | TokenKind::Plus
            | TokenKind::Pound
            | TokenKind::Question
            | TokenKind::Slash
            | TokenKind::Star
            | TokenKind::Tilde
    )
}

#[cfg(test)]
mod tests {
    use super::statements;

    fn same(one: &str, other: &str) -> bool {
        statements(&[one]) == statements(&[other])
    }

    #[test]
    fn formatting_comments_and_the_case_of_words_do_not_matter() {
        assert!(same("create table a (b text);", "CREATE  TABLE a(\n    b Text -- why\n)\n;;"));
        assert!(same("select 1 /* one */ + 2", "select 1+2"));
        assert!(same("do $$ begin perform 1; end $$", "DO $$\nBEGIN\n  -- reason\n  PERFORM 1;\nEND\n$$;"));
        assert!(same("do language plpgsql $x$ begin end $x$", "do language plpgsql $x$begin\nend$x$"));
        let function = "create function f() returns int language sql as $$ select 1 $$";
        assert!(same(function, &function.replace("$$ select 1 $$", "$$\n  SELECT 1\n$$")));
    }

    #[test]
    fn everything_else_matters() {
        for (one, other) in [
            ("select 'a  b'", "select 'a b'"),
            ("select 'A'", "select 'a'"),
            ("select \"A\"", "select \"a\""),
            ("select $$a  b$$", "select $$a b$$"),
            ("select 1 > = 2", "select 1 >= 2"),
            ("select a.b", "select ab"),
            ("drop table a", "drop table if exists a"),
            ("select '--', 1", "select '--', 2"),
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
        assert_eq!(statements(&["drop table a; drop table b"]), ["drop table a", "drop table b"]);
    }
}
