//! The queries of `database` and their decisions, from its sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use syn::{Expr, FnArg, Item, Lit, Meta, Type, Visibility};

/// What the documentation of a query declares.
#[derive(Debug)]
pub struct Declared {
    /// The type of its transaction: `AdminTx`, `CustomerTx` or `Tx`.
    pub scope: String,
    /// The decision for each table.
    pub decisions: BTreeMap<String, String>,
    /// The reason why it reads a large part of a table, from the section "Reads"; `None`: it reads none.
    pub reads_all: Option<String>,
}

/// Every public function that takes a transaction, as `contacts::create`.
pub fn queries() -> BTreeMap<String, Declared> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../database/src");
    let mut found = BTreeMap::new();
    // A function of `generated` gives way to one of the same name that is written by hand.
    for directory in [sources.join("generated"), sources] {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            for item in file.items {
                if let Item::Fn(function) = item
                    && matches!(function.vis, Visibility::Public(_))
                    && let Some(scope) = scope(&function.sig)
                {
                    let decisions = section(&function.attrs, "# Deleted rows");
                    let first_word = |decision: String| decision.split(' ').next().unwrap().to_owned();
                    let decisions = decisions
                        .into_iter()
                        .map(|(table, decision)| (table, first_word(decision)))
                        .collect();
                    let reads_all = section(&function.attrs, "# Reads").remove("all");
                    let name = format!("{module}::{}", function.sig.ident);
                    found.insert(name, Declared { scope, decisions, reads_all });
                }
            }
        }
    }
    assert!(found.len() > 60, "{} queries were found", found.len());
    found
}

fn scope(signature: &syn::Signature) -> Option<String> {
    let FnArg::Typed(first) = signature.inputs.first()? else { return None };
    let Type::Reference(reference) = &*first.ty else { return None };
    let Type::Path(path) = &*reference.elem else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    ["AdminTx", "CustomerTx", "Tx"].contains(&name.as_str()).then_some(name)
}

/// A section whose lines are `` - `table`, `table`: text ``, by table.
fn section(attributes: &[syn::Attribute], title: &str) -> BTreeMap<String, String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        pair.path.is_ident("doc").then(|| text.value())
    });
    let lines = lines.skip_while(|line| line.trim() != title).skip(1);
    let mut found = BTreeMap::new();
    for line in lines.take_while(|line| !line.trim_start().starts_with('#')) {
        let Some((tables, text)) = line.trim().strip_prefix("- ").and_then(|line| line.split_once(": "))
        else {
            continue;
        };
        for table in tables.split(", ") {
            found.insert(table.trim_matches('`').to_owned(), text.to_owned());
        }
    }
    found
}
