//! Subscriptions as Stripe described them last.

use belgie_api::db::Conn;
use belgie_api::{Result, SubscriptionId, on};

use crate::model::subject::Columns;
use crate::model::subscription::Subscription;

const NEXT_LOOK: &str = "UPDATE stripe_looks SET seq = seq + 1 WHERE one = 1 RETURNING seq";
const LIST: &str = "SELECT * FROM stripe_subscriptions WHERE subject_kind = $1 AND subject_id = $2 \
    ORDER BY created_at DESC, id DESC";
const FIND_BY_STRIPE_ID: &str = "SELECT * FROM stripe_subscriptions WHERE stripe_id = $1";
const HAS_TRIED: &str = "SELECT EXISTS (SELECT 1 FROM stripe_subscriptions \
    WHERE subject_kind = $1 AND subject_id = $2 AND trial_start IS NOT NULL)";
const SAVE: &str = "INSERT INTO stripe_subscriptions (id, subject_kind, subject_id, organization_id, stripe_id, \
    customer_id, plan, price_id, item_id, pay_interval, status, seats, period_start, period_end, trial_start, trial_end, \
    cancel_at_period_end, cancel_at, canceled_at, ended_at, past_due_since, synced_seq, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24) \
    ON CONFLICT (stripe_id) DO UPDATE SET plan = excluded.plan, price_id = excluded.price_id, \
    item_id = excluded.item_id, pay_interval = excluded.pay_interval, status = excluded.status, seats = excluded.seats, \
    period_start = excluded.period_start, period_end = excluded.period_end, trial_start = excluded.trial_start, \
    trial_end = excluded.trial_end, cancel_at_period_end = excluded.cancel_at_period_end, cancel_at = excluded.cancel_at, \
    canceled_at = excluded.canceled_at, ended_at = excluded.ended_at, \
    past_due_since = CASE WHEN excluded.past_due_since IS NULL THEN NULL \
    ELSE COALESCE(stripe_subscriptions.past_due_since, excluded.past_due_since) END, \
    synced_seq = excluded.synced_seq, updated_at = excluded.updated_at \
    WHERE stripe_subscriptions.synced_seq < excluded.synced_seq RETURNING id";

/// The place of a look at Stripe that begins now: whatever it sees is at least as new as what earlier places have seen, or
/// news of what it missed is still to come.
pub async fn next_look(conn: &mut Conn) -> Result<i64> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, i64>(NEXT_LOOK).fetch_one(c).await)?)
}

/// Every subscription of a subject, the newest first.
pub async fn list(conn: &mut Conn, subject: &Columns) -> Result<Vec<Subscription>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Subscription>(LIST)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .fetch_all(c).await)?)
}

/// The subscription of this id at Stripe.
pub async fn find_by_stripe_id(conn: &mut Conn, stripe_id: &str) -> Result<Option<Subscription>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Subscription>(FIND_BY_STRIPE_ID).bind(stripe_id).fetch_optional(c).await)?)
}

/// Whether a subject has had days that cost nothing.
pub async fn has_tried(conn: &mut Conn, subject: &Columns) -> Result<bool> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, bool>(HAS_TRIED)
        .bind(&subject.subject_kind)
        .bind(subject.subject_id)
        .fetch_one(c).await)?)
}

/// Writes what a look has seen; `false` when a newer one has written already.
pub async fn save(conn: &mut Conn, seen: &Subscription) -> Result<bool> {
    let saved = on!(conn, c => sqlx::query_scalar::<_, SubscriptionId>(SAVE)
        .bind(seen.id)
        .bind(&seen.subject.subject_kind)
        .bind(seen.subject.subject_id)
        .bind(seen.subject.organization_id)
        .bind(&seen.stripe_id)
        .bind(&seen.customer_id)
        .bind(&seen.plan)
        .bind(&seen.price_id)
        .bind(&seen.item_id)
        .bind(&seen.pay_interval)
        .bind(&seen.status)
        .bind(seen.seats)
        .bind(seen.period_start)
        .bind(seen.period_end)
        .bind(seen.trial_start)
        .bind(seen.trial_end)
        .bind(seen.cancel_at_period_end)
        .bind(seen.cancel_at)
        .bind(seen.canceled_at)
        .bind(seen.ended_at)
        .bind(seen.past_due_since)
        .bind(seen.synced_seq)
        .bind(seen.created_at)
        .bind(seen.updated_at)
        .fetch_optional(c).await)?;
    Ok(saved.is_some())
}
