//! Who has had days that cost nothing.

use belgie_api::db::Conn;
use belgie_api::{Result, SubscriptionId, Timestamp, UserId, on};

use crate::model::subject::Columns;

const NOTE: &str = "INSERT INTO stripe_trials (holder_kind, holder_id, subscription_id, began_at) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (holder_kind, holder_id) DO NOTHING";
const HAS_TRIED: &str = "SELECT EXISTS (SELECT 1 FROM stripe_trials WHERE (holder_kind = $1 AND holder_id = $2) \
    OR (holder_kind = 'user' AND holder_id = $3)) \
    OR EXISTS (SELECT 1 FROM stripe_subscriptions \
    WHERE subject_kind = $1 AND subject_id = $2 AND trial_start IS NOT NULL) \
    OR EXISTS (SELECT 1 FROM stripe_checkouts WHERE started_by = $3 AND has_trial AND expires_at > $4 \
    AND NOT (subject_kind = $1 AND subject_id = $2))";

/// Notes that an account, or a person, has them.
pub async fn note(conn: &mut Conn, holder: &Columns, subscription: SubscriptionId, began: Timestamp) -> Result<()> {
    on!(conn, c => sqlx::query(NOTE)
        .bind(&holder.subject_kind)
        .bind(holder.subject_id)
        .bind(subscription)
        .bind(began)
        .execute(c).await.map(drop))?;
    Ok(())
}

/// Whether an account has had them, or whoever pays for it: for whatever account, or is about to for another.
pub async fn has_tried(conn: &mut Conn, subject: &Columns, payer: UserId, now: Timestamp) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, bool>(HAS_TRIED)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .bind(payer)
        .bind(now)
        .fetch_one(c).await)?)
}
