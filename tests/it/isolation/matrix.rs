//! Runs the probes in a state, and reports every outcome that differs from the expected one.

use crate::isolation::catalogue::{A, B, Catalogue, LONELY};
use crate::isolation::contexts::{
    Application, Context, Entered, INSUFFICIENT_PRIVILEGE, State, UNBOUND, Visible,
};
use crate::isolation::plain;
use crate::isolation::probes::{self, Action, Expect, Probe};
use crate::schema::shape::may;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::collections::BTreeSet;
use tests::{code, run};

/// What refuses a bound customer.
const REFUSALS: [&str; 4] = [INSUFFICIENT_PRIVILEGE, "23503", "23001", "23505"];

/// What Citus does not support, an error of its own without a code, and a subquery without columns.
const NOT_RUN: [&str; 3] = ["0A000", "XX000", "42601"];

/// Undoes what was tried in a transaction, also an error.
const UNDO: &str = "rollback to savepoint entered";

/// What was tried, and what came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// The database has a signing key.
    pub signed: bool,
    /// Each cell as its table, what was tried and the context.
    pub cells: BTreeSet<(String, Action, Context)>,
    pub statements: u32,
    /// Statements that [`Report::try_apart`] could not try.
    pub not_run: u32,
    /// What ended otherwise than it should: a leak, or something of its own that a customer cannot do.
    pub red: Vec<String>,
}

impl Report {
    /// Enters a state, and tries the database's own views and functions.
    pub async fn try_catalogue(&mut self, application: &Application, catalogue: &Catalogue, state: State) {
        self.try_list(application, state, "", probes::of_catalogue(catalogue)).await;
    }

    /// Enters a state, and tries everything on one table.
    pub async fn try_table(
        &mut self,
        application: &Application,
        catalogue: &Catalogue,
        state: State,
        table: &str,
    ) {
        // Whoever is bound to nothing tries as A.
        let own = if let Visible::RowsOf(organization) | Visible::AtMostRowsOf(organization) =
            state.binding.visible(self.signed)
        {
            organization
        } else {
            A
        };
        let list = probes::of_table(catalogue, catalogue.table(table), own);
        self.try_list(application, state, table, list).await;
    }

    async fn try_list(&mut self, application: &Application, state: State, table: &str, list: Vec<Probe>) {
        match application.enter(state).await {
            Entered::Customer(tx) => {
                self.try_in(&tx, state, table, list).await;
                // What was tried is undone; that nothing is left of the rest is the next transaction's to show.
                tx.commit().await.unwrap();
            }
            Entered::Forgotten(tx) => {
                self.try_in(&tx, state, table, list).await;
                tx.commit().await.unwrap();
            }
        }
    }

    async fn try_in(&mut self, tx: &impl ConnectionTrait, state: State, table: &str, list: Vec<Probe>) {
        let visible = state.binding.visible(self.signed);
        let foreign = foreign(visible);
        let digest = format!("probe.digest('{foreign}')");
        let before = texts(tx, &format!("select {digest}")).await.unwrap().concat();
        run(tx, "savepoint entered").await.unwrap();
        for probe in list {
            // What the one before did is undone on the way.
            let outcome = ending(tx, &probe.sql).await;
            let is_changed = outcome.is_ok() && probe.may_write() && {
                let changed = tx.execute_unprepared(&format!("select 1 where {digest} <> '{before}'")).await;
                changed.unwrap().rows_affected() > 0
            };
            self.note(state, table, probe.action);
            let marks: Vec<&str> = foreign.split('|').collect();
            let is_shown = outcome.as_ref().is_ok_and(|ending| {
                ending.rows.iter().any(|row| marks.iter().any(|mark| row.contains(mark)))
            });
            let wrong = if is_changed {
                Some("changes another's rows".to_owned())
            } else if is_shown {
                Some("shows another's rows".to_owned())
            } else {
                let ending = outcome.map(|ending| ending.count);
                wrong(visible, table, probe.expect, ending)
            };
            if let Some(wrong) = wrong {
                self.complain(state, &wrong, &probe.sql);
            }
        }
        run(tx, UNDO).await.unwrap();
    }

