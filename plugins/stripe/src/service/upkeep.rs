//! What is done beside the requests: telling what has ended by itself, asking about what nobody tells of, and telling Stripe
//! what has changed here.

use std::time::Duration;

use belgie_api::ports::{AuditEntry, BillingSubject, Organizations, Teams};
use belgie_api::{Event, Plan, Result, Timestamp};
use futures::future::join_all;
use serde_json::json;

use super::line::Line;
use super::{Account, Billing};
use crate::client::{self, Customer, Form};
use crate::model::subject::{self, Columns};
use crate::model::subscription::Subscription;
use crate::store;
use crate::store::chores::Chore;
use crate::store::subscriptions::Stale;

/// How often is looked for what has ended by itself, so that everybody hears of it within a second.
pub const TURNS_EVERY: Duration = Duration::from_millis(250);
/// How often is looked for what is to be told to Stripe.
pub const CHORES_EVERY: Duration = Duration::from_secs(1);
/// How often Stripe is asked about what nobody tells of.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Name and address of a customer.
pub(super) const CUSTOMER: &str = "customer";
/// The page to pay on of an account that is gone.
pub(super) const CLOSE: &str = "close";
/// What was planned and has come true.
pub(super) const SCHEDULE: &str = "schedule";
/// How many seats are paid.
pub(super) const SEATS: &str = "seats";
/// Seats and extras of a plan that was reached without them.
pub(super) const LINES: &str = "lines";
/// What a plan charges by use, where a subscription to it lacks that.
pub(super) const METERED: &str = "metered";

/// How many subscriptions are looked at again in one round.
const LOOKS_A_ROUND: i64 = 40;
/// How many at the same time.
const AT_ONCE: usize = 4;
/// Webhooks come within minutes of the end of a period.
const NEWS_TAKE: Duration = Duration::from_secs(10 * 60);
/// However things stand, nothing is believed for longer without asking.
const OLDEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long somebody who does a chore may be silent.
const HELD_FOR: Duration = Duration::from_secs(60);
/// Tries before a chore is given up: with the pauses between them about a day.
const MOST_TRIES: i64 = 33;
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

