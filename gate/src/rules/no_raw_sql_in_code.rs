//! Applications build their queries, or take them from `database/queries/`; they do not write SQL into strings.

use crate::mutation::Mutation;
use crate::rule::{Break, Check, Family, Level, Rule};
use crate::{Error, Finding, Workspace};
use proc_macro2::{Span, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Expr, ExprCall, ExprMethodCall, Item, Macro, Path, Token, UseTree};

/// Where SQL may be text, and why. A file that needs no such leave any more is a finding.
const ALLOWED: &[(&str, &str)] = &[
    ("database/src/clock.rs", "SQLite's clock in the form of its columns has no builder"),
    ("database/src/generated/", "generated from database/queries/, where SQL is read and reviewed"),
    ("database/src/pool.rs", "asks a connection whether it is clean, and has it forget its statements"),
    ("database/src/startup.rs", "asks the catalogue and the ledger before any entity is known to be there"),
    ("database/src/transaction.rs", "binds role and tenant, and passes on what others ask a connection"),
    ("gate/", "asks the catalogue of a scratch database"),
    ("migration/", "policies, grants, triggers and functions have no builder"),
    ("scratch/", "creates and drops databases of servers that live for one test"),
    ("seeder/src/fixtures.rs", "the advisory lock that keeps two loads apart has no builder"),
    ("seeder/src/table.rs", "a savepoint around each record has no builder"),
    ("tests/", "tests try what an application must not do"),
];

/// Functions, methods and macros of these names take SQL, whoever has them.
const NAMES: &[&str] = &[
    "AssertSqlSafe",
    "cust_with_expr",
    "cust_with_exprs",
    "cust_with_values",
    "custom_keyword",
    "execute_raw",
    "execute_unprepared",
    "find_by_statement",
    "from_raw_sql",
    "from_sql_and_values",
    "query_all_raw",
    "query_one_raw",
    "raw_query",
    "raw_sql",
    "sqlx_mysql_query",
    "sqlx_mysql_query_as",
    "sqlx_postgres_query",
    "sqlx_postgres_query_as",
    "sqlx_sqlite_query",
    "sqlx_sqlite_query_as",
    "stream_raw",
];

/// So do these, of these types and crates; a name that ends in `*` stands for all that begin so.
const OF: &[(&str, &str)] = &[
    ("BinOper", "Custom"),
    ("ColumnType", "custom"),
    ("Expr", "Custom*"),
    ("Expr", "cust*"),
    ("Func", "cust"),
    ("Keyword", "Custom"),
    ("QueryBuilder", "*"),
    ("SimpleExpr", "Custom*"),
    ("SimpleExpr", "cust*"),
    ("SqlStr", "*"),
    ("Statement", "from_string"),
    ("sqlx", "query*"),
    ("sqlx", "raw_sql"),
];

/// Methods of a connection of sqlx that take SQL where they are given a text; others of these names do not.
const EXECUTORS: &[&str] = &[
    "describe",
    "execute",
    "execute_many",
    "fetch",
    "fetch_all",
    "fetch_many",
    "fetch_one",
    "fetch_optional",
    "prepare",
    "prepare_with",
];

