//! Who acts in a customer transaction.

use entity::id::{OrganizationId, UserId};

/// A user who acts for an organization (the tenant).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The organization whose rows are visible: Row Level Security compares each row with it.
    pub organization: OrganizationId,
    /// The acting user, recorded as the author of new campaigns.
    pub user: UserId,
}

/// A program that acts for an organization without a user: the scheduler, a webhook, the e-mail worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemActor {
    /// The organization whose rows are visible.
    pub organization: OrganizationId,
}

/// The actor of a customer transaction. [`Database::customer`](crate::Database::customer) accepts either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundActor {
    /// A user of the organization.
    User(Actor),
    /// A program.
    System(SystemActor),
}

impl BoundActor {
    /// Returns the organization that is acted for.
    #[must_use]
    pub fn organization(self) -> OrganizationId {
        match self {
            Self::User(actor) => actor.organization,
            Self::System(actor) => actor.organization,
        }
    }

    /// Returns the acting user; `None`: a program acts.
    #[must_use]
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::User(actor) => Some(actor.user),
            Self::System(_) => None,
        }
    }
}

impl From<Actor> for BoundActor {
    fn from(actor: Actor) -> Self {
        Self::User(actor)
    }
}

impl From<SystemActor> for BoundActor {
    fn from(actor: SystemActor) -> Self {
        Self::System(actor)
    }
}
