//! Buying a plan: a page of Stripe's, on which one pays.

use std::collections::BTreeMap;
use std::time::Duration;

use belgie_api::crypto::{base64url, sha256};
use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Failure, Interval, Plan, Plans, Result, SubscriptionId, Timestamp};
use serde_json::json;

use super::lines::Priced;
use super::plans::buyable;
use super::sync::PAYER;
use super::{Account, Billing};
use crate::client::{CheckoutSession, Form, Refused};
use crate::model::subject::{self, Columns};
use crate::model::subscription::Subscription;
use crate::model::{refusal, return_to};
use crate::store::{self, checkouts::Checkout};

/// What Stripe takes a page to be good for when nobody says otherwise.
const OPEN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// A page that is good for less than this is not shown again.
const STILL_GOOD_FOR: Duration = Duration::from_secs(5 * 60);
/// The most seats that can be asked for.
pub const MOST_SEATS: u32 = 10_000;
/// Metadata of ours. Whoever buys cannot set any that begins like this.
pub(super) const OWN_METADATA: &str = "belgie_";

/// What somebody wants to buy.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The plan's name.
    pub plan: String,
    /// How often it is paid.
    pub interval: Interval,
    /// For how many.
    pub seats: Option<u32>,
    /// Which subscription is to be changed, ours or Stripe's id; without one it is that which opens most.
    pub subscription: Option<String>,
    /// Whether another plan comes with the next period, and not at once.
    pub at_period_end: bool,
    /// Where the browser goes once it is paid: a path of ours.
    pub success_url: String,
    /// Where it goes if it is not.
    pub cancel_url: String,
    /// Where it goes after a change of plan.
    pub return_url: String,
    /// In which language Stripe speaks.
    pub locale: Option<String>,
    /// What is to be written on the subscription.
    pub metadata: BTreeMap<String, String>,
}

impl Wish {
    /// Whether Stripe takes such metadata: of its fifty names three are ours.
    fn has_good_metadata(&self) -> bool {
        let is_good = |(name, value): (&String, &String)| {
            let is_name = (1..=40).contains(&name.chars().count()) && !name.contains(['[', ']']);
            is_name && value.chars().count() <= 500
        };
        self.metadata.len() <= 47 && self.metadata.iter().all(is_good)
    }

    /// For how many, as far as that can be asked for.
    pub(super) fn seats(&self) -> Option<i64> {
        self.seats.map(|seats| i64::from(seats.clamp(1, MOST_SEATS)))
    }
}

/// What a page to pay on is made of.
struct Offer {
    customer: String,
    back: String,
    seats: i64,
    lines: Vec<Priced>,
    /// What listeners add to it.
    details: Vec<Vec<(String, String)>>,
}

/// Where a purchase goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// The address of Stripe's page.
    pub url: String,
}

impl Billing {
    /// Begins to buy a plan, or to change to it.
    ///
    /// # Errors
    /// 404 for a plan that cannot be bought; 400 when it is the present one, has no such price, the address of the person is
    /// not proven though that is asked for, an address to come back to is not ours, or Stripe takes no such metadata or
    /// language; 409 when somebody else has just begun.
    pub async fn upgrade(&self, caller: &Caller, info: &RequestInfo, account: &Account, wish: &Wish) -> Result<Bought> {
        let plans = self.current_plans().await?;
        let plan = buyable(&plans, &wish.plan)?;
        if self.settings.requires_verified_email && !caller.user().email_verified {
            return Err(refusal::unproven());
        }
        for address in [&wish.success_url, &wish.cancel_url, &wish.return_url] {
            return_to::local(self.host.urls(), address)?;
        }
        if !wish.has_good_metadata() {
            return Err(refusal::not_taken("metadata"));
        }
        let name = plan.price(wish.interval).ok_or_else(|| refusal::no_price(wish.interval.word()))?;
        let price = self.price_id(name).await?;
        let all = self.going_on(account).await?;
        if let Some(present) = self.meant_to_change(&plans, &all, wish)? {
            return self.change(caller, account, present, (plan, &price), wish).await;
        }
        self.check_out(caller, info, account, (plan, &price), wish).await
    }