/// The rule.
pub const RULE: Rule = Rule {
    id: "no_raw_sql_in_code",
    level: Level::Block,
    family: Family::Conventions,
    requires: "No code that applications link writes SQL as text.",
    why: "Nothing checks the text against the schema, and a value that is pasted into it is run.",
    fix: "Build the query with sea-query, or put it into database/queries/; if neither can say it, list the module \
           in gate/src/rules/no_raw_sql_in_code.rs with the reason.",
    source: "lane-guide-sql.md, Default Gate Policy: no_raw_sql_in_code; database-layer.md, Working with Queries",
    check: Check::Sources(look),
    breaks: &[
        adds(
            "fn a() { let _ = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, \"select 1\"); }",
        ),
        adds(
            "use sea_orm::Statement as S; fn a(b: sea_orm::DbBackend) { let _ = S::from_string(b, \"select 1\"); }",
        ),
        adds(
            "async fn a(tx: &impl sea_orm::ConnectionTrait) { let _ = tx.execute_unprepared(\"select 1\").await; }",
        ),
        adds("fn a() -> sea_orm::sea_query::Expr { sea_orm::sea_query::Expr::cust(\"now()\") }"),
        adds("use sqlx::query as q; fn a() { let _ = q(\"select 1\"); }"),
        adds("fn a() { let _ = sea_orm::raw_sql!(Postgres, \"select 1\"); }"),
        adds("fn a() { let _ = vec![Expr::Custom(\"now()\".into())]; }"),
        adds(
            "async fn a(c: &mut sqlx::PgConnection) { let _ = c.execute(&*format!(\"drop table {}\", 1)).await; }",
        ),
        Break {
            by: Mutation::Replace { file: "database/src/clock.rs", text: "Expr::cust(", with: "Expr::val(" },
            finds: &["database/src/clock.rs"],
        },
    ],
};

const fn adds(with: &'static str) -> Break {
    const FILE: &str = "database/src/contacts.rs";
    Break { by: Mutation::Replace { file: FILE, text: "", with }, finds: &[FILE] }
}

fn look(workspace: &Workspace) -> Result<Vec<Finding>, Error> {
    let mut files = BTreeMap::new();
    for file in workspace.files("", "rs")? {
        if !ALLOWED.iter().any(|(path, _)| path.ends_with('/') && file.starts_with(path)) {
            files.insert(file.clone(), workspace.parse(&file)?);
        }
    }
    let tests: BTreeSet<String> = files.iter().flat_map(|(file, code)| test_modules(file, code)).collect();
    let mut findings = Vec::new();
    for (file, code) in &files {
        if file.contains("/tests/") || tests.contains(file) {
            continue;
        }
        let is_allowed = ALLOWED.iter().any(|(path, _)| file == path);
        let found = entry_points(code);
        if !is_allowed {
            let findings_here = found
                .into_iter()
                .map(|(line, name)| Finding::at(file, line, format!("takes SQL as text: {name}")));
            findings.extend(findings_here);
        } else if found.is_empty() {
            let fix = "Take it out of the list in gate/src/rules/no_raw_sql_in_code.rs.";
            findings.push(Finding::of(file, "takes no SQL as text any more").fixed_by(fix));
        }
    }
    Ok(findings)
}

/// The files of modules that only tests are built from, declared in `file`.
fn test_modules(file: &str, code: &syn::File) -> Vec<String> {
    let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
    let directory = match name {
        "lib.rs" | "main.rs" | "mod.rs" => directory.to_owned(),
        _ => file.trim_end_matches(".rs").to_owned(),
    };
    let declared = code.items.iter().filter_map(|item| match item {
        Item::Mod(item) if item.content.is_none() && is_test(&item.attrs) => Some(&item.ident),
        _ => None,
    });
    declared
        .flat_map(|name| [format!("{directory}/{name}.rs"), format!("{directory}/{name}/mod.rs")])
        .collect()
}

/// The lines at which a file reaches for SQL as text, and by what.
fn entry_points(file: &syn::File) -> Vec<(usize, String)> {
    let mut names = Names::default();
    names.visit_file(file);
    let mut search = Search { names, found: Vec::new() };
    search.visit_file(file);
    search.found
}

/// What the names of a file stand for.
#[derive(Default)]
struct Names {
    /// `q` is `sqlx::query` after `use sqlx::query as q`.
    paths: BTreeMap<String, Vec<String>>,
    /// Everything of `sqlx` is there after `use sqlx::*`.
    globs: Vec<Vec<String>>,
}

