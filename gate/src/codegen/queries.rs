//! The parser of a file of queries: the errors that do not need PostgreSQL.

use crate::Finding;
use heck::{ToSnakeCase, ToUpperCamelCase};
use migration::{Token, tokens};
use std::collections::HashMap;

/// What the generated function returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    Exec,
    ExecRows,
    #[default]
    Many,
    One,
    Optional,
    Stream,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            ":exec" => Self::Exec,
            ":execrows" => Self::ExecRows,
            ":many" => Self::Many,
            ":one" => Self::One,
            ":optional" => Self::Optional,
            ":stream" => Self::Stream,
            _ => return None,
        })
    }

    /// Whether columns are read.
    pub(super) fn reads_rows(self) -> bool {
        !matches!(self, Self::Exec | Self::ExecRows)
    }
}

/// The transactions that a query may run in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    Admin,
    Customer,
    #[default]
    Either,
}

impl Scope {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "admin" => Self::Admin,
            "customer" => Self::Customer,
            "either" => Self::Either,
            _ => return None,
        })
    }
}

/// One query of a file.
#[derive(Debug, Default)]
pub(crate) struct Query<'a> {
    /// The file, relative to the workspace.
    pub(super) file: &'a str,
    /// Upper camel case.
    pub(crate) name: &'a str,
    pub(super) kind: Kind,
    pub(crate) scope: Scope,
    /// Whether the function is a part of one that is written by hand, and not public.
    pub(crate) private: bool,
    /// Whether the struct of its parameters is public all the same.
    pub(super) public_parameters: bool,
    /// The name of the row's struct, where it is not the query's with `Row`.
    pub(super) row: Option<&'a str>,
    /// The line of its name.
    pub(crate) line: usize,
    pub(crate) doc: Vec<&'a str>,
    /// The line `-- reads: all - …`: why it reads a large part of a table.
    pub(super) reads_all: Option<&'a str>,
    /// The line `-- citus: shard - …`: why Citus runs it on a shard only.
    pub(super) shard: Option<&'a str>,
    /// The lines `-- deleted: …`: what it does with a deleted row of a table.
    pub(crate) deleted: Vec<&'a str>,
    pub(super) parameters: Vec<Parameter<'a>>,
    pub(super) columns: Vec<Annotation<'a>>,
    pub(crate) body: Vec<Token<'a>>,
    /// The line of the body's first character.
    pub(super) body_line: usize,
}

impl Query<'_> {
    /// Whether Citus does not send it to a shard: it is annotated, or a customer transaction may run it and it inserts in a
    /// `with` query.
    pub(super) fn needs_shard(&self) -> bool {
        let is = |token: &Token<'_>, word: &str| matches!(token, Token::Word(one) if one.eq_ignore_ascii_case(word));
        let first = self.body.iter().find(|token| !matches!(token, Token::Comment(_) | Token::Space(_)));
        let inserts = self.scope != Scope::Admin
            && self.kind.reads_rows()
            && first.is_some_and(|token| is(token, "with"))
            && self.body.iter().any(|token| is(token, "insert"));
        inserts || self.shard.is_some()
    }
}

/// A `:name`, in the order of the first occurrences.
#[derive(Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) nullable: bool,
    /// The line of its annotation, or of its first occurrence.
    pub(super) line: usize,
    pub(super) type_name: Option<&'a str>,
    pub(super) doc: &'a str,
}

/// A line `-- param …` or `-- column …`.
#[derive(Debug)]
pub(super) struct Annotation<'a> {
    pub(super) name: &'a str,
    pub(super) type_name: Option<&'a str>,
    pub(super) doc: &'a str,
    pub(super) line: usize,
}

/// The queries of a file, or everything that is wrong with it.
pub(crate) fn parse<'a>(file: &'a str, text: &'a str) -> Result<Vec<Query<'a>>, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut queries: Vec<Query<'_>> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for Section { line, header, text } in sections(text) {
        let Some(header) = header else {
            if let Some(at) = first_sql_line(text) {
                let message = "SQL without a name; begin a query with `-- name: Verb :many`";
                findings.push(Finding::at(file, line + at, message));
            }
            continue;
        };
        match query(file, header, line, text) {
            Ok(query) => match seen.insert(query.name.to_snake_case(), query.line) {
                Some(first) => findings.push(Finding::at(
                    file,
                    query.line,
                    format!("the name {} is taken by the query of line {first}", query.name),
                )),
                None => queries.push(query),
            },
            Err(found) => findings.extend(found),
        }
    }
    if findings.is_empty() { Ok(queries) } else { Err(findings) }
}

