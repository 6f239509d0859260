//! Subscriptions as Stripe described them last.

use belgie_api::db::Conn;
use belgie_api::{Result, SubscriptionId, Timestamp, on};
use uuid::Uuid;

use crate::model::subject::Columns;
use crate::model::subscription::Subscription;

const NEXT_LOOK: &str = "UPDATE stripe_looks SET seq = seq + 1 WHERE one = 1 RETURNING seq";
const LIST: &str = "SELECT * FROM stripe_subscriptions WHERE subject_kind = $1 AND subject_id = $2 \
    ORDER BY created_at DESC, id DESC";
const FIND_BY_STRIPE_ID: &str = "SELECT * FROM stripe_subscriptions WHERE stripe_id = $1";
const LIST_BELOW: &str = "SELECT * FROM stripe_subscriptions WHERE subject_id = $1 OR organization_id = $1 \
    ORDER BY created_at DESC, id DESC";
const LIST_TURNING: &str = "SELECT * FROM stripe_subscriptions WHERE turns_at <= $1 ORDER BY turns_at LIMIT 64";
const TURN: &str = "UPDATE stripe_subscriptions SET turns_at = $3 WHERE id = $1 AND turns_at = $2 RETURNING id";
const PLAN_CHANGE: &str = "UPDATE stripe_subscriptions SET scheduled_plan = $2 WHERE stripe_id = $1";
const CLAIM_STALE: &str = "UPDATE stripe_subscriptions SET checked_at = $1 WHERE id IN ( \
    SELECT id FROM stripe_subscriptions \
    WHERE status IN ('active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete') \
    AND (checked_at <= $2 OR (checked_at <= $3 AND (period_end <= $4 OR cancel_at <= $4))) \
    ORDER BY checked_at, id LIMIT $5) AND checked_at <= $3 RETURNING stripe_id";
const SAVE: &str = "INSERT INTO stripe_subscriptions (id, subject_kind, subject_id, organization_id, stripe_id, \
    customer_id, plan, price_id, item_id, pay_interval, status, seats, period_start, period_end, trial_start, trial_end, \
    cancel_at_period_end, cancel_at, canceled_at, ended_at, past_due_since, synced_seq, created_at, updated_at, \
    item_count, seat_item_id, schedule_id, turns_at, checked_at, counted_from) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, \
    $25, $26, $27, $28, $24, $29) \
    ON CONFLICT (stripe_id) DO UPDATE SET plan = excluded.plan, price_id = excluded.price_id, \
    item_id = excluded.item_id, pay_interval = excluded.pay_interval, status = excluded.status, seats = excluded.seats, \
    period_start = excluded.period_start, period_end = excluded.period_end, trial_start = excluded.trial_start, \
    trial_end = excluded.trial_end, cancel_at_period_end = excluded.cancel_at_period_end, cancel_at = excluded.cancel_at, \
    canceled_at = excluded.canceled_at, ended_at = excluded.ended_at, \
    past_due_since = CASE WHEN excluded.past_due_since IS NULL THEN NULL \
    ELSE COALESCE(stripe_subscriptions.past_due_since, excluded.past_due_since) END, \
    synced_seq = excluded.synced_seq, updated_at = excluded.updated_at, item_count = excluded.item_count, \
    seat_item_id = excluded.seat_item_id, schedule_id = excluded.schedule_id, turns_at = excluded.turns_at, \
    checked_at = excluded.checked_at, \
    counted_from = excluded.counted_from, \
    scheduled_plan = CASE WHEN excluded.schedule_id IS NULL \
    OR excluded.period_start >= stripe_subscriptions.period_end THEN NULL ELSE stripe_subscriptions.scheduled_plan END \
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

/// Every subscription of an account, and of the teams of an organization.
pub async fn list_below(conn: &mut Conn, id: Uuid) -> Result<Vec<Subscription>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Subscription>(LIST_BELOW).bind(id).fetch_all(c).await)?)
}

/// Subscriptions that open less from some moment before this one on, which nobody has told yet.
pub async fn list_turning(conn: &mut Conn, now: Timestamp) -> Result<Vec<Subscription>> {
    Ok(on!(conn, c => sqlx::query_as::<_, Subscription>(LIST_TURNING).bind(now).fetch_all(c).await)?)
}

/// Notes that such a moment is told, and when the next one is; `false` when somebody else has.
pub async fn turn(conn: &mut Conn, one: &Subscription, next: Option<Timestamp>) -> Result<bool> {
    let turned = on!(conn, c => sqlx::query_scalar::<_, SubscriptionId>(TURN)
        .bind(one.id)
        .bind(one.turns_at)
        .bind(next)
        .fetch_optional(c).await)?;
    Ok(turned.is_some())
}

/// Notes which plan comes with the next period.
pub async fn plan_change(conn: &mut Conn, stripe_id: &str, plan: &str) -> Result<()> {
    on!(conn, c => sqlx::query(PLAN_CHANGE).bind(stripe_id).bind(plan).execute(c).await.map(drop))?;
    Ok(())
}

/// When a subscription is looked at again without any news.
#[derive(Clone, Copy, Debug)]
pub struct Stale {
    /// Now: noted as when it was last looked at, whatever comes of it.
    pub now: Timestamp,
    /// Whoever was last looked at before this, is.
    pub before: Timestamp,
    /// So is whoever was last looked at before this, and whose period ended ...
    pub ended_checked_before: Timestamp,
    /// ... before this.
    pub ended_before: Timestamp,
    /// At most so many.
    pub most: i64,
}

/// Takes those that are to be looked at again, the longest not looked at first; Stripe's ids.
pub async fn claim_stale(conn: &mut Conn, stale: Stale) -> Result<Vec<String>> {
    Ok(on!(conn, c => sqlx::query_scalar::<_, String>(CLAIM_STALE)
        .bind(stale.now)
        .bind(stale.before)
        .bind(stale.ended_checked_before)
        .bind(stale.ended_before)
        .bind(stale.most)
        .fetch_all(c).await)?)
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
        .bind(seen.item_count)
        .bind(&seen.seat_item_id)
        .bind(&seen.schedule_id)
        .bind(seen.turns_at)
        .bind(seen.counted_from)
        .fetch_optional(c).await)?;
    Ok(saved.is_some())
}