impl Names {
    fn add(&mut self, mut path: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                self.add(path, &inner.tree);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add(path.clone(), tree)),
            UseTree::Glob(_) => self.globs.push(path),
            UseTree::Name(name) => {
                // `use sqlx::{self}` says the same as `use sqlx`.
                if name.ident != "self" {
                    path.push(name.ident.to_string());
                }
                if let Some(last) = path.last() {
                    self.paths.insert(last.clone(), path);
                }
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                self.paths.insert(rename.rename.to_string(), path);
            }
        }
    }

    /// The whole of a path whose first name was brought in.
    fn resolve(&self, path: &[String]) -> Vec<String> {
        let known = path.first().and_then(|first| self.paths.get(first));
        known.map_or_else(|| path.to_vec(), |known| [known, &path[1..]].concat())
    }

    /// What it is called in full, if it takes SQL as text.
    fn entry_point(&self, path: &[String]) -> Option<String> {
        let path = self.resolve(path);
        let (last, before) = path.split_last()?;
        let owners = before.last().into_iter().chain(
            // A lone name may come from a glob.
            self.globs.iter().filter(|_| before.is_empty()).filter_map(|glob| glob.last()),
        );
        let mut of = owners.flat_map(|owner| OF.iter().filter(move |(known, _)| known == owner));
        let is_raw = NAMES.contains(&last.as_str())
            || of.any(|(_, name)| {
                name.strip_suffix('*').map_or(*name == last, |start| last.starts_with(start))
            });
        is_raw.then(|| path.join("::"))
    }
}

impl Visit<'_> for Names {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.add(Vec::new(), &item.tree);
    }

    fn visit_item_type(&mut self, item: &syn::ItemType) {
        if let syn::Type::Path(path) = &*item.ty {
            let path = self.resolve(&segments(&path.path));
            self.paths.insert(item.ident.to_string(), path);
        }
    }
}

struct Search {
    names: Names,
    found: Vec<(usize, String)>,
}

impl Search {
    fn note(&mut self, path: &[String], span: Span) {
        if let Some(name) = self.names.entry_point(path) {
            self.found.push((span.start().line, name));
        }
    }

