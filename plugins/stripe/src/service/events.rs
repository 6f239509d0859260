//! What Stripe tells us: believed when it is signed, kept before it is looked at, done once.

use std::time::Duration;

use belgie_api::{Failure, Result, Timestamp};
use futures::future::join_all;
use serde::Deserialize;
use serde_json::Value;

use super::Billing;
use crate::model::{refusal, signature};
use crate::store::{self, events::Kept};

/// How often what could not be dealt with is tried again.
pub const EVERY: Duration = Duration::from_secs(30);
/// How many of them at the same time.
const AT_ONCE: usize = 8;
/// For how long somebody who has taken an event may be silent.
const HELD_FOR: Duration = Duration::from_secs(120);
/// Tries before an event is given up: with the pauses between them about three days.
const MOST_TRIES: i64 = 18;
const LONGEST_PAUSE: Duration = Duration::from_secs(8 * 60 * 60);

/// An event, as far as it is looked at.
#[derive(Deserialize)]
struct Told {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: About,
}

#[derive(Deserialize)]
struct About {
    object: Value,
}

/// What came of looking at events once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Done now.
    pub done: usize,
    /// Still not.
    pub failed: usize,
}

impl Replayed {
    fn count(&mut self, is_done: bool) {
        if is_done { self.done += 1 } else { self.failed += 1 }
    }
}

impl Billing {
    /// Takes a webhook. It is kept before anything else is done, so nothing is lost whatever happens next; `true` when it was
    /// told before.
    ///
    /// # Errors
    /// 400 when it is not signed by one of the secrets, not long ago, or is no event. When it cannot be kept; Stripe tells it
    /// again then.
    pub async fn take_webhook(&self, signature: Option<&str>, body: &[u8]) -> Result<bool> {
        let now = self.host.now();
        let header = signature.unwrap_or_default();
        signature::verify(&self.settings.webhook_secrets, header, body, now).map_err(refusal::not_genuine)?;
        let told: Told = serde_json::from_slice(body).map_err(|_| refusal::no_event())?;
        let payload = std::str::from_utf8(body).map_err(|_| refusal::no_event())?;
        let kept = Kept {
            event_id: told.id,
            kind: told.kind,
            // Postgres knows no NUL, and JSON writes it as an escape: none can be in a text that was read as JSON.
            payload: payload.to_owned(),
            received_at: now,
            attempts: 0,
            due_at: Some(now.plus(HELD_FOR)),
            processed_at: None,
            failed_at: None,
            note: None,
        };
        let mut tx = self.host.db().begin().await?;
        let is_new = store::events::reserve(&mut tx, &kept).await?;
        tx.commit(now).await?;
        if is_new {
            // Whatever comes of it is noted; to tell it again would change nothing.
            self.deal_with(&kept).await?;
        }
        Ok(!is_new)
    }