/// The text between two lines `-- name:`; the first has no header.
struct Section<'a> {
    line: usize,
    header: Option<&'a str>,
    text: &'a str,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = vec![Section { line: 1, header: None, text }];
    let mut at = 0;
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if let Some(header) = line.strip_prefix("-- name:") {
            if let Some(last) = sections.last_mut() {
                last.text = &text[start..at];
            }
            start = at + line.len();
            sections.push(Section { line: number + 1, header: Some(header.trim()), text: &text[start..] });
        }
        at += line.len();
    }
    sections
}

fn first_sql_line(text: &str) -> Option<usize> {
    text.lines().position(|line| !line.trim().is_empty() && !line.starts_with("--"))
}

fn query<'a>(file: &'a str, header: &'a str, line: usize, text: &'a str) -> Result<Query<'a>, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut fail = |message: String| findings.push(Finding::at(file, line, message));
    let mut words = header.split_whitespace();
    let name = words.next().unwrap_or_default();
    if name.is_empty() || name.to_upper_camel_case() != name {
        fail(format!("`{name}` is not a name in upper camel case, as in ClaimDue"));
    }
    let kind = words.next().and_then(Kind::parse).filter(|_| words.next().is_none());
    if kind.is_none() {
        fail(format!(
            "the query {name} does not state what it returns; end the line with :one, :optional, :many, :stream, \
             :exec or :execrows"
        ));
    }

    let kind = kind.unwrap_or_default();
    let mut query = Query { file, name, kind, line, body_line: line + 1, ..Query::default() };
    let (mut scope, mut annotations) = (None, Vec::new());
    let mut rest = text;
    while let Some(comment) = rest.strip_prefix("--") {
        let (comment, after) = comment.split_once('\n').unwrap_or((comment, ""));
        let comment = comment.strip_prefix(' ').unwrap_or(comment).trim_end();
        if let Some(word) = comment.strip_prefix("scope:") {
            scope = Scope::parse(word.trim());
        } else if comment == "visibility: crate" {
            query.private = true;
        } else if comment == "parameters: public" {
            query.public_parameters = true;
        } else if let Some(name) = comment.strip_prefix("row:") {
            query.row = Some(name.trim());
        } else if let Some(reason) = comment.strip_prefix("reads: all - ") {
            query.reads_all = Some(reason);
        } else if let Some(reason) = comment.strip_prefix("citus: shard - ") {
            query.shard = Some(reason);
        } else if let Some(text) = comment.strip_prefix("deleted: ") {
            query.deleted.push(text);
        } else if let Some(text) = comment.strip_prefix("param ") {
            annotations.push(annotation(text, query.body_line));
        } else if let Some(text) = comment.strip_prefix("column ") {
            query.columns.push(annotation(text, query.body_line));
        } else {
            query.doc.push(comment);
        }
        rest = after;
        query.body_line += 1;
    }
    if scope.is_none() {
        fail(format!(
            "the query {name} has no scope; write `-- scope: customer`, `-- scope: admin` or `-- scope: either` \
             after its name"
        ));
    }
    if query.doc.iter().all(|line| line.is_empty()) {
        fail(format!("the query {name} has no description; describe it after its name"));
    }
    if query.shard.is_some() && !query.kind.reads_rows() {
        fail(format!("the query {name} runs on a shard, so it has to return rows"));
    }

    query.scope = scope.unwrap_or_default();
    query.body = body(file, rest, query.body_line, name, &mut findings);
    query.parameters = parameters(file, &query.body, query.body_line, &annotations, name, &mut findings);
    if findings.is_empty() { Ok(query) } else { Err(findings) }
}

/// `name [Type] [- sentence]`.
fn annotation(text: &str, line: usize) -> Annotation<'_> {
    let (what, doc) = text.split_once(" - ").unwrap_or((text, ""));
    let (name, type_name) = what.trim().split_once(' ').unwrap_or((what.trim(), ""));
    let type_name = Some(type_name.trim()).filter(|name| !name.is_empty());
    Annotation { name, type_name, doc: doc.trim(), line }
}

/// The statement without its closing semicolon and what surrounds it.
fn body<'a>(
    file: &str,
    text: &'a str,
    line: usize,
    name: &str,
    findings: &mut Vec<Finding>,
) -> Vec<Token<'a>> {
    let mut body = tokens(text);
    let is_sql = |token: &Token<'_>| !matches!(token, Token::Comment(_) | Token::Space(_));
    if !body.iter().any(is_sql) {
        findings.push(Finding::at(file, line - 1, format!("the query {name} has no SQL")));
        return body;
    }
    if let Some(end) = body.iter().position(|token| *token == Token::Symbol(";")) {
        if let Some(after) = body[end + 1..].iter().position(is_sql) {
            let at = line + lines(&body[..=end + after]);
            findings.push(Finding::at(file, at, format!("the query {name} has more than one statement")));
        }
        body.truncate(end);
    }
    body
}

