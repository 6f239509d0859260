//! Buying a plan: a page of Stripe's, on which one pays.

use std::collections::BTreeMap;
use std::time::Duration;

use belgie_api::crypto::{base64url, sha256};
use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Failure, Interval, Plan, PriceName, Result, SubscriptionId, Timestamp};
use serde_json::json;

use super::{Account, Billing};
use crate::client::{CheckoutSession, Customer, Form, List, Price};
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
    /// Whether Stripe takes such metadata: of its fifty names two are ours.
    fn has_good_metadata(&self) -> bool {
        let is_good = |(name, value): (&String, &String)| {
            let is_name = (1..=40).contains(&name.chars().count()) && !name.contains(['[', ']']);
            is_name && value.chars().count() <= 500
        };
        self.metadata.len() <= 48 && self.metadata.iter().all(is_good)
    }

    /// For how many, as far as that can be asked for.
    pub(super) fn seats(&self) -> Option<i64> {
        self.seats.map(|seats| i64::from(seats.clamp(1, MOST_SEATS)))
    }
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
        let plan = self.buyable(&wish.plan)?;
        if self.settings.requires_verified_email && !caller.user().email_verified {
            return Err(refusal::unproven());
        }
        for address in [&wish.success_url, &wish.cancel_url, &wish.return_url] {
            return_to::local(self.host.urls(), address)?;
        }
        if !wish.has_good_metadata() {
            return Err(refusal::not_taken("metadata"));
        }
        let price = self.price(plan, wish.interval).await?;
        if let Some(present) = self.going_on(account).await?.first() {
            return self.change(present, &price, wish).await;
        }
        self.check_out(caller, info, account, (plan, &price), wish).await
    }

    /// The id of a price: what the plan says, or what its key leads to now.
    async fn price(&self, plan: &Plan, interval: Interval) -> Result<String> {
        match plan.price(interval).ok_or_else(|| refusal::no_price(interval.word()))? {
            PriceName::Id(id) => Ok(id.clone()),
            PriceName::LookupKey(key) => {
                let query = Form::new().with("lookup_keys[]", key).with("active", true).with("limit", 1);
                let found: List<Price> = self.stripe.get("v1/prices", &query).await?;
                let none = || Failure::internal(format!("no price at Stripe has the lookup key `{key}`"));
                found.data.into_iter().next().map(|price| price.id).ok_or_else(none)
            }
        }
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
        let back = return_to::local(self.host.urls(), &wish.success_url)?;
        let now = self.host.now();
        let seats = wish.seats().unwrap_or(1);
        let before = store::checkouts::find(&mut self.host.db().read().await?, &columns).await?;
        if let Some(before) = &before {
            let is_the_same = before.price_id == price && before.seats == seats && before.back == back;
            let is_good = before.expires_at > now.plus(STILL_GOOD_FOR);
            match (&before.session_id, &before.url) {
                (Some(_), Some(url)) if is_the_same && is_good => return Ok(Bought { url: url.clone() }),
                (Some(session), _) => self.expire(account, session).await?,
                (None, _) => {}
            }
        }
        let customer = self.customer(caller, account).await?;
        let new = Checkout {
            subject: columns.clone(),
            subscription_id: SubscriptionId::new(self.host.clock(), self.host.entropy()),
            price_id: price.to_owned(),
            seats,
            back: back.clone(),
            session_id: None,
            url: None,
            started_by: caller.user().id,
            created_at: now,
            expires_at: now.plus(OPEN_FOR),
        };
        let mut tx = self.host.db().begin().await?;
        // Since these were read Stripe was asked, and others were not waiting: nothing of theirs is overwritten.
        let is_free = store::checkouts::reserve(&mut tx, &new, before.as_ref()).await?;
        let all = store::subscriptions::list(&mut tx, &columns).await?;
        if !is_free || all.iter().any(Subscription::goes_on) {
            return Err(refusal::overtaken());
        }
        let has_tried = store::subscriptions::has_tried(&mut tx, &columns).await?;
        let entry = AuditEntry::done("subscription.checkout").by(caller).during(info);
        let entry = entry.to(subject::shown(&account.subject)).within(subject::organization(&account.subject));
        let details = json!({ "plan": plan.name, "interval": wish.interval.word(), "seats": seats });
        self.host.audit().record(&mut tx, &entry.with(details)).await?;
        tx.commit(now).await?;

        let trial = plan.trial_days.filter(|_| !has_tried);
        let form = self.session_form(&new, &customer, wish, trial)?;
        let key = format!("checkout-{}", new.subscription_id);
        let session: CheckoutSession = self.stripe.post("v1/checkout/sessions", &form, &key).await?;
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

    fn session_form(&self, new: &Checkout, customer: &str, wish: &Wish, trial: Option<u16>) -> Result<Form> {
        let urls = self.host.urls();
        let token = self.landing_token(new.subscription_id, &new.back);
        let local = return_to::local(urls, &wish.cancel_url)?;
        let mut form = Form::new()
            .with("mode", "subscription")
            .with("customer", customer)
            .with("client_reference_id", new.subscription_id)
            .with("line_items[0][price]", &new.price_id)
            .with("line_items[0][quantity]", new.seats)
            .with("success_url", urls.absolute(&format!("/auth/subscription/success?token={token}")))
            .with("cancel_url", urls.absolute(&local))
            .with_some("locale", wish.locale.as_deref())
            .with_some("subscription_data[trial_period_days]", trial);
        // Ours last: of two values of one name Stripe takes the later.
        let theirs = wish.metadata.iter().filter(|(name, _)| !name.starts_with(OWN_METADATA));
        let own = [
            ("belgie_subscription".to_owned(), new.subscription_id.to_string()),
            ("belgie_account".to_owned(), subject::shown(&new.subject.subject()?)),
        ];
        for (name, value) in theirs.map(|(name, value)| (name.clone(), value.clone())).chain(own) {
            form = form.with(format!("subscription_data[metadata][{name}]"), &value);
            form = form.with(format!("metadata[{name}]"), value);
        }
        Ok(form)
    }

    /// The customer of an account. One is only ever found by the account it was made for, never by an address: whoever wrote
    /// it on an account here need not be who pays under it there.
    async fn customer(&self, caller: &Caller, account: &Account) -> Result<String> {
        let columns = Columns::from(account.subject);
        if let Some(known) = store::customers::find(&mut self.host.db().read().await?, &columns).await? {
            return Ok(known);
        }
        let user = caller.user();
        let id = subject::shown(&account.subject);
        let form = Form::new()
            .with("name", &account.name)
            .with_some("email", Some(&user.email).filter(|_| user.email_verified))
            .with("metadata[belgie_account]", &id);
        // Stripe wants the same words under the same key, and the words differ with whoever asks. Of two people who ask at the
        // same moment each makes one; the first that is noted is it, and nobody ever pays as the other.
        let key = format!("customer-{id}-{}", base64url(&sha256(form.encode().as_bytes())));
        let made: Customer = self.stripe.post("v1/customers", &form, &key).await?;
        let mut tx = self.host.db().begin().await?;
        store::customers::insert(&mut tx, &columns, &made.id, self.host.now()).await?;
        let noted = store::customers::find(&mut tx, &columns).await?;
        tx.commit(self.host.now()).await?;
        Ok(noted.unwrap_or(made.id))
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

    /// What goes on for an account, the newest first.
    pub(super) async fn going_on(&self, account: &Account) -> Result<Vec<Subscription>> {
        let mut conn = self.host.db().read().await?;
        let all = store::subscriptions::list(&mut conn, &Columns::from(account.subject)).await?;
        Ok(all.into_iter().filter(Subscription::goes_on).collect())
    }
}