    /// Enters a state for each attempt on one table, and rolls back: on Citus a transaction that changed an organization cannot
    /// go on. What a node refuses to run is counted.
    pub async fn try_apart(
        &mut self,
        application: &Application,
        catalogue: &Catalogue,
        state: State,
        table: &str,
    ) {
        // What a statement sets by set_config() does not reach the nodes, which keep the actor.
        let visible = state.binding.visible(true);
        let own = if let Visible::RowsOf(organization) | Visible::AtMostRowsOf(organization) = visible {
            organization
        } else {
            A
        };
        let their_organization = own.other().id("organizations", 1);
        let foreign = foreign(visible);
        for probe in probes::of_table(catalogue, catalogue.table(table), own) {
            let outcome = match application.enter(state).await {
                Entered::Customer(tx) => {
                    let outcome = once(&tx, &probe.sql).await;
                    tx.rollback().await.unwrap();
                    outcome
                }
                Entered::Forgotten(tx) => {
                    let outcome = once(&tx, &probe.sql).await;
                    tx.rollback().await.unwrap();
                    outcome
                }
            };
            if outcome.as_ref().is_err_and(|code| NOT_RUN.contains(&code.as_str())) {
                self.not_run += 1;
                continue;
            }
            self.note(state, table, probe.action);
            let is_shown = outcome.as_ref().is_ok_and(|ending| {
                ending.rows.iter().any(|row| foreign.split('|').any(|mark| row.contains(mark)))
            });
            // An id is unique within an organization only.
            let may_have_their_id =
                probe.action == Action::Upsert && !probe.sql.contains(&their_organization);
            let expect = if may_have_their_id { Expect::AtMost(1) } else { probe.expect };
            let is_unbound = outcome.as_ref().is_err_and(|code| UNBOUND.contains(&code.as_str()));
            let wrong = if is_shown {
                Some("shows another's rows".to_owned())
            } else if is_unbound && may(table).is_empty() {
                // The tenant may be read before the privilege.
                None
            } else {
                wrong(visible, table, expect, outcome.map(|ending| ending.count))
            };
            if let Some(wrong) = wrong {
                self.complain(state, &wrong, &probe.sql);
            }
        }
    }

    /// COPY TO on one table, which sqlx has for its own connections only.
    pub async fn try_copy(&mut self, login: &plain::Login, state: State, table: &str) {
        let visible = state.binding.visible(self.signed);
        let foreign = foreign(visible);
        let rows = Expect::Rows(if table == "organizations" { 1 } else { 2 });
        for from in
            [table, &format!("(select * from {table})"), &format!("(select * from probe.view_{table})")]
        {
            let sql = format!("copy {from} to stdout");
            // Each on a connection of its own, because sqlx does not read an error's answer to its end.
            let copied = plain::copy(&mut plain::enter(login, state).await, &sql).await;
            self.note(state, table, Action::CopyTo);
            let is_shown =
                copied.as_ref().is_ok_and(|text| foreign.split('|').any(|mark| text.contains(mark)));
            let wrong = if is_shown {
                Some("shows another's rows".to_owned())
            } else {
                let count = copied.map(|text| u64::try_from(text.lines().count()).unwrap());
                wrong(visible, table, rows, count)
            };
            if let Some(wrong) = wrong {
                self.complain(state, &wrong, &sql);
            }
        }
    }

    fn note(&mut self, state: State, table: &str, action: Action) {
        self.statements += 1;
        self.cells.insert((table.to_owned(), action, state.context));
    }

    fn complain(&mut self, state: State, wrong: &str, sql: &str) {
        self.red.push(format!("{:?} after {:?}: {wrong}: {sql}", state.binding, state.before));
    }
}