    async fn check_out(
        &self,
        caller: &Caller,
        info: &RequestInfo,
        account: &Account,
        (plan, price): (&Plan, &str),
        wish: &Wish,
    ) -> Result<Bought> {
        let columns = Columns::from(account.subject);
        let now = self.host.now();
        let offer = self.offer(caller, account, (plan, price), wish).await?;
        let wished = self.digest(caller, plan, wish, &offer)?;
        let before = store::checkouts::find(&mut self.host.db().read().await?, &columns).await?;
        if let Some(before) = &before {
            let is_good = before.wish == wished && before.expires_at > now.plus(STILL_GOOD_FOR);
            match (&before.session_id, &before.url) {
                (Some(_), Some(url)) if is_good => {
                    // Somebody is about to be sent there once more, and things may have changed.
                    let mut tx = self.host.db().begin().await?;
                    for listener in self.listeners.all() {
                        listener.before_checkout(&mut tx, account, plan).await?;
                    }
                    tx.commit(now).await?;
                    return Ok(Bought { url: url.clone() });
                }
                (Some(session), _) => self.expire(account, session).await?,
                (None, _) => {}
            }
        }
        let new = Checkout {
            subject: columns,
            subscription_id: SubscriptionId::new(self.host.clock(), self.host.entropy()),
            price_id: price.to_owned(),
            seats: offer.seats,
            back: offer.back.clone(),
            session_id: None,
            url: None,
            started_by: caller.user().id,
            created_at: now,
            expires_at: now.plus(OPEN_FOR),
            has_trial: false,
            wish: wished,
        };
        let new = self.begin(caller, info, account, (plan, wish), (new, before.as_ref())).await?;
        let session = self.open_page(caller, account, (plan, wish), &new, offer).await?;
        let url = session.url.ok_or_else(|| Failure::internal("a new page to pay on has no address"))?;
        let until = Timestamp::from_unix_seconds(session.expires_at);
        let mut tx = self.host.db().begin().await?;
        let is_ours = store::checkouts::open(&mut tx, new.subscription_id, (&session.id, &url), until).await?;
        tx.commit(now).await?;
        if !is_ours {
            self.expire(account, &session.id).await?;
            return Err(refusal::overtaken());
        }
        Ok(Bought { url })
    }

    /// Gathers what a page is made of.
    async fn offer(
        &self,
        caller: &Caller,
        account: &Account,
        (plan, price): (&Plan, &str),
        wish: &Wish,
    ) -> Result<Offer> {
        let back = return_to::local(self.host.urls(), &wish.success_url)?;
        let seats = match plan.sale.seats_from_members {
            true => self.members(account.subject).await?,
            false => wish.seats().unwrap_or(1),
        };
        let customer = self.customer(caller, account).await?;
        let lines = self.lines(plan, price, seats).await?;
        let mut details = Vec::new();
        for listener in self.listeners.all() {
            details.push(listener.checkout_details(account, plan).await?);
        }
        Ok(Offer { customer, back, seats, lines, details })
    }

    /// Everything that was wished for, and by whom. A page is shown again to whoever wishes the same, and to nobody else: it says who
    /// pays, what is written on the subscription, and where one goes from it.
    fn digest(&self, caller: &Caller, plan: &Plan, wish: &Wish, offer: &Offer) -> Result<String> {
        let cancel = return_to::local(self.host.urls(), &wish.cancel_url)?;
        let lines: Vec<_> = offer.lines.iter().map(|(price, line, many)| (price, line.word(), many)).collect();
        let all = json!([
            caller.user().id,
            plan.name,
            plan.trial_days,
            offer.customer,
            offer.back,
            cancel,
            lines,
            offer.details,
            wish.locale,
            wish.metadata,
        ]);
        Ok(base64url(&sha256(all.to_string().as_bytes())))
    }

    /// Takes the place of the payment under way that was read before, on record.
    async fn begin(
        &self,
        caller: &Caller,
        info: &RequestInfo,
        account: &Account,
        (plan, wish): (&Plan, &Wish),
        (new, before): (Checkout, Option<&Checkout>),
    ) -> Result<Checkout> {
        let (now, user) = (new.created_at, caller.user().id);
        let mut tx = self.host.db().begin().await?;
        let has_trial = match plan.trial_days {
            Some(_) => {
                // Whoever asks for several accounts at once waits here, on their own row, until the one before is written: it counts.
                self.host.accounts().hold(&mut tx, user).await?;
                !store::trials::has_tried(&mut tx, &new.subject, user, now).await?
            }
            None => false,
        };
        let new = Checkout { has_trial, ..new };
        // Since these were read Stripe was asked, and others were not waiting: nothing of theirs is overwritten.
        let is_free = store::checkouts::reserve(&mut tx, &new, before).await?;
        let all = store::subscriptions::list(&mut tx, &new.subject).await?;
        if !is_free || all.iter().any(Subscription::goes_on) {
            return Err(refusal::overtaken());
        }
        for listener in self.listeners.all() {
            listener.before_checkout(&mut tx, account, plan).await?;
        }
        let entry = AuditEntry::done("subscription.checkout").by(caller).during(info);
        let entry = entry.to(subject::shown(&account.subject)).within(subject::organization(&account.subject));
        let details = json!({ "plan": plan.name, "interval": wish.interval.word(), "seats": new.seats });
        self.host.audit().record(&mut tx, &entry.with(details)).await?;
        tx.commit(now).await?;
        Ok(new)
    }

