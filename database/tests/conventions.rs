//! Every public function of a table's module keeps the conventions that `src/lib.rs` documents, read from its signature.

#![expect(clippy::expect_used, clippy::panic, reason = "a failed step fails the test")]

use quote::ToTokens;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Expr, FnArg, ImplItem, Item, Lit, Pat, Signature, Visibility};

/// The public modules that are not a table's.
const OTHER_MODULES: [&str; 1] = ["page"];

/// The types of a transaction: the tenant scope of a query.
const SCOPES: [&str; 3] = ["& AdminTx", "& CustomerTx", "& Tx < impl Scope >"];

/// The public functions of the table modules that touch no row.
const PURE: [&str; 1] = ["campaigns::allowed_from"];

fn source(path: &str) -> Option<syn::File> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    let text = fs::read_to_string(&path).ok()?;
    Some(syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn table_modules() -> BTreeSet<String> {
    let public = source("lib.rs").expect("lib.rs").items.into_iter().filter_map(|item| match item {
        Item::Mod(module) if matches!(module.vis, Visibility::Public(_)) => Some(module.ident.to_string()),
        _ => None,
    });
    public.filter(|name| !OTHER_MODULES.contains(&name.as_str())).collect()
}

/// A function of a table's module.
struct Query {
    module: String,
    public: bool,
    signature: Signature,
    body: syn::Block,
}

impl Query {
    fn name(&self) -> String {
        self.signature.ident.to_string()
    }

    fn path(&self) -> String {
        format!("{}::{}", self.module, self.name())
    }

    /// The names and types of its parameters.
    fn parameters(&self) -> Vec<(String, String)> {
        parameters(&self.signature)
    }

    fn returns(&self) -> String {
        self.signature.output.to_token_stream().to_string()
    }

    /// Whether the parameters after the transaction are the key that the rest of the name, `contact_and_campaign`,
    /// lists, in the same order.
    fn takes(&self, key: &str) -> bool {
        let parameters = self.parameters();
        let columns: Vec<&str> = key.split("_and_").collect();
        columns.len() < parameters.len()
            && columns.iter().zip(&parameters[1..]).all(|(column, (name, _))| {
                let name = name.trim_start_matches("r#");
                name == *column || name.strip_suffix("_id") == Some(column)
            })
    }
}

fn parameters(signature: &Signature) -> Vec<(String, String)> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    typed
        .map(|typed| {
            let name = match &*typed.pat {
                Pat::Ident(name) => name.ident.to_string(),
                pattern => pattern.to_token_stream().to_string(),
            };
            (name, typed.ty.to_token_stream().to_string())
        })
        .collect()
}

/// The public functions of every table's module.
fn queries() -> Vec<Query> {
    let mut queries = functions();
    queries.retain(|query| query.public);
    assert!(queries.len() > 60, "{} functions were found", queries.len());
    queries
}

/// The functions of every table's module, written by hand or generated.
fn functions() -> Vec<Query> {
    let mut queries = Vec::new();
    for module in table_modules() {
        let files = [format!("{module}.rs"), format!("generated/{module}.rs")];
        for item in files.iter().filter_map(|file| source(file)).flat_map(|file| file.items) {
            match item {
                Item::Fn(function) => queries.push(Query {
                    module: module.clone(),
                    public: matches!(function.vis, Visibility::Public(_)),
                    signature: function.sig,
                    body: *function.block,
                }),
                Item::Mod(inner) if !inner.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) => {
                    panic!("{module}::{}: this test does not look into it", inner.ident)
                }
                Item::Impl(methods) => {
                    for method in methods.items {
                        if let ImplItem::Fn(method) = method {
                            assert!(
                                method.sig.asyncness.is_none(),
                                "{module}::{}: a query is a function, not a method",
                                method.sig.ident
                            );
                        }
                    }
                }
                _ => {}
            }
        }
    }
    queries
}

#[test]
fn every_query_takes_a_transaction_first_and_its_type_is_the_scope() {
    let mut scopes = BTreeSet::new();
    let mut pure = Vec::new();
    for query in queries() {
        if query.signature.asyncness.is_none() {
            pure.push(query.path());
            continue;
        }
        let parameters = query.parameters();
        let (name, of) = parameters.first().unwrap_or_else(|| panic!("{} takes nothing", query.path()));
        assert!(name == "tx" && SCOPES.contains(&of.as_str()), "{}: {name}: {of}", query.path());
        scopes.insert(of.clone());
    }
    assert_eq!(pure, PURE);
    assert_eq!(scopes.len(), SCOPES.len(), "every scope is used");
}