impl Billing {
    /// Tells everybody whose plan opens less from now on, though nothing has happened: its period is over, or the time after
    /// a failed payment. Whoever comes first of many nodes tells it, once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tell_turns(&self) -> Result<()> {
        let now = self.host.now();
        // Most of the time there is none, and nobody need write to find that out.
        let turning = store::subscriptions::list_turning(&mut self.host.db().read().await?, now).await?;
        for one in turning {
            let mut tx = self.host.db().begin().await?;
            if store::subscriptions::turn(&mut tx, &one, one.next_turn(now, self.settings.lapse())).await? {
                let subject = one.subject()?;
                let entry = AuditEntry::done("subscription.lapsed")
                    .to(subject::shown(&subject))
                    .within(subject::organization(&subject));
                let opening = one.opening(now, self.settings.lapse()).map(|opening| format!("{opening:?}"));
                let entry = entry.with(json!({ "plan": one.plan, "status": one.status, "open": opening }));
                self.host.audit().record(&mut tx, &entry).await?;
                tx.emit(Event::SubscriptionChanged { subject });
            }
            tx.commit(now).await?;
        }
        Ok(())
    }

    /// Asks Stripe about subscriptions of which it should have told something and has not, and about those that were not
    /// looked at for a day. Some at a time: the longest not looked at come first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_again(&self) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let stale = Stale {
            now,
            before: now.minus(OLDEST),
            ended_checked_before: now.minus(NEWS_TAKE),
            ended_before: now.minus(NEWS_TAKE),
            most: LOOKS_A_ROUND,
        };
        let claimed = store::subscriptions::claim_stale(&mut tx, stale).await?;
        tx.commit(now).await?;
        for some in claimed.chunks(AT_ONCE) {
            for (id, outcome) in some.iter().zip(join_all(some.iter().map(|id| self.sync(id))).await) {
                match outcome {
                    Ok(Some(_)) => {}
                    Ok(None) => {
                        tracing::warn!(stripe.subscription = %id, "this subscription belongs to no customer of ours");
                    }
                    Err(failure) => tracing::warn!(stripe.subscription = %id, error = ?failure, "a look has failed"),
                }
            }
        }
        Ok(())
    }

    /// Tells Stripe what has changed here.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn do_chores(&self) -> Result<()> {
        let now = self.host.now();
        if !store::chores::is_any_due(&mut self.host.db().read().await?, now).await? {
            return Ok(());
        }
        let mut tx = self.host.db().begin().await?;
        let claimed = store::chores::claim(&mut tx, now, now.plus(HELD_FOR), 32).await?;
        tx.commit(now).await?;
        for chore in claimed {
            let outcome = self.do_chore(&chore).await;
            let now = self.host.now();
            let mut tx = self.host.db().begin().await?;
            match outcome {
                Ok(()) => store::chores::done(&mut tx, &chore).await?,
                Err(failure) if chore.attempts >= MOST_TRIES => {
                    tracing::error!(chore = %chore.chore, error = ?failure, "Stripe is not told: given up");
                    store::chores::done(&mut tx, &chore).await?;
                }
                Err(failure) => {
                    tracing::warn!(chore = %chore.chore, error = ?failure, "Stripe could not be told: later again");
                    store::chores::postpone(&mut tx, &chore, now.plus(pause_after(chore.attempts))).await?;
                }
            }
            tx.commit(now).await?;
        }
        Ok(())
    }

    async fn do_chore(&self, chore: &Chore) -> Result<()> {
        let subject = chore.subject.subject()?;
        match chore.chore.as_str() {
            CUSTOMER => self.tell_customer(&chore.subject, subject).await,
            SEATS => self.tell_seats(&chore.subject, subject).await,
            SCHEDULE => self.end_schedules(&chore.subject).await,
            CLOSE => self.close_for_good(&chore.subject, subject).await,
            LINES => self.add_lines(&chore.subject, &[Line::Seat, Line::Extra]).await,
            METERED => self.add_lines(&chore.subject, &[Line::Metered]).await,
            _ => Ok(()),
        }
    }

    /// Name and address of a customer become those of the account.
    async fn tell_customer(&self, columns: &Columns, subject: BillingSubject) -> Result<()> {
        let known = store::customers::find(&mut self.host.db().read().await?, columns).await?;
        let form = match subject {
            BillingSubject::User { user } => {
                let Some(user) = self.host.accounts().find(user).await? else { return Ok(()) };
                let name = if user.name.is_empty() { &user.email } else { &user.name };
                if known.is_none() && self.settings.customer_on_sign_up {
                    let account = Account { subject, name: name.clone(), may_manage: true };
                    let email = Some(&user.email).filter(|_| user.email_verified).map(String::as_str);
                    return self.make_customer(&account, email).await.map(drop);
                }
                Form::new().with("name", name).with_some("email", Some(&user.email).filter(|_| user.email_verified))
            }
            BillingSubject::Organization { .. } | BillingSubject::Team { .. } => {
                let Some(size) = self.size_of(subject).await? else { return Ok(()) };
                Form::new().with("name", size.name)
            }
        };
        let Some(customer) = known else { return Ok(()) };
        let path = format!("v1/customers/{customer}");
        match self.stripe.post::<Customer>(&path, &form, &self.random_key("customer-told")).await {
            Ok(_) => Ok(()),
            // There is nobody to be told: whoever buys again is another customer.
            Err(refused) if refused.is_gone() && self.retire_customer(columns, &customer).await? => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }

    /// As many seats are paid as there are members, where the plan says so.
    async fn tell_seats(&self, columns: &Columns, subject: BillingSubject) -> Result<()> {
        let plans = self.current_plans().await?;
        let all = store::subscriptions::list(&mut self.host.db().read().await?, columns).await?;
        for one in all.iter().filter(|one| one.goes_on()) {
            let Some(plan) = plans.find(&one.plan).filter(|plan| plan.sale.seats_from_members) else { continue };
            let seats = self.members(subject).await?;
            if plan.sale.seat.is_some() && one.seat_item_id.is_none() {
                // The plan's own item is no item of seats: a plan would be paid as often as there are members.
                self.add_lines_of(one, plan, seats, &[Line::Seat]).await?;
            } else if one.seats != Some(seats) {
                self.set_seats(one, plan, seats).await?;
                self.sync(&one.stripe_id).await?;
            }
        }
        Ok(())
    }

    async fn set_seats(&self, one: &Subscription, plan: &Plan, seats: i64) -> Result<()> {
        let item = one.seat_item_id.as_ref().unwrap_or(&one.item_id);
        let form = Form::new()
            .with("items[0][id]", item)
            .with("items[0][quantity]", seats)
            .with("proration_behavior", super::change::word_of(plan.sale.proration));
        let path = format!("v1/subscriptions/{}", one.stripe_id);
        let _told: client::Subscription = self.stripe.post(&path, &form, &self.random_key("seats")).await?;
        Ok(())
    }

    /// How many are in an organization or a team; a person is one.
    pub(super) async fn members(&self, subject: BillingSubject) -> Result<i64> {
        Ok(self.size_of(subject).await?.map_or(1, |size| size.members.max(1)))
    }

    pub(super) async fn size_of(&self, subject: BillingSubject) -> Result<Option<belgie_api::ports::Size>> {
        match subject {
            BillingSubject::User { .. } => Ok(None),
            BillingSubject::Organization { organization } => match self.host.provided::<Organizations>() {
                Some(known) => known.0.size(organization).await,
                None => Ok(None),
            },
            BillingSubject::Team { organization, team } => match self.host.provided::<Teams>() {
                Some(known) => known.0.size(organization, team).await,
                None => Ok(None),
            },
        }
    }

    /// A key under which something is done once, however often the request has to be sent.
    pub(super) fn random_key(&self, what: &str) -> String {
        let mut random = [0_u8; 16];
        self.host.entropy().fill(&mut random);
        format!("{what}-{}", belgie_api::crypto::base64url(&random))
    }

    /// Notes that Stripe is to be told something about an account.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn note_chore(&self, subject: BillingSubject, chore: &str) -> Result<()> {
        let now: Timestamp = self.host.now();
        let mut tx = self.host.db().begin().await?;
        store::chores::add(&mut tx, &Columns::from(subject), chore, now).await?;
        tx.commit(now).await
    }
}

/// How long a chore waits after so many tries.
fn pause_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(12);
    (Duration::from_secs(5) * 2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MOST_TRIES, pause_after};

    #[test]
    fn a_chore_is_tried_for_a_day() {
        let hours = (1..MOST_TRIES).map(pause_after).sum::<Duration>().as_secs_f64() / 3_600.0;
        assert!((24.0..25.0).contains(&hours), "{hours}");
    }
}