impl Probe {
    fn may_write(&self) -> bool {
        self.action == Action::Function || !reads(&self.sql)
    }
}

/// What stands in the rows of those whom the state does not speak for, as a regular expression.
fn foreign(visible: Visible) -> String {
    let marks = match visible {
        Visible::RowsOf(organization) | Visible::AtMostRowsOf(organization) => organization.other().mark(),
        Visible::OnlyUserBound => B.mark(),
        Visible::NoRows | Visible::NothingBound => format!("{}|{}", A.mark(), B.mark()),
    };
    format!("{marks}|{}", LONELY.mark())
}

/// What is wrong with an ending, that nothing of another's is seen or changed aside.
fn wrong(visible: Visible, table: &str, expect: Expect, ending: Result<u64, String>) -> Option<String> {
    let is_right = match (&ending, visible) {
        _ if expect == Expect::NoTable => true,
        (_, Visible::AtMostRowsOf(_)) => true,
        // Whatever is bound, the owner alone has access.
        (Err(code), _) if may(table).is_empty() => code == INSUFFICIENT_PRIVILEGE,
        (Ok(0), Visible::OnlyUserBound) => expect == Expect::AtMost(0),
        (Err(code), Visible::NothingBound | Visible::OnlyUserBound) => {
            UNBOUND.contains(&code.as_str()) || (code == INSUFFICIENT_PRIVILEGE && expect_privilege(expect))
        }
        (Ok(_), Visible::NothingBound | Visible::OnlyUserBound) => false,
        (Err(code), Visible::NoRows) => REFUSALS.contains(&code.as_str()),
        (Ok(rows), Visible::NoRows) => *rows == 0,
        (Err(code), Visible::RowsOf(_)) => {
            matches!(expect, Expect::AtMost(_) | Expect::Refused) && REFUSALS.contains(&code.as_str())
        }
        (Ok(rows), Visible::RowsOf(_)) => match expect {
            Expect::Rows(expected) => *rows == expected,
            Expect::AtMost(most) => *rows <= most,
            Expect::Any => true,
            Expect::Refused | Expect::NoTable => false,
        },
    };
    (!is_right).then(|| match ending {
        Ok(rows) => format!("gives {rows} rows in place of {expect:?}"),
        Err(code) => format!("fails with {code} in place of {expect:?}"),
    })
}

/// Whether a missing privilege may come before the missing tenant.
fn expect_privilege(expect: Expect) -> bool {
    matches!(expect, Expect::Refused | Expect::AtMost(_))
}

/// What a statement gave.
struct Ending {
    count: u64,
    /// The rows of a query.
    rows: Vec<String>,
}

async fn ending(tx: &impl ConnectionTrait, sql: &str) -> Result<Ending, String> {
    if returns(sql) {
        run(tx, UNDO).await.unwrap();
        once(tx, sql).await
    } else {
        once(tx, &format!("{UNDO}; {sql}")).await
    }
}

async fn once(tx: &impl ConnectionTrait, sql: &str) -> Result<Ending, String> {
    if returns(sql) {
        let rows = texts(tx, sql).await?;
        Ok(Ending { count: u64::try_from(rows.len()).unwrap(), rows })
    } else {
        let done = tx.execute_unprepared(sql).await.map_err(|error| code(&error))?;
        Ok(Ending { count: done.rows_affected(), rows: Vec::new() })
    }
}

/// Whether a statement has rows.
fn returns(sql: &str) -> bool {
    reads(sql) || sql.contains(" returning ")
}

fn reads(sql: &str) -> bool {
    ["select ", "with "].iter().any(|word| sql.starts_with(word))
}

async fn texts(tx: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>, String> {
    let rows = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let rows = rows.map_err(|error| code(&error))?;
    Ok(rows
        .iter()
        .map(|row| row.try_get_by_index::<Option<String>>(0).unwrap().unwrap_or_default())
        .collect())
}
