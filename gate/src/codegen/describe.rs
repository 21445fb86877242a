//! The types of each query as PostgreSQL infers them, as Rust types.

use super::entities::Entities;
use super::queries::{Annotation, Parameter, Query};
use crate::{Error, Finding};
use heck::ToUpperCamelCase;
use migration::Token;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{
    PgColumn, PgConnection, PgDatabaseError, PgErrorPosition, PgStatement, PgTypeInfo, PgTypeKind,
};
use sqlx::{
    AssertSqlSafe, Column as _, ColumnOrigin, Either, Executor as _, SqlSafeStr as _, Statement as _,
    TypeInfo as _,
};
use std::collections::HashSet;
use std::fmt;

const PRELUDE: Option<&str> = Some("sea_orm::prelude");

/// A query with its types.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) query: &'a Query<'a>,
    /// The statement as it is sent.
    pub(super) sql: String,
    pub(super) parameters: Vec<(&'a Parameter<'a>, RustType)>,
    pub(super) columns: Vec<(String, RustType)>,
    /// The columns with the types of PostgreSQL, of a statement for which [`Query::needs_shard`] is true.
    pub(super) row: Option<String>,
}

/// A type as the generated code names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RustType {
    /// Where it is imported from; `None` for what needs no import.
    pub(super) module: Option<&'static str>,
    pub(super) name: String,
    pub(super) list: bool,
    pub(super) nullable: bool,
}

impl fmt::Display for RustType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { module: _, name, list, nullable } = self;
        let name = if *list { format!("Vec<{name}>") } else { name.clone() };
        if *nullable { write!(f, "Option<{name}>") } else { f.write_str(&name) }
    }
}

/// Prepares every query on a migrated database.
pub(super) async fn describe<'a>(
    connection: &mut PgConnection,
    queries: &'a [Query<'a>],
    entities: &Entities,
) -> Result<Result<Vec<Function<'a>>, Vec<Finding>>, Error> {
    let not_null: HashSet<(Oid, i16)> =
        sqlx::query_as("select attrelid, attnum from pg_attribute where attnotnull and attnum > 0")
            .fetch_all(&mut *connection)
            .await?
            .into_iter()
            .collect();
    let mut functions = Vec::new();
    let mut findings = Vec::new();
    for query in queries {
        let numbered = numbered(query);
        match connection.prepare(AssertSqlSafe(numbered.clone()).into_sql_str()).await {
            Ok(statement) => {
                match (Prepared { query, statement, entities, not_null: &not_null }).function() {
                    Ok(function) => functions.push(function),
                    Err(found) => findings.extend(found),
                }
            }
            Err(error) => findings.push(refusal(query, &numbered, error)?),
        }
    }
    Ok(if findings.is_empty() { Ok(functions) } else { Err(findings) })
}

/// The statement with numbered parameters, its lines where they were.
fn numbered(query: &Query<'_>) -> String {
    let mut text = String::new();
    for token in &query.body {
        match token {
            Token::Comment(comment) => text.extend(comment.chars().filter(|c| *c == '\n')),
            Token::Parameter { name, .. } => text.push_str(&placeholder(query, name)),
            other => text.push_str(other.text()),
        }
    }
    text
}

fn placeholder(query: &Query<'_>, name: &str) -> String {
    let position = query.parameters.iter().position(|parameter| parameter.name == name);
    format!("${}", position.map_or(0, |position| position + 1))
}

/// PostgreSQL's error at the line of its position; any other error is not the query's.
fn refusal(query: &Query<'_>, sql: &str, error: sqlx::Error) -> Result<Finding, Error> {
    let refused = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let Some(refused) = refused else { return Err(error.into()) };
    let line = match refused.position() {
        Some(PgErrorPosition::Original(position)) => {
            query.body_line + sql.chars().take(position.saturating_sub(1)).filter(|c| *c == '\n').count()
        }
        _ => query.line,
    };
    let hint = refused.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    Ok(Finding::at(query.file, line, format!("the query {}: {}{hint}", query.name, refused.message())))
}

/// A prepared query, and what its types are read from.
struct Prepared<'a, 'b> {
    query: &'a Query<'a>,
    statement: PgStatement,
    entities: &'b Entities,
    not_null: &'b HashSet<(Oid, i16)>,
}

