//! PostgreSQL's expressions in lower case and in lines of limited length.

use migration::{Token, tokens};

/// The longest line.
const WIDTH: usize = 110;

/// The text with keywords and names in lower case, which is what PostgreSQL reads them as, and in one line.
pub(crate) fn lower(sql: &str) -> String {
    let mut text = String::new();
    for token in tokens(sql) {
        match token {
            Token::Space(_) if text.ends_with('(') => {}
            // As of a function.
            Token::Symbol("(") if [" any ", " all "].iter().any(|word| text.ends_with(word)) => {
                text.pop();
                text.push('(');
            }
            Token::Space(_) => text.push(' '),
            Token::Word(word) => text.push_str(&word.to_lowercase()),
            Token::Symbol(")") => {
                text.truncate(text.trim_end().len());
                text.push(')');
            }
            other => text.push_str(other.text()),
        }
    }
    single_parentheses(&text)
}

/// `((x))` as `(x)`, unless a word precedes it: `any((select …))` is not `any(select …)`.
fn single_parentheses(text: &str) -> String {
    let mut doubled = Vec::new();
    for (at, _) in outside_texts(text).filter(|(at, _)| text[*at..].starts_with("((")) {
        let before = text[..at].trim_end();
        let after_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            && !["and", "or", "not", "using", "check", "where"].iter().any(|word| before.ends_with(word));
        if let (Some(outer), Some(inner)) = (closing(text, at), closing(text, at + 1))
            && !after_word
            && outer == inner + 1
        {
            doubled.extend([at, outer]);
        }
    }
    text.char_indices().filter(|(at, _)| !doubled.contains(at)).map(|(_, c)| c).collect()
}

/// Where the parenthesis that opens at `at` closes.
fn closing(text: &str, at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (place, c) in outside_texts(&text[at..]) {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + place),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The characters outside quotes.
fn outside_texts(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    text.char_indices().filter(move |(_, c)| {
        let inside = quote.is_some();
        if quote == Some(*c) {
            quote = None;
        } else if !inside && matches!(c, '\'' | '"') {
            quote = Some(*c);
        }
        !inside && quote.is_none()
    })
}

/// `name (a, b)`, the items on lines of their own if one is too short.
pub(super) fn call(name: &str, items: &[String], end: &str) -> String {
    let line = format!("{name}({}){end}", items.join(", "));
    if line.trim_end().len() <= WIDTH {
        return line;
    }
    format!("{name}(\n    {}\n){end}", items.join(",\n    "))
}

/// A text that begins at a column, broken where it is too long.
pub(super) fn item(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    if indent + text.len() <= WIDTH {
        return format!("{pad}{text}");
    }
    let pieces = pieces(text);
    if pieces.len() > 1 {
        let lines: Vec<String> = pieces.into_iter().map(|piece| item(piece, indent)).collect();
        return lines.join("\n");
    }
    let groups = outside_texts(text).filter(|(_, c)| *c == '(');
    let groups = groups.filter_map(|(open, _)| Some((open, closing(text, open)?)));
    match groups.max_by_key(|(open, close)| close - open) {
        Some((open, close)) => {
            let inner = item(&text[open + 1..close], indent + 4);
            format!("{pad}{}\n{inner}\n{pad}{}", &text[..=open], &text[close..])
        }
        None => filled(text, &pad),
    }
}

/// A list in as few lines as it takes.
fn filled(text: &str, pad: &str) -> String {
    let mut lines = vec![pad.to_owned()];
    for part in text.split_inclusive(", ") {
        match lines.last_mut() {
            Some(line) if line.len() + part.trim_end().len() <= WIDTH => line.push_str(part),
            _ => lines.push(format!("{pad}{part}")),
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// What a condition, a query or a list consists of, outside parentheses; each piece with its keyword.
fn pieces(text: &str) -> Vec<&str> {
    let keywords: &[&str] = match text.split(' ').next() {
        Some("create") => &[" where "],
        Some("foreign") => &[" references "],
        Some("select") => &[" from ", " where "],
        _ => &[" and ", " or "],
    };
    let mut depth = 0_usize;
    let mut cuts = vec![0];
    for (at, c) in outside_texts(text) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && keywords.iter().any(|keyword| text[at..].starts_with(keyword)) => {
                cuts.push(at + 1);
            }
            _ => {}
        }
    }
    cuts.push(text.len());
    cuts.windows(2).map(|cut| text[cut[0]..cut[1]].trim_end()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_become_small_and_texts_stay() {
        assert_eq!(
            lower("CHECK (x = ANY (ARRAY['A'::t, 'b'::t]))"),
            "check (x = any(array['A'::t, 'b'::t]))"
        );
        assert_eq!(lower("( SELECT \"A\"\n  FROM b )"), "(select \"A\" from b)");
    }

    #[test]
    fn doubled_parentheses_go_where_they_mean_nothing() {
        assert_eq!(lower("a = (( SELECT 1))"), "a = (select 1)");
        assert_eq!(lower("x = ANY ((SELECT y))"), "x = any((select y))");
        assert_eq!(lower("((a) + (b))"), "((a) + (b))");
        assert_eq!(lower("f((a)) AND '((' = '))'"), "f((a)) and '((' = '))'");
    }

    #[test]
    fn long_conditions_break_at_their_joints() {
        let long = |n: usize| "x".repeat(n);
        let (a, b, c) = (long(50), long(40), long(30));
        assert_eq!(item(&format!("{a} and {b}"), 4), format!("    {a} and {b}"));
        assert_eq!(item(&format!("{a} and {b} and {c}"), 2), format!("  {a}\n  and {b}\n  and {c}"));
        assert_eq!(
            item(&format!("check ({a} and ({b} or {c}) and '(')"), 0),
            format!("check (\n    {a}\n    and ({b} or {c})\n    and '('\n)")
        );
        let columns = [&a, &b, &c].map(String::as_str).join(", ");
        assert_eq!(item(&columns, 4), format!("    {a}, {b},\n    {c}"));
    }
}
