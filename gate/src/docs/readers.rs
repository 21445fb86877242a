//! The functions of the crate `database` that read or write a table, found in the sources.

use super::decision::Decision;
use crate::codegen::queries;
pub(crate) use crate::codegen::queries::Scope;
use crate::drift::models::doc_lines;
use crate::{Error, Workspace, codegen};
use heck::ToSnakeCase as _;
use migration::Token;
use quote::ToTokens as _;
use std::collections::BTreeMap;
use syn::{FnArg, Item, Visibility};

const SOURCES: &str = "database/src";

impl Scope {
    /// The word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Customer => "customer",
            Self::Either => "either",
        }
    }

    /// By the type of the first parameter; `None`: it is not a transaction.
    fn of(signature: &syn::Signature) -> Option<Self> {
        let Some(FnArg::Typed(first)) = signature.inputs.first() else { return None };
        match first.ty.to_token_stream().to_string().replace(' ', "").as_str() {
            "&AdminTx" => Some(Self::Admin),
            "&CustomerTx" => Some(Self::Customer),
            "&Tx<implScope>" => Some(Self::Either),
            _ => None,
        }
    }
}

/// By table, in the order of the sources: functions that an application can call, and whether each also writes the table.
pub(super) type Readers<'a> = BTreeMap<&'a str, Vec<(&'a Function, bool)>>;

/// The tables that a function touches, and whether it writes them.
pub(super) type Tables = BTreeMap<String, bool>;

/// A function of the crate.
#[derive(Debug)]
pub(crate) struct Function {
    pub(super) module: String,
    pub(super) name: String,
    pub(super) file: String,
    /// The line of its name.
    pub(super) line: usize,
    public: bool,
    /// `None`: it takes no transaction.
    pub(super) scope: Option<Scope>,
    /// The first sentence of its documentation.
    pub(super) summary: String,
    /// What it does with deleted rows.
    pub(super) decisions: Vec<Decision>,
    pub(super) tables: Tables,
    /// Its code without white space; empty for a query.
    code: String,
}

/// Reads the sources.
pub(crate) fn read(workspace: &Workspace, tables: &[&str]) -> Result<Vec<Function>, Error> {
    let mut functions = queries_of(workspace, tables)?;
    for file in workspace.files_in(SOURCES)? {
        functions.extend(functions_of(workspace, &file, tables)?);
    }
    follow_calls(&mut functions);
    Ok(functions)
}

/// The public functions by the tables that they touch.
pub(super) fn by_table(functions: &[Function]) -> Readers<'_> {
    let mut readers = Readers::new();
    for function in functions.iter().filter(|it| it.public) {
        for (table, writes) in &function.tables {
            readers.entry(table).or_default().push((function, *writes));
        }
    }
    readers
}

/// A function touches the tables of the functions that it calls.
fn follow_calls(functions: &mut [Function]) {
    let calls: Vec<Vec<usize>> = functions
        .iter()
        .map(|caller| (0..functions.len()).filter(|place| caller.calls(&functions[*place])).collect())
        .collect();
    let mut before = 0;
    let mut count = 1;
    while count != before {
        for (place, called) in calls.iter().enumerate() {
            for (table, writes) in
                called.iter().flat_map(|place| functions[*place].tables.clone()).collect::<Vec<_>>()
            {
                *functions[place].tables.entry(table).or_default() |= writes;
            }
        }
        before = count;
        count = functions.iter().flat_map(|of| &of.tables).map(|(_, writes)| 1 + usize::from(*writes)).sum();
    }
}

/// The generated functions. A file with errors has none; the rule `generated_queries_current` reports them.
fn queries_of(workspace: &Workspace, tables: &[&str]) -> Result<Vec<Function>, Error> {
    let mut functions = Vec::new();
    for (file, module) in codegen::files(workspace)? {
        let text = workspace.read(&file)?;
        for query in queries::parse(&file, &text).unwrap_or_default() {
            functions.push(Function {
                module: module.clone(),
                name: query.name.to_snake_case(),
                file: file.clone(),
                line: query.line,
                public: !query.private,
                scope: Some(query.scope),
                summary: sentence(&query.doc),
                decisions: query.deleted.iter().map(|line| Decision::parse(line)).collect(),
                tables: touched(&query, tables),
                code: String::new(),
            });
        }
    }
    Ok(functions)
}