/// How many lines end in the tokens.
pub(super) fn lines(tokens: &[Token<'_>]) -> usize {
    tokens.iter().map(|token| token.text().matches('\n').count()).sum()
}

fn parameters<'a>(
    file: &str,
    body: &[Token<'a>],
    body_line: usize,
    annotations: &[Annotation<'a>],
    query: &str,
    findings: &mut Vec<Finding>,
) -> Vec<Parameter<'a>> {
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    for (at, token) in body.iter().enumerate() {
        let Token::Parameter { name, nullable } = *token else { continue };
        let line = body_line + lines(&body[..at]);
        if syn::parse_str::<syn::Ident>(name).is_err() {
            findings.push(Finding::at(
                file,
                line,
                format!("the parameter {name} of {query} has a name that Rust cannot use"),
            ));
        }
        match parameters.iter().find(|parameter| parameter.name == name) {
            None => parameters.push(Parameter { name, nullable, line, type_name: None, doc: "" }),
            Some(first) if first.nullable != nullable => findings.push(Finding::at(
                file,
                line,
                format!("the parameter {name} of {query} is written both with and without `?`"),
            )),
            Some(_) => {}
        }
    }
    for Annotation { name, type_name, doc, line } in annotations {
        match parameters.iter_mut().find(|parameter| parameter.name == *name) {
            Some(parameter) => {
                parameter.type_name = *type_name;
                parameter.doc = doc;
                if type_name.is_some() {
                    parameter.line = *line;
                }
            }
            None => {
                findings.push(Finding::at(
                    file,
                    *line,
                    format!("the query {query} has no parameter :{name}"),
                ));
            }
        }
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "database/queries/a.sql";

    fn wrong(text: &str) -> Vec<String> {
        parse(FILE, text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_query_is_read_with_its_documentation_and_parameters() {
        let text = "-- A file of queries.\n\n-- name: FindThing :optional\n-- scope: either\n-- Finds it.\n--\n-- More of it.\n\
                    -- param thing_id ThingId\n-- param at - When to look.\nselect 1 where :thing_id = :at?;\n";
        let queries = parse(FILE, text).unwrap();
        let query = &queries[0];
        assert_eq!(
            (query.name, query.kind, query.line, query.body_line),
            ("FindThing", Kind::Optional, 3, 10)
        );
        assert_eq!(query.doc, ["Finds it.", "", "More of it."]);
        let seen: Vec<_> =
            query.parameters.iter().map(|p| (p.name, p.nullable, p.type_name, p.doc, p.line)).collect();
        let expected = [("thing_id", false, Some("ThingId"), "", 8), ("at", true, None, "When to look.", 10)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_error_of_a_head_is_reported_at_the_name() {
        for (text, expected) in [
            ("\n-- name: A\n-- Doc.\nselect 1;\n", "2: the query A does not state what it returns"),
            ("-- name: A many\nselect 1;\n", "1: the query A does not state what it returns"),
            ("-- name: A :some\nselect 1;\n", "1: the query A does not state what it returns"),
            ("-- name: A :many :one\nselect 1;\n", "1: the query A does not state what it returns"),
            ("-- name: find_thing :many\nselect 1;\n", "1: `find_thing` is not a name in upper camel case"),
            ("-- name: findThing :many\nselect 1;\n", "1: `findThing` is not a name in upper camel case"),
            ("-- name:  :many\nselect 1;\n", "1: `:many` is not a name in upper camel case"),
            ("-- name: A :many\n-- Doc.\nselect 1;\n", "1: the query A has no scope"),
            ("-- name: A :many\n-- scope: owner\n-- Doc.\nselect 1;\n", "1: the query A has no scope"),
            ("-- name: A :many\n-- scope: either\nselect 1;\n", "1: the query A has no description"),
            ("-- x\n\nselect 1;\n", "3: SQL without a name"),
        ] {
            let errors = wrong(text);
            assert!(errors[0].starts_with(&format!("{FILE}:{expected}")), "{errors:?}, not {expected}");
        }
        assert_eq!(wrong("-- name: A\nselect 1;\n-- name: B\nselect 2;\n").len(), 6, "all are reported");
    }

    #[test]
    fn an_error_after_a_head_is_reported_at_its_line() {
        let head = "-- name: A :many\n-- scope: either\n-- Doc.\n";
        for (rest, expected) in [
            ("\n-- x\n", "3: the query A has no SQL"),
            ("select 1;\n-- x\n\nselect 2;\n", "7: the query A has more than one statement"),
            ("-- param ghost GhostId\nselect 1;\n", "4: the query A has no parameter :ghost"),
            ("select :a,\n:a?;\n", "5: the parameter a of A is written both with and without `?`"),
            (
                "select 1;\n\n-- name: A :one\n-- scope: either\n-- Doc.\nselect 2;\n",
                "6: the name A is taken by the query of line 1",
            ),
        ] {
            assert_eq!(wrong(&format!("{head}{rest}")), [format!("{FILE}:{expected}")]);
        }
    }
}
