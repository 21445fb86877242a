//! Each way to pass SQL as text that `clippy.toml` disallows. Nothing here runs: `cargo clippy` reports an expectation as
//! unfulfilled if the entry for it is missing.

#![expect(dead_code, reason = "compiled for clippy, never called")]
#![expect(clippy::let_underscore_future, reason = "nothing runs")]

use sea_orm::sea_query::{self, BinOper, ColumnDef, ColumnType, Expr, Func, IndexType, Keyword, Query};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, Statement, StreamTrait};
use sqlx::postgres::{PgConnection, PgPoolCopyExt as _};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgPool, Postgres};

/// One function for each way, in which clippy has to report the lint.
macro_rules! found {
    ($($lint:ident: $item:item)+) => {
        $(
            #[expect(clippy::$lint, reason = "an entry of clippy.toml")]
            $item
        )+
    };
}

macro_rules! own {
    (x => $expression:expr) => {
        $expression
    };
}

macro_rules! statements {
    ($($token:tt)*) => { $($token)* };
}

type Alias = Statement;

trait Custom {
    const CUSTOM: fn(&'static str) -> Expr;
}

// How a path is written does not matter, since the compiler resolves it.
found! {
    disallowed_methods: fn full_path(b: DbBackend) { let _ = ::sea_orm::Statement::from_string(b, "select 1"); }
    disallowed_methods: fn renamed_import(b: DbBackend) { use sea_orm::Statement as S; let _ = S::from_string(b, "select 1"); }
    disallowed_methods: fn renamed_crate() { use sqlx::{self as db}; let _ = db::query_as::<Postgres, (i64,)>("select 1"); }
    disallowed_methods: fn renamed_function() { use sqlx::query as q; let _ = q::<Postgres>("select 1"); }
    disallowed_methods: fn glob_import() { use sqlx::*; let _ = query_scalar::<Postgres, i64>("select 1"); }
    disallowed_methods: fn type_alias(b: DbBackend) { let _ = Alias::from_string(b, "select 1"); }
    disallowed_methods: fn function_value() { let _ = ["now()"].map(Expr::cust); }
    disallowed_methods: fn function_pointer() { let f: fn(&'static str) -> Expr = Expr::cust; let _ = f("now()"); }
    disallowed_methods: impl Custom for Statement { const CUSTOM: fn(&'static str) -> Expr = <Expr>::cust; }
    disallowed_methods: fn generic_method<T: ConnectionTrait>() { let _ = T::execute_unprepared; }
    disallowed_methods: fn method_of_a_type(tx: &sea_orm::DatabaseTransaction) { let _ = tx.execute_unprepared("select 1"); }
    disallowed_methods: fn method_of_another_type(db: &sea_orm::DatabaseConnection) { let _ = db.execute_unprepared("select 1"); }
    disallowed_methods: fn trait_function(c: &mut PgConnection) { let _ = sqlx::Executor::execute(c, "select 1"); }
    disallowed_methods: fn text_in_a_variable(p: &PgPool) { let sql = "select 1"; let _ = p.execute(sql); }
    disallowed_methods: fn macro_argument() { let _ = vec![Expr::cust("now()")]; }
    disallowed_methods: fn argument_of_own_macro() { let _ = own!(x => Expr::cust("now()")); }
    disallowed_methods: fn statements_of_own_macro() { statements! { let _x = Expr::cust("now()"); } }
    disallowed_methods: fn join(tx: &impl ConnectionTrait) { let _ = async { tokio::join!(tx.execute_unprepared("select 1")) }; }
    disallowed_methods: #[test] fn test_code() { let _ = sqlx::query::<Postgres>("select 1"); }
}

// Each entry. The macros of sqlx need its feature `macros`, which no crate enables.
found! {
    disallowed_macros: fn orm_raw_sql() { let _ = sea_orm::raw_sql!(Postgres, "select 1"); }
    disallowed_macros: fn raw_query() { let _ = sea_query::raw_query!(PostgresQueryBuilder, "select 1"); }
    disallowed_types: fn query_builder(_: sqlx::QueryBuilder<Postgres>) {}
    disallowed_types: fn sql_str(_: sqlx::SqlStr) {}
    disallowed_methods: fn execute_raw(tx: &impl ConnectionTrait, s: Statement) { let _ = tx.execute_raw(s); }
    disallowed_methods: fn execute_unprepared(tx: &impl ConnectionTrait) { let _ = tx.execute_unprepared("select 1"); }
    disallowed_methods: fn query_all_raw(tx: &impl ConnectionTrait, s: Statement) { let _ = tx.query_all_raw(s); }
    disallowed_methods: fn query_one_raw(tx: &impl ConnectionTrait, s: Statement) { let _ = tx.query_one_raw(s); }
    disallowed_methods: fn stream_raw(tx: &impl StreamTrait, s: Statement) { let _ = tx.stream_raw(s); }
    disallowed_methods: fn find_by_statement(s: Statement) { let _ = entity::contacts::Model::find_by_statement(s); }
    disallowed_methods: fn from_raw_sql(s: Statement) { let _ = entity::contacts::Entity::find().from_raw_sql(s); }
    disallowed_methods: fn from_sql_and_values(b: DbBackend) { let _ = Statement::from_sql_and_values(b, "select 1", []); }
    disallowed_methods: fn from_string(b: DbBackend) { let _ = Statement::from_string(b, "select 1"); }
    disallowed_methods: fn operator() { let _ = BinOper::Custom("~"); }
    disallowed_methods: fn column() { let _ = ColumnDef::new("x").custom("int"); }
    disallowed_methods: fn column_type() { let _ = ColumnType::Custom("int".into()); }
    disallowed_methods: fn column_type_function() { let _ = ColumnType::custom("int"); }
    disallowed_methods: fn cust() { let _ = Expr::cust("now()"); }
    disallowed_methods: fn cust_variant() { let _ = Expr::Custom("now()".into()); }
    disallowed_methods: fn cust_with_expr() { let _ = Expr::cust_with_expr("abs($1)", Expr::val(1)); }
    disallowed_methods: fn cust_with_exprs() { let _ = Expr::cust_with_exprs("abs($1)", [Expr::val(1)]); }
    disallowed_methods: fn cust_with_expr_variant() { let _ = Expr::CustomWithExpr("abs($1)".into(), Vec::new()); }
    disallowed_methods: fn cust_with_values() { let _ = Expr::cust_with_values("abs($1)", [1]); }
    disallowed_methods: fn custom_keyword() { let _ = Expr::custom_keyword("default"); }
    disallowed_methods: fn function() { let _ = Func::cust("now"); }
    disallowed_methods: fn function_variant() { let _ = Func::Custom("now".into()); }
    disallowed_methods: fn index_type() { let _ = IndexType::Custom("gin".into()); }
    disallowed_methods: fn keyword() { let _ = Keyword::Custom("default".into()); }
    disallowed_methods: fn assert_sql_safe(sql: String) { let _ = AssertSqlSafe(sql); }
    disallowed_methods: fn begin_with(c: &mut PgConnection) { let _ = c.begin_with("begin"); }
    disallowed_methods: fn execute(c: &mut PgConnection) { let _ = c.execute("select 1"); }
    disallowed_methods: fn execute_many(c: &mut PgConnection) { let _ = c.execute_many("select 1"); }
    disallowed_methods: fn fetch(c: &mut PgConnection) { let _ = c.fetch("select 1"); }
    disallowed_methods: fn fetch_all(c: &mut PgConnection) { let _ = c.fetch_all("select 1"); }
    disallowed_methods: fn fetch_many(c: &mut PgConnection) { let _ = c.fetch_many("select 1"); }
    disallowed_methods: fn fetch_one(c: &mut PgConnection) { let _ = c.fetch_one("select 1"); }
    disallowed_methods: fn fetch_optional(c: &mut PgConnection) { let _ = c.fetch_optional("select 1"); }
    disallowed_methods: fn prepare(c: &mut PgConnection) { let _ = c.prepare(sqlx::SqlSafeStr::into_sql_str("select 1")); }
    disallowed_methods: fn prepare_with(c: &mut PgConnection) { let _ = c.prepare_with(sqlx::SqlSafeStr::into_sql_str("select 1"), &[]); }
    disallowed_methods: fn pool_begin_with(p: &PgPool) { let _ = p.begin_with("begin"); }
    disallowed_methods: fn copy_in_raw(c: &mut PgConnection) { let _ = async { c.copy_in_raw("copy x from stdin").await.map(drop) }; }
    disallowed_methods: fn copy_out_raw(c: &mut PgConnection) { let _ = async { c.copy_out_raw("copy x to stdout").await.map(drop) }; }
    disallowed_methods: fn pool_copy_in_raw(p: &PgPool) { let _ = async { p.copy_in_raw("copy x from stdin").await.map(drop) }; }
    disallowed_methods: fn pool_copy_out_raw(p: &PgPool) { let _ = async { p.copy_out_raw("copy x to stdout").await.map(drop) }; }
    disallowed_methods: fn query() { let _ = sqlx::query::<Postgres>("select 1"); }
    disallowed_methods: fn query_as() { let _ = sqlx::query_as::<Postgres, (i64,)>("select 1"); }
    disallowed_methods: fn query_as_with() { let _ = sqlx::query_as_with::<Postgres, (i64,), _>("select 1", sqlx::postgres::PgArguments::default()); }
    disallowed_methods: fn query_scalar() { let _ = sqlx::query_scalar::<Postgres, i64>("select 1"); }
    disallowed_methods: fn query_scalar_with() { let _ = sqlx::query_scalar_with::<Postgres, i64, _>("select 1", sqlx::postgres::PgArguments::default()); }
    disallowed_methods: fn query_with() { let _ = sqlx::query_with::<Postgres, _>("select 1", sqlx::postgres::PgArguments::default()); }
    disallowed_methods: fn raw_sql() { let _ = sqlx::raw_sql("select 1"); }
}

// Built queries are not SQL as text: no expectation, and so no lint.
fn built(tx: &impl ConnectionTrait) {
    let _ = tx.execute(&Query::update().table("contacts").to_owned());
    let _ = entity::contacts::Entity::find().all(tx);
}
