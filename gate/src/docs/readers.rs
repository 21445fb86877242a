//! Which functions of the crate `database` read and write a table, found in the sources.

use crate::codegen::queries;
use crate::{Error, Workspace, codegen};
use heck::ToSnakeCase as _;
use migration::Token;
use quote::ToTokens as _;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Expr, Item, Lit, Meta, Visibility};

const SOURCES: &str = "database/src";

/// A function that an application can call.
#[derive(Debug)]
pub(super) struct Reader {
    /// Its name, with its module's.
    pub(super) name: String,
    /// Where it stands.
    pub(super) file: String,
    /// What it does, in a sentence.
    pub(super) says: String,
    /// Whether it also writes the table.
    pub(super) writes: bool,
}

/// By table, in the order of the sources.
pub(super) type Readers = BTreeMap<String, Vec<Reader>>;

/// Which tables a function touches, and whether it writes them.
type Tables = BTreeMap<String, bool>;

/// A function of the crate, by its module and name.
struct Function {
    name: (String, String),
    file: String,
    public: bool,
    says: String,
    tables: Tables,
    calls: BTreeSet<(String, String)>,
}

/// Reads the sources.
pub(super) fn read(workspace: &Workspace, tables: &[&str]) -> Result<Readers, Error> {
    let mut functions = queries_of(workspace, tables)?;
    for file in workspace.files_in(SOURCES)? {
        functions.extend(functions_of(workspace, &file, tables)?);
    }
    follow_calls(&mut functions);

    let mut readers = Readers::new();
    for Function { name: (module, name), file, public, says, tables, .. } in functions {
        for (table, writes) in tables.into_iter().filter(|_| public) {
            let reader =
                Reader { name: format!("{module}::{name}"), file: file.clone(), says: says.clone(), writes };
            readers.entry(table).or_default().push(reader);
        }
    }
    Ok(readers)
}

/// What a function calls touches the same tables as what it calls.
fn follow_calls(functions: &mut [Function]) {
    loop {
        let known: BTreeMap<_, _> =
            functions.iter().map(|function| (function.name.clone(), function.tables.clone())).collect();
        let mut changed = false;
        for function in functions.iter_mut() {
            let mut tables = function.tables.clone();
            for (table, writes) in function.calls.iter().filter_map(|name| known.get(name)).flatten() {
                *tables.entry(table.clone()).or_default() |= writes;
            }
            changed |= tables != function.tables;
            function.tables = tables;
        }
        if !changed {
            return;
        }
    }
}