    /// A macro whose arguments are no Rust: whatever in it looks like a path.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut start = Span::call_site();
        for token in tokens
            .into_iter()
            .chain([TokenTree::Punct(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone))])
        {
            match token {
                TokenTree::Ident(ident) => {
                    start = ident.span();
                    path.push(ident.to_string());
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                other => {
                    self.note(&path, start);
                    path.clear();
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
    }
}

impl Visit<'_> for Search {
    fn visit_item(&mut self, item: &Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &Path) {
        self.note(&segments(path), path.span());
        visit::visit_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &ExprCall) {
        if let Expr::Path(function) = &*call.func
            && let Some(last) = function.path.segments.last()
            && EXECUTORS.contains(&last.ident.to_string().as_str())
            && call.args.iter().any(is_text)
        {
            self.found.push((last.span().start().line, segments(&function.path).join("::")));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &ExprMethodCall) {
        let name = call.method.to_string();
        if NAMES.contains(&name.as_str())
            || EXECUTORS.contains(&name.as_str()) && call.args.first().is_some_and(is_text)
        {
            self.found.push((call.method.span().start().line, name));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &Macro) {
        self.note(&segments(&call.path), call.path.span());
        let tokens = call.tokens.clone();
        if let Ok(arguments) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) {
            for argument in &arguments {
                self.visit_expr(argument);
            }
        } else if let Ok(statements) = Block::parse_within.parse2(tokens.clone()) {
            for statement in &statements {
                self.visit_stmt(statement);
            }
        } else {
            self.tokens(tokens);
        }
    }
}

fn segments(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Whether only tests are built from it.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|last| last.ident == "test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// A text, or what makes one.
fn is_text(expression: &Expr) -> bool {
    match expression {
        Expr::Lit(literal) => matches!(literal.lit, syn::Lit::Str(_)),
        Expr::Macro(call) => call
            .mac
            .path
            .segments
            .last()
            .is_some_and(|last| ["concat", "format", "include_str"].iter().any(|name| last.ident == name)),
        Expr::MethodCall(call) => is_text(&call.receiver),
        Expr::Paren(inner) => is_text(&inner.expr),
        Expr::Reference(inner) => is_text(&inner.expr),
        Expr::Unary(inner) => is_text(&inner.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<String> {
        let file = syn::parse_file(code).unwrap();
        entry_points(&file).into_iter().map(|(line, name)| format!("{line} {name}")).collect()
    }

    #[test]
    fn every_way_to_say_it_is_seen_at_its_line() {
        for (code, expected) in [
            ("fn a() {\n    sqlx::query(\"\");\n}", "2 sqlx::query"),
            ("use sqlx::{self as db};\nfn a() { db::query_as(\"\"); }", "2 sqlx::query_as"),
            ("use sqlx::*;\nfn a() { query_scalar(\"\"); }", "2 query_scalar"),
            ("fn a() {\n    use sqlx::query as q;\n    q(\"\");\n}", "3 sqlx::query"),
            ("fn a() { sea_orm::sqlx::query!(\"\"); }", "1 sea_orm::sqlx::query"),
            (
                "use sea_orm::sea_query::Expr as E;\nfn a() { [\"\"].map(E::cust); }",
                "2 sea_orm::sea_query::Expr::cust",
            ),
            (
                "type S = sea_orm::Statement;\nfn a() { S::from_string(b, \"\"); }",
                "2 sea_orm::Statement::from_string",
            ),
            ("fn a() { tokio::join!(tx.execute_unprepared(\"\")); }", "1 execute_unprepared"),
            ("fn a() { odd!(x => Expr::cust(\"\")); }", "1 Expr::cust"),
            ("fn a() { statements! { let x = Expr::cust(\"\"); } }", "1 Expr::cust"),
            ("use sqlx::QueryBuilder;\nfn a() { QueryBuilder::new(\"\"); }", "2 sqlx::QueryBuilder::new"),
            ("fn a() { Executor::execute(c, \"\"); }", "1 Executor::execute"),
            ("fn a() { c.fetch_all(format!(\"\").as_str()); }", "1 fetch_all"),
            ("fn a() { sqlx::raw_sql(AssertSqlSafe(x)); }", "1 sqlx::raw_sql"),
            ("fn a() { x::Entity::find().from_raw_sql(s); }", "1 from_raw_sql"),
        ] {
            assert_eq!(found(code).first().map(String::as_str), Some(expected), "{code}");
        }
    }

    #[test]
    fn a_module_file_of_tests_is_known() {
        let code = syn::parse_file("#[cfg(test)] mod in_memory; mod id;").unwrap();
        assert_eq!(
            test_modules("entity/src/lib.rs", &code),
            ["entity/src/in_memory.rs", "entity/src/in_memory/mod.rs"]
        );
        assert_eq!(test_modules("entity/src/a.rs", &code)[0], "entity/src/a/in_memory.rs");
    }

    #[test]
    fn what_is_built_and_what_is_tested_is_not() {
        for code in [
            "fn a() { tx.execute(&Query::update().table(x)); contacts::Entity::find().all(tx); }",
            "fn a() { url.query(); settings.query_timeout(); Statement::new(); }",
            "fn a() { c.execute(statement); metrics.describe(name); }",
            "#[cfg(test)] mod tests { fn a() { sqlx::query(\"\"); } }",
            "#[tokio::test] async fn a() { sqlx::query(\"\"); }",
            "use sqlx::query as q; fn query() {}",
            "impl ConnectionTrait for Tx { async fn execute_unprepared(&self, sql: &str) {} }",
        ] {
            assert_eq!(found(code), [""; 0], "{code}");
        }
    }
}
