//! In what state a customer's connection is when it tries.

use crate::isolation::catalogue::{A, B, Organization};
use database::{Actor, AdminTx, CustomerTx, Database, Error};
use entity::id::{OrganizationId, UserId};
use futures_util::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use tests::factory::{open, settings};
use tests::run;

pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// Reading a setting that is not there, and one that is no UUID: '' after a bound transaction has ended. With a signing key,
/// an actor that is not signed for the transaction.
pub const UNBOUND: [&str; 3] = ["42704", "22P02", "VA006"];

/// One row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// No tenant is bound.
    None,
    /// Organization A.
    Own,
    /// Organization B, for which A is the other.
    Other,
    /// Settings that name no organization.
    Garbage,
    /// Organization A, on the connection that B or the owner has used.
    Reused,
    /// Organization A, on the connection that B's future was dropped with.
    Cancelled,
}

pub const CONTEXTS: [Context; 6] =
    [Context::None, Context::Own, Context::Other, Context::Garbage, Context::Reused, Context::Cancelled];

/// One way into a context.
#[derive(Clone, Copy, Debug)]
pub struct State {
    pub context: Context,
    pub before: Before,
    pub binding: Binding,
}

/// What happened on the connection just before.
#[derive(Clone, Copy, Debug)]
pub enum Before {
    Nothing,
    Admin,
    /// B's transaction ended so.
    Committed,
    RolledBack,
    Failed,
    /// B's future, which changes its rows and never commits, was dropped at its so-manieth pause.
    DroppedAt(u32),
    /// B's future, which commits, was dropped at its so-manieth pause.
    DroppedCommittingAt(u32),
}

/// What the connection is bound to.
#[derive(Clone, Copy, Debug)]
pub enum Binding {
    Unbound,
    /// Only the user is.
    User,
    Actor(Organization),
    /// An organization and a user that do not exist.
    UnknownActor,
    /// Both settings hold this text.
    Text(&'static str),
}

/// What an access has to end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// In an error for an unbound tenant.
    NothingBound,
    /// In that error, unless the user alone rules every row out.
    OnlyUserBound,
    /// As for an organization without rows.
    NoRows,
    /// In this organization's rows.
    RowsOf(Organization),
    /// In this organization's rows, or any error: it is bound, and the settings name another one.
    AtMostRowsOf(Organization),
}

impl Binding {
    /// `signed`: the database has a signing key.
    pub fn visible(self, signed: bool) -> Visible {
        match self {
            // It is set in a transaction that is bound to A.
            Self::UnknownActor | Self::Text(_) if signed => Visible::AtMostRowsOf(A),
            Self::Actor(organization) => Visible::RowsOf(organization),
            Self::UnknownActor | Self::Text(NIL) => Visible::NoRows,
            Self::User => Visible::OnlyUserBound,
            Self::Unbound | Self::Text(_) => Visible::NothingBound,
        }
    }
}

const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// What a future may pause at: the transaction's begin, the binding, its statements, its commit.
const PAUSES: u32 = 12;

/// Every state; in the order of [`Context`].
pub fn states() -> Vec<State> {
    use Before::{Admin, Committed, DroppedAt, DroppedCommittingAt, Failed, Nothing, RolledBack};
    use Binding::{Actor, Text, Unbound, UnknownActor, User};
    let mut states = vec![
        (Context::None, Nothing, Unbound),
        (Context::None, Committed, Unbound),
        (Context::None, RolledBack, Unbound),
        (Context::None, Nothing, User),
        (Context::Own, Nothing, Actor(A)),
        (Context::Other, Nothing, Actor(B)),
        (Context::Garbage, Nothing, UnknownActor),
        (Context::Garbage, Nothing, Text(NIL)),
        (Context::Garbage, Nothing, Text("")),
        (Context::Garbage, Nothing, Text("nonsense")),
        (Context::Garbage, Nothing, Text("1' or '1' = '1")),
        (Context::Garbage, Committed, Text("*")),
        (Context::Reused, Committed, Actor(A)),
        (Context::Reused, RolledBack, Actor(A)),
        (Context::Reused, Failed, Actor(A)),
        (Context::Reused, Admin, Actor(A)),
    ];
    for pause in 1..PAUSES {
        states.push((Context::Cancelled, DroppedAt(pause), Actor(A)));
        states.push((Context::Cancelled, DroppedCommittingAt(pause), Actor(A)));
    }
    states.into_iter().map(|(context, before, binding)| State { context, before, binding }).collect()
}

/// The pools of an application, each of one connection.
#[derive(Debug)]
pub struct Application {
    database: Database,
    /// Where the login of customers is not the owner: transactions without a bound tenant.
    forgetful: Option<Database>,
}

/// A transaction in some state.
#[derive(Debug)]
pub enum Entered {
    Customer(CustomerTx),
    Forgotten(AdminTx),
}