    /// Has Stripe make the page. A customer that was deleted there is made anew.
    async fn open_page(
        &self,
        caller: &Caller,
        account: &Account,
        (plan, wish): (&Plan, &Wish),
        new: &Checkout,
        offer: Offer,
    ) -> Result<CheckoutSession> {
        let trial = plan.trial_days.filter(|_| new.has_trial);
        let form = |customer: &str| -> Result<Form> {
            let form = self.session_form(new, customer, wish, (&offer.lines, trial))?;
            Ok(offer.details.iter().fold(form, |form, details| form.with_others(details.clone())))
        };
        let ask = async |customer: &str, key: String| -> Result<Result<CheckoutSession, Refused>> {
            Ok(self.stripe.post("v1/checkout/sessions", &form(customer)?, &key).await)
        };
        match ask(&offer.customer, format!("checkout-{}", new.subscription_id)).await? {
            Ok(session) => Ok(session),
            Err(refused)
                if refused.lacks("customer") && self.retire_customer(&new.subject, &offer.customer).await? =>
            {
                let customer = self.customer(caller, account).await?;
                Ok(ask(&customer, format!("checkout-{}-{customer}", new.subscription_id)).await??)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    fn session_form(
        &self,
        new: &Checkout,
        customer: &str,
        wish: &Wish,
        (lines, trial): (&[Priced], Option<u16>),
    ) -> Result<Form> {
        let urls = self.host.urls();
        let token = self.landing_token(new.subscription_id, &new.back);
        let local = return_to::local(urls, &wish.cancel_url)?;
        let mut form = Form::new()
            .with("mode", "subscription")
            .with("customer", customer)
            .with("client_reference_id", new.subscription_id)
            .with("success_url", urls.absolute(&format!("/auth/subscription/success?token={token}")))
            .with("cancel_url", urls.absolute(&local))
            .with_some("locale", wish.locale.as_deref())
            .with_some("subscription_data[trial_period_days]", trial);
        for (at, (price, _, quantity)) in lines.iter().enumerate() {
            form = form.with(format!("line_items[{at}][price]"), price);
            form = form.with_some(&format!("line_items[{at}][quantity]"), quantity.as_ref());
        }
        // Ours last: of two values of one name Stripe takes the later.
        let theirs = wish.metadata.iter().filter(|(name, _)| !name.starts_with(OWN_METADATA));
        let own = [
            ("belgie_subscription".to_owned(), new.subscription_id.to_string()),
            ("belgie_account".to_owned(), subject::shown(&new.subject.subject()?)),
            (PAYER.to_owned(), new.started_by.to_string()),
        ];
        for (name, value) in theirs.map(|(name, value)| (name.clone(), value.clone())).chain(own) {
            form = form.with(format!("subscription_data[metadata][{name}]"), &value);
            form = form.with(format!("metadata[{name}]"), value);
        }
        Ok(form)
    }

    /// Closes a page on which nobody is to pay any more.
    ///
    /// # Errors
    /// 400 when somebody has paid there, and what they pay for goes on.
    async fn expire(&self, account: &Account, session: &str) -> Result<()> {
        let path = format!("v1/checkout/sessions/{session}/expire");
        let gone: Result<CheckoutSession, _> =
            self.stripe.post(&path, &Form::new(), &format!("expire-{session}")).await;
        match gone {
            Ok(_) => Ok(()),
            Err(refused) if refused.is_final() => {
                if let Some(subscription) = self.look_at_session(session).await? {
                    self.settle(session, &subscription).await?;
                    if !self.going_on(account).await?.is_empty() {
                        return Err(refusal::already_subscribed());
                    }
                }
                Ok(())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Writes down what came of a page on which somebody has paid. It is no payment under way any more.
    pub(super) async fn settle(&self, session: &str, subscription: &str) -> Result<()> {
        self.sync(subscription).await?;
        let mut tx = self.host.db().begin().await?;
        store::checkouts::close(&mut tx, session).await?;
        tx.commit(self.host.now()).await
    }

    /// The subscription that came of a page, if somebody has paid there.
    pub(super) async fn look_at_session(&self, session: &str) -> Result<Option<String>> {
        let path = format!("v1/checkout/sessions/{session}");
        let seen: Result<CheckoutSession, _> = self.stripe.get(&path, &Form::new()).await;
        match seen {
            Ok(seen) => Ok(seen.subscription.filter(|_| seen.status.as_deref() == Some("complete"))),
            Err(refused) if refused.is_missing() => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Which of those that go on is changed to another plan. Where several do, one that is this plan already is left alone.
    fn meant_to_change<'a>(
        &self,
        plans: &Plans,
        all: &'a [Subscription],
        wish: &Wish,
    ) -> Result<Option<&'a Subscription>> {
        if let Some(id) = &wish.subscription {
            let is_meant = |one: &&Subscription| one.stripe_id == *id || one.id.to_string() == *id;
            return all.iter().find(is_meant).map(Some).ok_or_else(refusal::no_subscription);
        }
        let foremost = self.foremost(plans, all);
        let is_had = |one: &Subscription| one.plan == wish.plan && one.is_open(self.host.now(), self.settings.lapse());
        if all.len() > 1 && foremost.is_some_and(|first| first.plan != wish.plan) && all.iter().any(is_had) {
            return Err(refusal::already_subscribed());
        }
        Ok(foremost)
    }

    /// What goes on for an account, the newest first.
    pub(super) async fn going_on(&self, account: &Account) -> Result<Vec<Subscription>> {
        let mut conn = self.host.db().read().await?;
        let all = store::subscriptions::list(&mut conn, &Columns::from(account.subject)).await?;
        Ok(all.into_iter().filter(Subscription::goes_on).collect())
    }
}