/// The generated functions. A file with errors has none; the rule `generated_queries_current` reports them.
fn queries_of(workspace: &Workspace, tables: &[&str]) -> Result<Vec<Function>, Error> {
    let mut functions = Vec::new();
    for (file, module) in codegen::files(workspace)? {
        let text = workspace.read(&file)?;
        for query in queries::parse(&file, &text).unwrap_or_default() {
            functions.push(Function {
                // A function by hand may have the same name and call the private one.
                name: (
                    if query.private { private(&module) } else { module.clone() },
                    query.name.to_snake_case(),
                ),
                file: file.clone(),
                public: !query.private,
                says: sentence(&query.doc),
                tables: touched(&query, tables),
                calls: BTreeSet::new(),
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

/// The key of a table's generated functions that are not public.
fn private(module: &str) -> String {
    format!("generated::{module}")
}

fn functions_of(workspace: &Workspace, file: &str, tables: &[&str]) -> Result<Vec<Function>, Error> {
    let code = syn::parse_file(&workspace.read(file)?)
        .map_err(|error| Error::Source { path: workspace.path(file), reason: error.to_string() })?;
    let module = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".rs");
    let functions = code.items.iter().filter_map(|item| {
        let Item::Fn(function) = item else { return None };
        let doc: Vec<String> = function.attrs.iter().filter_map(doc).collect();
        let mut found = Function {
            name: (module.to_owned(), function.sig.ident.to_string()),
            file: file.to_owned(),
            public: matches!(function.vis, Visibility::Public(_)),
            says: sentence(&doc.iter().map(String::as_str).collect::<Vec<_>>()),
            tables: Tables::new(),
            calls: BTreeSet::new(),
        };
        // As text the tokens stand apart, but for what is in brackets.
        let text = function.block.to_token_stream().to_string();
        let text = text.replace('(', " ( ").replace(['[', '{', '&', '*', '!'], " ");
        found.look(&text.split_whitespace().collect::<Vec<_>>(), tables);
        Some(found)
    });
    Ok(functions.collect())
}

impl Function {
    /// Notes `contacts::Entity` as a use of the table, and `name(` and `module::name(` as calls.
    fn look(&mut self, tokens: &[&str], tables: &[&str]) {
        for (place, token) in tokens.iter().enumerate() {
            let before = |n: usize| place.checked_sub(n).and_then(|at| tokens.get(at)).copied().unwrap_or("");
            let after = |n: usize| tokens.get(place + n).copied().unwrap_or("");
            if after(1) == "::" && tables.contains(token) {
                let kind = after(2);
                if matches!(kind, "Entity" | "ActiveModel" | "Column" | "COLUMN" | "Relation") {
                    let verb = if kind == "Entity" { after(4) } else { "" };
                    let writes = kind == "ActiveModel"
                        || ["insert", "update", "delete"].iter().any(|word| verb.starts_with(word));
                    *self.tables.entry((*token).to_owned()).or_default() |= writes;
                }
            }
            if after(1) == "(" && before(1) != "." {
                let (own, function) = (self.name.0.clone(), (*token).to_owned());
                let module = if before(1) == "::" { before(2) } else { own.as_str() };
                if module == "generated" || module == own {
                    self.calls.insert((private(&own), function.clone()));
                }
                self.calls.insert((module.to_owned(), function));
            }
        }
    }
}

fn doc(attribute: &syn::Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &pair.value else { return None };
    match &literal.lit {
        Lit::Str(text) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

/// The first sentence of a documentation.
fn sentence(lines: &[&str]) -> String {
    let paragraph: Vec<&str> =
        lines.iter().map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    without_links(&text[..end]).replace("[`", "`").replace("`]", "`")
}

/// rustdoc's links lead nowhere from a page: `[text](item)` is `text`.
fn without_links(text: &str) -> String {
    let Some(middle) = text.find("](") else { return text.to_owned() };
    let (before, after) = (&text[..middle], &text[middle + 2..]);
    let (Some(start), Some(end)) = (before.rfind('['), after.find(')')) else { return text.to_owned() };
    format!("{}{}{}", &before[..start], &before[start + 1..], without_links(&after[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(table: &str) -> Vec<(String, bool)> {
        let readers = read(&Workspace::at(None), &["campaigns", "contacts", "events", "users"]).unwrap();
        readers[table].iter().map(|reader| (reader.name.clone(), reader.writes)).collect()
    }

    #[test]
    fn queries_and_functions_are_found_with_what_they_do() {
        let contacts = found("contacts");
        for (name, writes) in [
            ("contacts::claim_due", true),
            ("campaigns::statistics", false),
            ("contacts::find", false),
            ("contacts::create", true),
            ("campaigns::activation_errors", false),
        ] {
            assert!(contacts.contains(&(name.to_owned(), writes)), "{name} in {contacts:?}");
        }
        assert!(!contacts.iter().any(|(name, _)| name == "campaigns::find"), "{contacts:?}");
    }

    #[test]
    fn what_a_private_function_touches_is_its_callers() {
        let users = found("users");
        assert!(users.contains(&("users::sign_in".to_owned(), true)), "{users:?}");
        assert!(!users.iter().any(|(name, _)| name == "users::known"), "it is private: {users:?}");
    }

    #[test]
    fn a_sentence_ends_with_its_full_stop() {
        assert_eq!(sentence(&[" Finds it, by", " [`x`]. `None`: no.", "", "More."]), "Finds it, by `x`.");
        assert_eq!(sentence(&["Finds it"]), "Finds it");
        assert_eq!(sentence(&["As [told](x) and [`said`](y)."]), "As told and `said`.");
    }
}
