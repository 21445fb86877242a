//! The tokens of SQL text, as far as comments, quotes and parameters require.

/// A token of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// `--` to the end of the line, or `/*` to its `*/`.
    Comment(&'a str),
    /// `:name` or `:name?`, as queries write parameters.
    Parameter {
        /// Without the colon.
        name: &'a str,
        /// Whether a question mark follows.
        nullable: bool,
    },
    /// `"name"`, with its quotes.
    Quoted(&'a str),
    /// White space.
    Space(&'a str),
    /// `'text'` or `$$text$$`, with its quotes.
    String(&'a str),
    /// A keyword, a name or a number.
    Word(&'a str),
    /// Anything else.
    Symbol(&'a str),
}

impl<'a> Token<'a> {
    /// The text; of a parameter, the name.
    #[must_use]
    pub fn text(self) -> &'a str {
        match self {
            Self::Comment(text)
            | Self::Parameter { name: text, .. }
            | Self::Quoted(text)
            | Self::Space(text)
            | Self::String(text)
            | Self::Word(text)
            | Self::Symbol(text) => text,
        }
    }
}

/// Splits a text; the tokens together are the whole text.
///
/// A body between dollar signs is one token.
///
/// <https://www.postgresql.org/docs/15/sql-syntax-lexical.html>
#[must_use]
pub fn tokens(mut rest: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        let after_e = matches!(tokens.last(), Some(Token::Word("e" | "E")));
        let (token, length) = next(rest, after_e);
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens
}

fn next<'a>(text: &'a str, after_e: bool) -> (Token<'a>, usize) {
    let whole = |make: fn(&'a str) -> Token<'a>, length: usize| (make(&text[..length]), length);
    if text.starts_with("--") {
        return whole(Token::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return whole(Token::Comment, block_comment(text));
    }
    if text.starts_with('\'') {
        return whole(Token::String, quoted(text, '\'', after_e));
    }
    if text.starts_with('"') {
        return whole(Token::Quoted, quoted(text, '"', false));
    }
    if let Some(length) = dollar_quoted(text) {
        return whole(Token::String, length);
    }
    if text.starts_with("::") {
        return whole(Token::Symbol, 2);
    }
    if let Some(after) = text.strip_prefix(':')
        && after.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
    {
        let name = &after[..word(after)];
        let nullable = after[name.len()..].starts_with('?');
        return (Token::Parameter { name, nullable }, 1 + name.len() + usize::from(nullable));
    }
    if text.starts_with(char::is_whitespace) {
        return whole(Token::Space, text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len()));
    }
    match word(text) {
        0 => whole(Token::Symbol, text.chars().next().map_or(1, char::len_utf8)),
        length => whole(Token::Word, length),
    }
}

/// The length of a word: after its first character it may contain dollar signs.
fn word(text: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if !text.starts_with(is_word) {
        return 0;
    }
    text.find(|c: char| !(is_word(c) || c == '$')).unwrap_or(text.len())
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// A doubled quote, and in `e'…'` one after a backslash, does not end the text.
fn quoted(text: &str, quote: char, backslash: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && backslash {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = text.strip_prefix('$')?;
    let tag = &tag[..tag.find('$')?];
    let named = tag.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag.starts_with(|c: char| c.is_ascii_digit());
    let fence = &text[..tag.len() + 2];
    named.then(|| text[fence.len()..].find(fence).map_or(text.len(), |at| at + 2 * fence.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(sql: &str) -> Vec<(&str, bool)> {
        let tokens = tokens(sql);
        let length: usize = tokens
            .iter()
            .map(|token| match token {
                Token::Parameter { name, nullable } => 1 + name.len() + usize::from(*nullable),
                Token::Comment(text)
                | Token::Quoted(text)
                | Token::Space(text)
                | Token::String(text)
                | Token::Word(text)
                | Token::Symbol(text) => text.len(),
            })
            .sum();
        assert_eq!(length, sql.len(), "nothing is lost: {tokens:?}");
        tokens
            .into_iter()
            .filter_map(|token| match token {
                Token::Parameter { name, nullable } => Some((name, nullable)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_colon_before_a_name_is_a_parameter() {
        assert_eq!(parameters("a = :a and b>=:b_1?"), [("a", false), ("b_1", true)]);
        assert_eq!(parameters(":a::text, (:b)"), [("a", false), ("b", false)]);
    }

    #[test]
    fn casts_texts_and_comments_hold_no_parameter() {
        for sql in [
            "a::text",
            "':a'",
            "'it''s :a'",
            r"e'\':a'",
            "\":a\"\":a\"",
            "$$:a$$ $x$ :a $$ :a $x$",
            "-- :a",
            "/* :a /* :a */ :a */",
            "'open :a",
            "/* open :a",
            "f(x := 1)",
            "'é:a'",
        ] {
            assert_eq!(parameters(sql), [], "{sql}");
        }
        assert_eq!(parameters(r"'\' || :a"), [("a", false)], "a backslash is only a backslash");
        assert_eq!(parameters("$1 :a $2"), [("a", false)]);
        assert_eq!(parameters("a$b$ :a $b$"), [("a", false)], "a name may contain dollar signs");
    }
}