impl<'a> Prepared<'a, '_> {
    fn function(&self) -> Result<Function<'a>, Vec<Finding>> {
        let query = self.query;
        let mut findings = Vec::new();
        let types = match self.statement.parameters() {
            Some(Either::Left(types)) => types,
            _ => &[],
        };
        let mut parameters = Vec::new();
        for (parameter, inferred) in query.parameters.iter().zip(types) {
            match self.parameter(parameter, inferred) {
                Ok(known) => parameters.push((parameter, known)),
                Err(found) => findings.push(found),
            }
        }
        let mut columns: Vec<(String, RustType)> = Vec::new();
        if query.kind.reads_rows() {
            for column in self.statement.columns() {
                match self.column(column) {
                    Ok((name, _)) if columns.iter().any(|(other, _)| *other == name) => {
                        let message =
                            format!("the query {} has two columns {name}; give one an alias", query.name);
                        findings.push(Finding::at(query.file, query.line, message));
                    }
                    Ok(known) => columns.push(known),
                    Err(found) => findings.push(found),
                }
            }
            if self.statement.columns().is_empty() {
                let message = format!("the query {} returns no columns; use :exec or :execrows", query.name);
                findings.push(Finding::at(query.file, query.line, message));
            }
            for Annotation { name, line, .. } in &query.columns {
                if !self.statement.columns().iter().any(|column| bare(column.name()).0 == *name) {
                    findings.push(Finding::at(
                        query.file,
                        *line,
                        format!("the query {} has no column {name}", query.name),
                    ));
                }
            }
        }
        if findings.is_empty() {
            Ok(Function { query, sql: self.sent(types), parameters, columns, row: self.row() })
        } else {
            Err(findings)
        }
    }

    fn row(&self) -> Option<String> {
        let typed = |column: &PgColumn| {
            format!("{} {}", bare(column.name()).0, column.type_info().name().to_lowercase())
        };
        let columns = self.statement.columns().iter().map(typed);
        self.query.needs_shard().then(|| columns.collect::<Vec<_>>().join(", "))
    }

    fn parameter(&self, parameter: &Parameter<'_>, inferred: &PgTypeInfo) -> Result<RustType, Finding> {
        let Parameter { name, nullable, line, type_name, .. } = *parameter;
        let what = format!("the parameter {name} of {}", self.query.name);
        let (inferred, list) = element(inferred);
        let known = if is(inferred, "UUID") { self.entities.id_named(name) } else { None };
        self.rust_type(inferred, type_name, known)
            .map(|(module, name)| RustType { module, name, list, nullable })
            .map_err(|reason| {
                Finding::at(
                    self.query.file,
                    line,
                    format!("{what} {reason}; annotate it: -- param {name} Type"),
                )
            })
    }

    fn column(&self, column: &PgColumn) -> Result<(String, RustType), Finding> {
        let query = self.query;
        let (name, stated_nullable) = bare(column.name());
        let annotation = query.columns.iter().find(|annotation| annotation.name == name);
        let line = annotation.map_or(query.line, |annotation| annotation.line);
        if syn::parse_str::<syn::Ident>(name).is_err() {
            let message =
                format!("the query {} has a column `{name}`; give it an alias that Rust can use", query.name);
            return Err(Finding::at(query.file, line, message));
        }
        let (inferred, list) = element(column.type_info());
        let field = match column.origin() {
            ColumnOrigin::Table(origin) => {
                let table = origin.table.rsplit('.').next().unwrap_or_default();
                self.entities.field(table, &origin.name).map(ToOwned::to_owned)
            }
            _ => None,
        };
        let known = field
            .as_deref()
            .or_else(|| if is(inferred, "UUID") { self.entities.id_named(name) } else { None });
        let type_name = annotation.and_then(|annotation| annotation.type_name);
        let (module, name_of_type) = self.rust_type(inferred, type_name, known).map_err(|reason| {
            Finding::at(
                query.file,
                line,
                format!("the column {name} of {} {reason}; annotate it: -- column {name} Type", query.name),
            )
        })?;
        let nullable = stated_nullable.unwrap_or_else(|| {
            let origin = column.relation_id().zip(column.relation_attribute_no());
            !origin.is_some_and(|origin| self.not_null.contains(&origin)) || may_lack_a_side(&query.body)
        });
        Ok((name.to_owned(), RustType { module, name: name_of_type, list, nullable }))
    }

    /// A type's module and name: as annotated, as known of an id or a document, or by PostgreSQL's type alone.
    fn rust_type(
        &self,
        inferred: &PgTypeInfo,
        annotated: Option<&str>,
        known: Option<&str>,
    ) -> Result<(Option<&'static str>, String), String> {
        if let Some(annotated) = annotated
            && !(self.entities.knows(annotated) && (is(inferred, "UUID") || is(inferred, "JSONB")))
        {
            return Err(format!("is {} in the database, and cannot be {annotated}", inferred.name()));
        }
        if let PgTypeKind::Enum(_) = inferred.kind() {
            return Ok((Some("entity::enums"), inferred.name().to_upper_camel_case()));
        }
        let special = annotated.or(known);
        let (module, name) = match inferred.name() {
            "BOOL" => (None, "bool"),
            "FLOAT4" => (None, "f32"),
            "FLOAT8" => (None, "f64"),
            "INT2" => (None, "i16"),
            "INT4" => (None, "i32"),
            "INT8" => (None, "i64"),
            "TEXT" | "VARCHAR" | "BPCHAR" | "NAME" => (None, "String"),
            "DATE" => (PRELUDE, "Date"),
            "NUMERIC" => (PRELUDE, "Decimal"),
            "TIME" => (PRELUDE, "Time"),
            "TIMESTAMPTZ" => (PRELUDE, "DateTimeUtc"),
            "JSONB" => special.map_or((PRELUDE, "Json"), |name| (Some("entity::json"), name)),
            "UUID" => (Some("entity::id"), special.ok_or("is a uuid without an id type")?),
            other => {
                return Err(format!("has the type {}, which has no Rust type", other.to_lowercase()));
            }
        };
        Ok((module, name.to_owned()))
    }

    /// The statement without comments, and with types where the driver would send `text` for an enum.
    fn sent(&self, types: &[PgTypeInfo]) -> String {
        let mut text = String::new();
        for token in &self.query.body {
            match token {
                Token::Comment(_) => {}
                Token::Parameter { name, .. } => {
                    text.push_str(&placeholder(self.query, name));
                    let position = self.query.parameters.iter().position(|parameter| parameter.name == *name);
                    if let Some(inferred) = position.and_then(|position| types.get(position)) {
                        let (element, list) = element(inferred);
                        if let PgTypeKind::Enum(_) = element.kind() {
                            text.push_str("::");
                            text.push_str(element.name());
                            text.push_str(if list { "[]" } else { "" });
                        }
                    }
                }
                Token::Quoted(name) => {
                    let plain = bare(name.trim_matches('"')).0;
                    text.push('"');
                    text.push_str(plain);
                    text.push('"');
                }
                other => text.push_str(other.text()),
            }
        }
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A column's name without its last character, if that states the nullability.
fn bare(name: &str) -> (&str, Option<bool>) {
    // PostgreSQL's own name for a column without one.
    if name == "?column?" {
        return (name, None);
    }
    match (name.strip_suffix('!'), name.strip_suffix('?')) {
        (Some(name), _) => (name, Some(false)),
        (_, Some(name)) => (name, Some(true)),
        _ => (name, None),
    }
}

fn element(of: &PgTypeInfo) -> (&PgTypeInfo, bool) {
    match of.kind() {
        PgTypeKind::Array(element) => (element, true),
        _ => (of, false),
    }
}

fn is(of: &PgTypeInfo, name: &str) -> bool {
    of.name() == name
}

/// Whether a row can lack one side of a join, or a value that was grouped by.
fn may_lack_a_side(tokens: &[Token<'_>]) -> bool {
    let words: Vec<String> = tokens
        .iter()
        .filter_map(|token| if let Token::Word(word) = token { Some(word.to_lowercase()) } else { None })
        .collect();
    words.windows(2).any(|pair| {
        matches!(pair[0].as_str(), "left" | "right" | "full") && matches!(pair[1].as_str(), "join" | "outer")
            || pair[0] == "grouping" && pair[1] == "sets"
    }) || words.iter().any(|word| matches!(word.as_str(), "rollup" | "cube"))
}

#[cfg(test)]
mod tests {
    use super::may_lack_a_side;
    use migration::tokens;

    #[test]
    fn outer_joins_are_seen_and_functions_of_that_name_are_not() {
        for sql in ["a LEFT JOIN b", "a full outer join b", "group by rollup (a)", "a right\n--x\njoin b"] {
            assert!(may_lack_a_side(&tokens(sql)), "{sql}");
        }
        for sql in ["a join b", "left(a, 1)", "'left join'", "-- left join\na", "a cross join lateral b"] {
            assert!(!may_lack_a_side(&tokens(sql)), "{sql}");
        }
    }
}
