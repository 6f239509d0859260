//! The one payment under way of each subject.

use belgie_api::db::Conn;
use belgie_api::{Result, SubscriptionId, Timestamp, UserId, on};
use uuid::Uuid;

use crate::model::subject::Columns;

const FIND: &str = "SELECT * FROM stripe_checkouts WHERE subject_kind = $1 AND subject_id = $2";
const FIND_BY_SUBSCRIPTION: &str = "SELECT * FROM stripe_checkouts WHERE subscription_id = $1";
const LIST_BELOW: &str = "SELECT * FROM stripe_checkouts WHERE subject_id = $1 OR organization_id = $1";
const RESERVE: &str = "INSERT INTO stripe_checkouts (subject_kind, subject_id, organization_id, subscription_id, \
    price_id, seats, back, session_id, url, started_by, created_at, expires_at, has_trial, wish) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL, $8, $9, $10, $13, $14) \
    ON CONFLICT (subject_kind, subject_id) DO UPDATE SET subscription_id = excluded.subscription_id, \
    price_id = excluded.price_id, seats = excluded.seats, back = excluded.back, session_id = NULL, url = NULL, \
    started_by = excluded.started_by, created_at = excluded.created_at, expires_at = excluded.expires_at, \
    has_trial = excluded.has_trial, wish = excluded.wish \
    WHERE stripe_checkouts.subscription_id = $11 AND stripe_checkouts.session_id IS NOT DISTINCT FROM $12 \
    RETURNING subscription_id";
const OPEN: &str = "UPDATE stripe_checkouts SET session_id = $2, url = $3, expires_at = $4 \
    WHERE subscription_id = $1 RETURNING subscription_id";
const CLOSE: &str = "DELETE FROM stripe_checkouts WHERE session_id = $1";

/// A payment under way.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Checkout {
    /// Who is to have the plan.
    #[sqlx(flatten)]
    pub subject: Columns,
    /// The id the subscription will have here.
    pub subscription_id: SubscriptionId,
    /// The price.
    pub price_id: String,
    /// For how many.
    pub seats: i64,
    /// Where the browser goes afterwards: a path of ours.
    pub back: String,
    /// Stripe's id; `None` while it is being made.
    pub session_id: Option<String>,
    /// Where one pays.
    pub url: Option<String>,
    /// Who began it.
    pub started_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Until when one can pay.
    pub expires_at: Timestamp,
    /// Whether it begins with days that cost nothing.
    pub has_trial: bool,
    /// Everything that was wished for, as a digest.
    pub wish: String,
}

/// The payment under way of a subject.
pub async fn find(conn: &mut Conn, subject: &Columns) -> Result<Option<Checkout>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Checkout>(FIND)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .fetch_optional(c).await)?)
}

/// The payments under way of an account, and of the teams of an organization.
pub async fn list_below(conn: &mut Conn, id: Uuid) -> Result<Vec<Checkout>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Checkout>(LIST_BELOW).bind(id).fetch_all(c).await)?)
}

/// The payment for a subscription.
pub async fn find_by_subscription(conn: &mut Conn, id: SubscriptionId) -> Result<Option<Checkout>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Checkout>(FIND_BY_SUBSCRIPTION).bind(id).fetch_optional(c).await)?)
}

/// Takes the place of the payment that was read there before, if any; `false` when another has come since, or a page to pay on
/// that was not there yet: nobody would close it.
pub async fn reserve(conn: &mut Conn, new: &Checkout, before: Option<&Checkout>) -> Result<bool> {
    let reserved = on!(conn, c => sqlx::query_scalar::<_, SubscriptionId>(RESERVE)
        .bind(&new.subject.subject_kind)
        .bind(new.subject.subject_id)
        .bind(new.subject.organization_id)
        .bind(new.subscription_id)
        .bind(&new.price_id)
        .bind(new.seats)
        .bind(&new.back)
        .bind(new.started_by)
        .bind(new.created_at)
        .bind(new.expires_at)
        .bind(before.map(|before| before.subscription_id))
        .bind(before.and_then(|before| before.session_id.as_deref()))
        .bind(new.has_trial)
        .bind(&new.wish)
        .fetch_optional(c).await)?;
    Ok(reserved.is_some())
}

/// Notes where one pays; `false` when another has taken the place.
pub async fn open(
    conn: &mut Conn,
    id: SubscriptionId,
    (session, url): (&str, &str),
    expires_at: Timestamp,
) -> Result<bool> {
    let opened = on!(conn, c => sqlx::query_scalar::<_, SubscriptionId>(OPEN)
        .bind(id)
        .bind(session)
        .bind(url)
        .bind(expires_at)
        .fetch_optional(c).await)?;
    Ok(opened.is_some())
}

/// Forgets a payment that is through, or will never be.
pub async fn close(conn: &mut Conn, session: &str) -> Result<()> {
    on!(conn, c => sqlx::query(CLOSE).bind(session).execute(c).await.map(drop))?;
    Ok(())
}