#[test]
fn no_public_function_takes_a_connection() {
    /// The public functions and methods of a file whose signature contains a connection of SeaORM or sqlx.
    struct Found(Vec<String>);
    impl Found {
        fn check(&mut self, visibility: &Visibility, signature: &Signature) {
            let of = signature.to_token_stream().to_string();
            let connection = ["Connection", "DatabaseTransaction", "Executor", "PgPool", "SqlitePool"]
                .iter()
                .any(|name| of.contains(name));
            if matches!(visibility, Visibility::Public(_)) && connection {
                self.0.push(of);
            }
        }
    }
    impl<'ast> Visit<'ast> for Found {
        fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
            self.check(&function.vis, &function.sig);
            visit::visit_item_fn(self, function);
        }

        fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
            self.check(&method.vis, &method.sig);
            visit::visit_impl_item_fn(self, method);
        }
    }
    let mut files = 0;
    for folder in [".", "generated"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(file) = name.strip_suffix(".rs").and_then(|_| source(&format!("{folder}/{name}")))
            else {
                continue;
            };
            let mut found = Found(Vec::new());
            found.visit_file(&file);
            assert_eq!(found.0, Vec::<String>::new(), "{folder}/{name}");
            files += 1;
        }
    }
    assert!(files > 20, "{files} files were read");
}

#[test]
fn every_table_has_one_module_of_its_name() {
    let entities = Path::new(env!("CARGO_MANIFEST_DIR")).join("../entity/src");
    let tables = fs::read_dir(entities).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let table = path.file_stem()?.to_str()?.to_owned();
        fs::read_to_string(&path).ok()?.contains(&format!("table_name = \"{table}\"")).then_some(table)
    });
    // The application does not read its signing keys from the database, operators' programs record their runs and seals,
    // and `contacts::erase` records requests for erasure.
    let of_others = ["audit_seals", "erasure_requests", "retention_runs", "signing_keys"];
    let tables = tables.filter(|table| !of_others.contains(&table.as_str()));
    assert_eq!(table_modules(), tables.collect::<BTreeSet<_>>());
}

#[test]
fn find_takes_the_primary_key_and_find_by_another_one() {
    let mut found = 0;
    for query in queries() {
        let (name, path) = (query.name(), query.path());
        if name == "find" {
            let parameters = query.parameters();
            let [_, (id, of)] = parameters.as_slice() else { panic!("{path} takes {parameters:?}") };
            assert!(id == "id" && of.ends_with("Id"), "{path}: {id}: {of}");
            // `CampaignId` of `campaigns`, `ExclusionListEntryId` of `exclusion_list_entries`.
            let table = query.module.replace('_', "").replace("ies", "ys");
            assert_eq!(format!("{}s", of.trim_end_matches("Id").to_lowercase()), table, "{path}: {of}");
        } else if let Some(key) = name.strip_prefix("find_by_") {
            assert!(query.takes(key), "{path} takes {:?}", query.parameters());
        }
        if name == "find" || name.starts_with("find_") {
            assert!(query.returns().starts_with("-> Result < Option <"), "{path} {}", query.returns());
            found += 1;
        }
    }
    assert!(found > 10, "{found} functions were checked");
}

#[test]
fn list_is_paged_and_list_by_takes_its_key_first() {
    let mut found = 0;
    for query in queries() {
        let (name, path, returns) = (query.name(), query.path(), query.returns());
        if name != "list" && !name.starts_with("list_") {
            continue;
        }
        let parameters = query.parameters();
        let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        let paged = names.ends_with(&["after", "limit"]);
        let expected = if paged { "-> Result < Page <" } else { "-> Result < Vec <" };
        assert!(returns.starts_with(expected), "{path}({names:?}) {returns}");
        if name == "list" {
            assert!(paged, "{path}({names:?})");
        } else if let Some(key) = name.strip_prefix("list_by_") {
            assert!(query.takes(key), "{path}({names:?})");
        }
        found += 1;
    }
    assert!(found > 10, "{found} functions were checked");
}

#[test]
fn the_span_and_the_metrics_of_a_query_carry_its_own_name() {
    /// The literals that are passed to `query` and `postgres`, which name a statement.
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            if call.method == "query" || call.method == "postgres" {
                let Some(Expr::Lit(literal)) = call.args.first() else { panic!("the name is no literal") };
                let Lit::Str(name) = &literal.lit else { panic!("the name is no string") };
                self.0.push(name.value());
            }
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut found = 0;
    for query in functions() {
        let mut names = Names(Vec::new());
        names.visit_block(&query.body);
        found += names.0.len();
        let own = format!("{}.{}", query.module, query.name());
        assert!(names.0.iter().all(|name| *name == own), "{}: {:?}", query.path(), names.0);
    }
    assert!(found > 60, "{found} names were found");
}