/// The tables that the query's SQL names.
fn touched(query: &queries::Query<'_>, tables: &[&str]) -> Tables {
    let mut touched = Tables::new();
    let words: Vec<String> = query
        .body
        .iter()
        .filter_map(|token| if let Token::Word(word) = token { Some(word.to_lowercase()) } else { None })
        .collect();
    for (place, word) in words.iter().enumerate().filter(|(_, word)| tables.contains(&word.as_str())) {
        let before: Vec<&str> = words[..place].iter().rev().take(2).map(String::as_str).collect();
        let writes = matches!(before.as_slice(), ["update", ..] | ["into", "insert"] | ["from", "delete"]);
        *touched.entry(word.clone()).or_default() |= writes;
    }
    touched
}

fn functions_of(workspace: &Workspace, file: &str, tables: &[&str]) -> Result<Vec<Function>, Error> {
    let module = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".rs");
    let items = workspace.parse(file)?.items;
    let functions = items.iter().filter_map(|item| {
        let Item::Fn(function) = item else { return None };
        let doc = doc_lines(&function.attrs);
        let code = function.block.to_token_stream().to_string().replace(' ', "");
        let kinds = ["Entity", "ActiveModel", "Column", "COLUMN", "Relation"];
        let used =
            tables.iter().filter(|table| kinds.iter().any(|kind| names(&code, &format!("{table}::{kind}"))));
        let writes = |table: &str| {
            ["ActiveModel", "Entity::insert", "Entity::update", "Entity::delete"]
                .iter()
                .any(|kind| names(&code, &format!("{table}::{kind}")))
        };
        Some(Function {
            module: module.to_owned(),
            name: function.sig.ident.to_string(),
            file: file.to_owned(),
            line: function.sig.ident.span().start().line,
            public: matches!(function.vis, Visibility::Public(_)),
            scope: Scope::of(&function.sig),
            summary: sentence(&doc.iter().map(String::as_str).collect::<Vec<_>>()),
            decisions: Decision::of(&doc),
            tables: used.map(|table| ((*table).to_owned(), writes(table))).collect(),
            code,
        })
    });
    Ok(functions.collect())
}

impl Function {
    /// Its name, with its module's.
    pub(super) fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// Whether an application can call it in a transaction.
    pub(super) fn is_query(&self) -> bool {
        self.public && self.scope.is_some()
    }

    /// Whether the code has `module::name(`, or in the same module `name(` or `generated::name(`.
    fn calls(&self, other: &Self) -> bool {
        let call = format!("{}(", other.name);
        let is_query = other.code.is_empty();
        names(&self.code, &format!("{}::{call}", other.module)) && (other.public || !is_query)
            || self.module == other.module
                && (names(&self.code, &call) || is_query && names(&self.code, &format!("generated::{call}")))
    }
}

/// Whether the code has these names, not as the end of a longer path or name.
fn names(code: &str, what: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':');
    code.match_indices(what).any(|(at, _)| !code[..at].ends_with(is_part))
}

/// The first sentence of a documentation.
fn sentence(lines: &[&str]) -> String {
    let paragraph: Vec<&str> =
        lines.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    without_links(&text[..end]).replace("[`", "`").replace("`]", "`")
}

/// Without rustdoc's links, which a page cannot resolve: `[text](item)` becomes `text`.
fn without_links(text: &str) -> String {
    let Some(middle) = text.find("](") else { return text.to_owned() };
    let (before, after) = (&text[..middle], &text[middle + 2..]);
    let (Some(start), Some(end)) = (before.rfind('['), after.find(')')) else { return text.to_owned() };
    format!("{}{}{}", &before[..start], &before[start + 1..], without_links(&after[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_with_what_they_do() {
        let functions = read(&Workspace::at(None), &["campaigns", "contacts", "events", "users"]).unwrap();
        let readers = by_table(&functions);
        for (table, name, writes) in [
            ("contacts", "campaigns::activation_errors", Some(false)),
            ("contacts", "campaigns::find", None),
            ("contacts", "campaigns::statistics", Some(false)),
            ("contacts", "contacts::claim_due", Some(true)),
            ("contacts", "contacts::create", Some(true)),
            ("contacts", "contacts::find", Some(false)),
            // It is private: what it touches is its callers'.
            ("users", "users::known", None),
            ("users", "users::sign_in", Some(true)),
        ] {
            let found = readers[table].iter().find(|(function, _)| function.path() == name);
            assert_eq!(found.map(|(_, writes)| *writes), writes, "{name} on {table}");
        }
    }

    #[test]
    fn a_sentence_ends_with_its_full_stop() {
        assert_eq!(sentence(&[" Finds it, by", " [`x`]. `None`: no.", "", "More."]), "Finds it, by `x`.");
        assert_eq!(sentence(&["Finds it"]), "Finds it");
        assert_eq!(sentence(&["As [given](x) and [`stated`](y)."]), "As given and `stated`.");
    }
}