    /// Looks at everything that is due once more, and forgets what was done long ago.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn catch_up(&self) -> Result<()> {
        let begun = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let (kept, failed) = (self.settings.events_kept, self.settings.failed_events_kept);
        store::events::purge(&mut tx, begun.minus(kept), begun.minus(failed)).await?;
        tx.commit(begun).await?;
        loop {
            let now = self.host.now();
            let mut tx = self.host.db().begin().await?;
            // What fails is due after this began, so it is not taken twice here.
            let due = store::events::claim(&mut tx, begun, now.plus(HELD_FOR), AT_ONCE).await?;
            tx.commit(now).await?;
            for outcome in join_all(due.iter().map(|kept| self.deal_with(kept))).await {
                outcome?;
            }
            if due.len() < AT_ONCE {
                return Ok(());
            }
        }
    }

    /// The last events, or of those that were given up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn events(&self, only_failed: bool) -> Result<Vec<Kept>> {
        store::events::list(&mut self.host.db().read().await?, only_failed).await
    }

    /// Looks at one event once more, or at all that were given up.
    ///
    /// # Errors
    /// 404 when there is no such event.
    pub async fn replay(&self, id: Option<&str>) -> Result<Replayed> {
        let mut replayed = Replayed::default();
        if let Some(id) = id {
            let none = || Failure::not_found("stripe.unknown_event", format!("There is no event `{id}`."));
            let found = store::events::find(&mut self.host.db().read().await?, id).await?;
            replayed.count(self.deal_with(&found.ok_or_else(none)?).await?);
            return Ok(replayed);
        }
        // What fails again is behind what was looked at, so this comes to an end.
        let mut after = (Timestamp::EPOCH, String::new());
        loop {
            let mut conn = self.host.db().read().await?;
            let given_up = store::events::list_given_up(&mut conn, (after.0, &after.1)).await?;
            drop(conn);
            let Some(last) = given_up.last() else { return Ok(replayed) };
            after = (last.received_at, last.event_id.clone());
            for kept in &given_up {
                replayed.count(self.deal_with(kept).await?);
            }
        }
    }

    /// Looks at an event and notes what came of it; whether it is done.
    async fn deal_with(&self, kept: &Kept) -> Result<bool> {
        let outcome = self.look_into(kept).await;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let is_done = outcome.is_ok();
        match outcome {
            Ok(note) => store::events::note_done(&mut tx, &kept.event_id, now, note).await?,
            Err(failure) => {
                let cause = failure.private_source().unwrap_or_else(|| failure.message().to_owned());
                tracing::warn!(stripe.event = %kept.event_id, error = ?failure, "an event could not be dealt with");
                let tries = kept.attempts + 1;
                let (due_at, failed_at) = match tries < MOST_TRIES {
                    true => (Some(now.plus(pause_after(tries))), None),
                    false => (None, Some(now)),
                };
                store::events::note_failure(&mut tx, &kept.event_id, due_at, failed_at, &cause).await?;
            }
        }
        tx.commit(now).await?;
        Ok(is_done)
    }

    /// Does what an event is about. It says only what has changed; how things stand now, Stripe is asked.
    async fn look_into(&self, kept: &Kept) -> Result<Option<&'static str>> {
        let told: Told = serde_json::from_str(&kept.payload).map_err(Failure::internal)?;
        let object = &told.data.object;
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let subscription = match told.kind.as_str() {
            "customer.deleted" => {
                let is_ours = match text("/id") {
                    Some(customer) => self.bury_customer(customer).await?,
                    None => false,
                };
                self.tell_event(kept).await?;
                return Ok((!is_ours).then_some("none of ours"));
            }
            kind if kind.starts_with("customer.subscription.") => text("/id"),
            kind if kind.starts_with("checkout.session.") => text("/subscription"),
            // Since version 2025-03-31 an invoice says it under its parent.
            kind if kind.starts_with("invoice.") => {
                text("/parent/subscription_details/subscription").or_else(|| text("/subscription"))
            }
            kind => {
                if kind.starts_with("price.") || kind.starts_with("product.") {
                    self.prices.clear();
                }
                self.tell_event(kept).await?;
                return Ok(Some("nothing to do"));
            }
        };
        let synced = match subscription {
            Some(subscription) => self.sync(subscription).await?,
            None => None,
        };
        let is_over = matches!(told.kind.as_str(), "checkout.session.completed" | "checkout.session.expired");
        if let Some(session) = text("/id").filter(|_| is_over) {
            let mut tx = self.host.db().begin().await?;
            store::checkouts::close(&mut tx, session).await?;
            tx.commit(self.host.now()).await?;
        }
        self.tell_event(kept).await?;
        Ok(synced.is_none().then_some("none of ours"))
    }

    /// Whoever wants to hear of everything does.
    async fn tell_event(&self, kept: &Kept) -> Result<()> {
        let event: Value = serde_json::from_str(&kept.payload).map_err(Failure::internal)?;
        for listener in self.listeners.all() {
            listener.on_event(&event).await?;
        }
        Ok(())
    }
}

/// How long nothing is tried after so many tries.
fn pause_after(tries: i64) -> Duration {
    let doublings = u32::try_from(tries).unwrap_or(u32::MAX).min(16);
    (EVERY * 2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MOST_TRIES, pause_after};

    #[test]
    fn an_event_is_tried_for_three_days() {
        let days = (1..MOST_TRIES).map(pause_after).sum::<Duration>().as_secs_f64() / 86_400.0;
        assert!((3.0..3.3).contains(&days), "{days}");
    }
}
