//! Telling Stripe what was used: at least once under an identifier of ours, which Stripe counts once.

use std::time::Duration;

use belgie_api::{Failure, MeteredId, Result, Timestamp};
use futures::future::join_all;
use serde::Deserialize;

use crate::client::{Form, Refused};
use crate::service::Billing;
use crate::store::meter_calls::Call;
use crate::store::{customers, meter_calls};

/// How often.
pub const REPORT_EVERY: Duration = Duration::from_secs(2);
/// How many at the same time.
const AT_ONCE: usize = 16;
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// Stripe takes what is up to 35 days old and up to 5 minutes ahead (API reference, `billing.meter_event`, `timestamp`). An
/// hour and a minute less, since its clock is another.
const OLDEST: Duration = Duration::from_secs(35 * 24 * 60 * 60 - 60 * 60);
const AHEAD: Duration = Duration::from_secs(4 * 60);
/// It knows an identifier for 24 hours at least (the same, `identifier`). Told again later, what it has heard would count twice.
const SURE_FOR: Duration = Duration::from_secs(23 * 60 * 60);

/// What came of telling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Calls that Stripe has heard of now.
    pub told: usize,
    /// Those that are tried again later.
    pub later: usize,
    /// Those that were given up.
    pub given_up: usize,
}

/// What became of one.
enum Fate {
    Told(Option<&'static str>),
    Later { due: Timestamp, is_unsure: bool, note: String },
    GivenUp(&'static str),
}

/// What Stripe answers.
#[derive(Deserialize)]
struct Heard {
    identifier: String,
}

impl Billing {
    /// Tells Stripe everything that is due.
    ///
    /// # Errors
    /// When the database does not answer. What Stripe does not take is tried again.
    pub async fn report_usage(&self) -> Result<Reported> {
        let begun = self.host.now();
        let mut reported = Reported::default();
        loop {
            let now = self.host.now();
            let mut tx = self.host.db().begin().await?;
            let due = meter_calls::claim(&mut tx, begun, now, now.plus(2 * self.settings.lease()), AT_ONCE).await?;
            tx.commit(now).await?;
            let claimed_at = now;
            let fates = join_all(due.iter().map(|call| self.tell(call))).await;
            let now = self.host.now();
            let mut tx = self.host.db().begin().await?;
            for (call, fate) in due.iter().zip(fates) {
                match fate? {
                    Fate::Told(note) => {
                        reported.told += 1;
                        meter_calls::note_sent(&mut tx, call.id, now, note).await?;
                    }
                    Fate::Later { due, is_unsure, note } => {
                        reported.later += 1;
                        // What was unsure before stays so; of a try that was refused it is known that it counted nothing.
                        let is_old = call.unsure_since.is_some_and(|since| since < claimed_at);
                        let unsure = call.unsure_since.filter(|_| is_unsure || is_old);
                        meter_calls::note_later(&mut tx, call.id, due, unsure, &note).await?;
                    }
                    Fate::GivenUp(why) => {
                        reported.given_up += 1;
                        tracing::error!(meter.call = %call.id, why, "Stripe is not told of a call any more");
                        meter_calls::give_up(&mut tx, call.id, now, why).await?;
                    }
                }
            }
            tx.commit(now).await?;
            if due.len() < AT_ONCE {
                return Ok(reported);
            }
        }
    }

    /// Lets calls that were given up be told once more: one, or all. How many.
    ///
    /// # Errors
    /// 404 when there is no such call, or it was not given up.
    pub async fn report_again(&self, id: Option<MeteredId>) -> Result<usize> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let count = match id {
            Some(id) => usize::from(meter_calls::tell_again(&mut tx, id, now).await?),
            None => meter_calls::tell_all_again(&mut tx, now).await?,
        };
        tx.commit(now).await?;
        match id {
            Some(id) if count == 0 => {
                Err(Failure::not_found("usage.not_given_up", format!("No call `{id}` was given up.")))
            }
            _ => Ok(count),
        }
    }

    async fn tell(&self, call: &Call) -> Result<Fate> {
        let now = self.host.now();
        if now.since(call.reserved_at) > OLDEST {
            return Ok(Fate::GivenUp("too old: Stripe takes nothing that is older than 35 days"));
        }
        if call.unsure_since.is_some_and(|since| now.since(since) > SURE_FOR) {
            return Ok(Fate::GivenUp("unsure: Stripe may have heard it, and no longer knows its identifier"));
        }
        if call.reserved_at.since(now) > AHEAD {
            let note = "ahead of time".to_owned();
            return Ok(Fate::Later { due: call.reserved_at, is_unsure: false, note });
        }
        let customer = customers::find(&mut self.host.db().read().await?, &call.subject).await?;
        let later = |is_unsure: bool, note: String| {
            let doublings = u32::try_from(call.attempts).unwrap_or(u32::MAX).min(16);
            let pause = (REPORT_EVERY * 2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE);
            Fate::Later { due: now.plus(pause), is_unsure, note }
        };
        let (Some(customer), Some(event_name)) = (customer, &call.event_name) else {
            return Ok(later(false, "there is no customer to tell of".to_owned()));
        };
        let identifier = call.id.to_string();
        let form = Form::new()
            .with("event_name", event_name)
            .with("payload[stripe_customer_id]", customer)
            .with("payload[value]", call.units)
            .with("identifier", &identifier)
            .with("timestamp", call.reserved_at.unix_seconds());
        // Stripe answers the same key the same way, its own errors too, so each try has a key of its own.
        let key = format!("{identifier}.{}", call.attempts);
        Ok(match self.stripe.post::<Heard>("v1/billing/meter_events", &form, &key).await {
            Ok(heard) if heard.identifier == identifier => Fate::Told(None),
            Ok(_) => later(true, "Stripe answered about another call".to_owned()),
            Err(refused) if was_heard(&refused) => Fate::Told(Some("it was told before")),
            Err(refused) => {
                tracing::warn!(meter.call = %call.id, error = %refused, "Stripe did not take a call");
                later(refused.is_unsure(), refused.to_string())
            }
        })
    }
}

/// Whether Stripe says that it has heard an event of this identifier.
fn was_heard(refused: &Refused) -> bool {
    let Refused::Answer { status: 400, code, message, .. } = refused else { return false };
    code == "duplicate_meter_event" || message.starts_with("An event already exists with identifier")
}
