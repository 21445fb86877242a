//! The parents of a row that is inserted: locked, and neither marked as deleted nor erased.

use crate::{Error, Named, Scope};
use entity::id::{CallAttemptId, CampaignId, EmailTemplateId, OrganizationId, UserId};
use entity::{call_attempts, campaigns, contacts, email_templates, organizations, users};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityName,
    EntityTrait, FromQueryResult, IntoActiveModel, Iterable,
};
use sea_query::{Expr, ExprTrait, Query, SelectStatement};

/// What [`crate::contacts::erase`] stores in place of a phone number or an address.
pub const ERASED: &str = "DELETED";

/// A row that the inserted one belongs to or refers to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent {
    Campaign(CampaignId),
    /// The contact of a call: erased.
    ContactOf(CallAttemptId),
    EmailTemplate(EmailTemplateId),
    Organization(OrganizationId),
    /// The organization of a campaign.
    OrganizationOf(CampaignId),
    User(UserId),
}

impl Parent {
    /// The name of the entity in [`Error::Deleted`].
    fn name(self) -> &'static str {
        match self {
            Self::Campaign(_) => "campaign",
            Self::ContactOf(_) => "contact",
            Self::EmailTemplate(_) => "e-mail template",
            Self::Organization(_) | Self::OrganizationOf(_) => "organization",
            Self::User(_) => "user",
        }
    }

    /// Locks the row, and returns whether it is marked as deleted or, a contact, erased.
    fn lock(self) -> SelectStatement {
        match self {
            Self::Campaign(id) => {
                lock(campaigns::Entity, is_deleted(campaigns::Column::DeletedAt), campaigns::COLUMN.id.eq(id))
            }
            Self::ContactOf(call) => {
                let of = Query::select()
                    .column(call_attempts::Column::ContactId)
                    .from(call_attempts::Entity)
                    .and_where(call_attempts::COLUMN.id.eq(call))
                    .to_owned();
                let is_erased = contacts::COLUMN.phone_number.eq(ERASED);
                lock(contacts::Entity, is_erased, contacts::Column::Id.in_subquery(of))
            }
            Self::EmailTemplate(id) => lock(
                email_templates::Entity,
                is_deleted(email_templates::Column::DeletedAt),
                email_templates::COLUMN.id.eq(id),
            ),
            Self::Organization(id) => lock(
                organizations::Entity,
                is_deleted(organizations::Column::DeletedAt),
                organizations::COLUMN.id.eq(id),
            ),
            Self::OrganizationOf(campaign) => {
                let of = Query::select()
                    .column(campaigns::Column::OrganizationId)
                    .from(campaigns::Entity)
                    .and_where(campaigns::COLUMN.id.eq(campaign))
                    .to_owned();
                lock(
                    organizations::Entity,
                    is_deleted(organizations::Column::DeletedAt),
                    organizations::Column::Id.in_subquery(of),
                )
            }
            Self::User(id) => {
                lock(users::Entity, is_deleted(users::Column::DeletedAt), users::COLUMN.id.eq(id))
            }
        }
    }
}

fn is_deleted(deleted_at: impl ColumnTrait) -> Expr {
    deleted_at.is_not_null()
}

fn lock<E: EntityTrait + EntityName>(table: E, is_gone: Expr, this: Expr) -> SelectStatement {
    Query::select().expr(is_gone).from(table.table_ref()).and_where(this).lock_shared().to_owned()
}

/// Inserts a row below its parents and returns it, or returns [`Error::Deleted`] for the first parent that is marked as
/// deleted or erased. The parents are locked as by [`require_live`], in the statement that inserts.
pub(crate) async fn insert<A>(
    tx: &Named<'_, impl Scope>,
    row: A,
    parents: &[Parent],
) -> Result<<A::Entity as EntityTrait>::Model, Error>
where
    A: ActiveModelTrait + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    let saved = A::before_save(row.clone(), tx, true).await?;
    let (mut columns, mut values) = (Vec::new(), Query::select());
    for column in <A::Entity as EntityTrait>::Column::iter() {
        if let ActiveValue::Set(value) | ActiveValue::Unchanged(value) = saved.get(column) {
            columns.push(column);
            values.expr(column.save_as(Expr::val(value)));
        }
    }
    for parent in parents {
        values.and_where(Expr::expr(parent.lock()).not());
    }
    let all = <A::Entity as EntityTrait>::Column::iter();
    let returning = all.map(|column| column.select_as(column.into_returning_expr(tx.get_database_backend())));
    let mut insert = Query::insert();
    insert.into_table(A::Entity::default().table_ref()).columns(columns);
    insert.select_from(values).map_err(|error| DbErr::Custom(error.to_string()))?;
    insert.returning(Query::returning().exprs(returning));
    let Some(inserted) = tx.query_one(&insert).await? else {
        require_live(tx, parents).await?;
        // A parent does not exist, or is not visible in the scope: the foreign key reports it.
        return Ok(row.insert(tx).await?);
    };
    let model = <A::Entity as EntityTrait>::Model::from_query_result(&inserted, "")?;
    Ok(A::after_save(model, tx, true).await?)
}

/// Locks the parents until the transaction ends, so that none is marked as deleted meanwhile, and returns
/// [`Error::Deleted`] for the first one that is. A parent that does not exist, or is not visible in the scope, is left to
/// the foreign key.
///
/// FOR SHARE, because marking a row as deleted takes FOR NO KEY UPDATE, which the lock of a foreign key, FOR KEY SHARE,
/// does not exclude. SQLite, which has no row locks, runs one writing transaction at a time.
pub(crate) async fn require_live(tx: &Named<'_, impl Scope>, parents: &[Parent]) -> Result<(), Error> {
    let mut select = Query::select();
    for parent in parents {
        select.expr(Expr::expr(parent.lock()));
    }
    // One row; on Citus, in an admin transaction, one of each shard, unless each node has a copy of the parents.
    let rows = if parents.iter().all(|parent| matches!(parent, Parent::Organization(_) | Parent::User(_))) {
        tx.query_all(&select).await?
    } else {
        let columns: Vec<String> = (1..=parents.len()).map(|place| format!("parent_{place} bool")).collect();
        tx.rows_of_shards(&select, &columns.join(", ")).await?
    };
    for (place, parent) in parents.iter().enumerate() {
        for row in &rows {
            if row.try_get_by_index::<Option<bool>>(place)? == Some(true) {
                return Err(Error::Deleted(parent.name()));
            }
        }
    }
    Ok(())
}