impl Application {
    /// `customer` is the URL of a login of customers; `None`: the owner takes the role.
    pub async fn start(owner: &str, customer: Option<&str>, more: &[(&str, &str)]) -> Self {
        let one = |urls: &[(&str, &str)]| {
            let pool = [("DATABASE_POOL_SIZE", "1"), ("DATABASE_MAX_OVERFLOW", "0")];
            settings(&[urls, &pool, more].concat())
        };
        let (database, forgetful) = match customer {
            None => (open(&one(&[("DATABASE_URL", owner)])).await, None),
            Some(customer) => {
                let both = [("DATABASE_URL", owner), ("CUSTOMER_DATABASE_URL", customer)];
                // The ledger of migrations is not a customer's to read.
                let alone = [("DATABASE_URL", customer), ("DATABASE_REQUIRE_MIGRATIONS", "false")];
                (open(&one(&both)).await, Some(open(&one(&alone)).await))
            }
        };
        Self { database, forgetful }
    }

    /// Begins a transaction in this state.
    pub async fn enter(&self, state: State) -> Entered {
        self.live_through(state.before).await;
        match state.binding {
            Binding::Unbound => match (&self.forgetful, state.before) {
                (Some(_), Before::Committed) => Entered::Customer(self.outlive("commit").await),
                (Some(_), Before::RolledBack) => Entered::Customer(self.outlive("rollback").await),
                _ => Entered::Forgotten(self.forget().await),
            },
            Binding::User => {
                let tx = self.forget().await;
                let user = A.actor().user;
                run(&tx, &format!("set local app.user_id = '{}'", user.as_uuid())).await.unwrap();
                Entered::Forgotten(tx)
            }
            Binding::Actor(organization) => {
                Entered::Customer(self.database.customer(organization.actor()).await.unwrap())
            }
            Binding::UnknownActor => {
                let actor = Actor { organization: OrganizationId::generate(), user: UserId::generate() };
                let refused = self.database.customer(actor).await;
                assert!(matches!(refused, Err(Error::Actor(_))), "{refused:?}");
                self.set(&OrganizationId::generate().as_uuid().to_string()).await
            }
            Binding::Text(text) => self.set(text).await,
        }
    }

    /// A transaction of A in which a statement has set other actors.
    async fn set(&self, text: &str) -> Entered {
        let tx = self.database.customer(A.actor()).await.unwrap();
        let text = text.replace('\'', "''");
        let both = ["app.organization_id", "app.user_id"]
            .map(|setting| format!("select set_config('{setting}', '{text}', true)"));
        run(&tx, &both.join(";")).await.unwrap();
        Entered::Customer(tx)
    }

    /// A customer transaction without a bound tenant.
    async fn forget(&self) -> AdminTx {
        let tx = self.forgetful.as_ref().unwrap_or(&self.database).admin().await.unwrap();
        if self.forgetful.is_none() {
            run(&tx, "set local role customer").await.unwrap();
        }
        tx
    }

    /// What comes after B's transaction on its very connection: where the login of customers has a pool of its own,
    /// the crate binds whatever begins on it, so SQL has to end the one and begin the other.
    async fn outlive(&self, end: &str) -> CustomerTx {
        let tx = self.as_b().await;
        run(&tx, &format!("{end}; begin")).await.unwrap();
        tx
    }

    async fn live_through(&self, before: Before) {
        match before {
            Before::Nothing => {}
            Before::Admin => {
                let tx = self.database.admin().await.unwrap();
                run(&tx, "select count(*) from contacts").await.unwrap();
                tx.commit().await.unwrap();
            }
            Before::Committed => self.as_b().await.commit().await.unwrap(),
            Before::RolledBack => self.as_b().await.rollback().await.unwrap(),
            Before::Failed => {
                let tx = self.as_b().await;
                assert!(run(&tx, "select 1 / 0").await.is_err());
            }
            Before::DroppedAt(pause) => {
                let change = async {
                    let tx = self.as_b().await;
                    run(&tx, "update campaigns set name = 'dropped'").await.unwrap();
                    run(&tx, "update contacts set email = 'dropped'; select pg_sleep(0.001)").await.unwrap();
                };
                dropped_at(pause, change).await;
            }
            Before::DroppedCommittingAt(pause) => {
                let commit = async { self.as_b().await.commit().await.unwrap() };
                dropped_at(pause, commit).await;
            }
        }
    }

    /// A transaction of B that has seen its rows.
    async fn as_b(&self) -> CustomerTx {
        let tx = self.database.customer(B.actor()).await.unwrap();
        run(&tx, "select * from contacts").await.unwrap();
        tx
    }
}

/// Runs a future up to its so-manieth pause, or its end, and drops it.
pub async fn dropped_at(pause: u32, future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    let mut pauses = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => {
            pauses += 1;
            if pauses == pause { Poll::Ready(()) } else { Poll::Pending }
        }
    })
    .await;
}
