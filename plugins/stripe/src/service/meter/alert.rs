//! Telling that a part of what is included is used: once in a period. It is noted before the call that may reach it runs, so
//! whoever dies after that call was charged has not taken it along, and told on the side.

use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::ports::{AuditEntry, BillingSubject, Mail, Organizations, Teams};
use belgie_api::text::unlinked;
use belgie_api::{Event, Quota, Result};
use serde_json::json;

use super::reserve::Wanted;
use crate::model::meter::{Noted, reached, signed, units_of, unsigned};
use crate::model::subject;
use crate::service::{Billing, MANAGE};
use crate::store::meter_alerts::{self, Owed, Part};
use crate::store::meter_usage::{self, OfPlan};

/// How often is looked for what is to be told.
pub const ALERTS_EVERY: Duration = Duration::from_secs(1);
/// `mail/stripe_quota.txt` and `.html`.
const TEMPLATE: &str = "stripe_quota";
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

impl Billing {
    /// Notes what is to be told once the units that are set aside are used. Most of the time that is nothing.
    pub(super) async fn note_alerts(&self, wanted: &Wanted<'_>, of_plan: OfPlan) -> Result<()> {
        let Wanted { entry, plan, quota, period, .. } = wanted;
        let taken = unsigned(of_plan.stand.used + of_plan.stand.reserved);
        let parts: Vec<u16> = reached(quota, taken, of_plan.noted).collect();
        let Some(largest) = parts.last() else { return Ok(()) };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        for percent in &parts {
            let part = Part {
                included: signed(quota.included),
                percent: i64::from(*percent),
                units: signed(units_of(quota.included, *percent)),
                plan,
                period_end: period.end,
            };
            meter_alerts::note(&mut tx, &entry.place, part, now).await?;
        }
        meter_usage::note(&mut tx, &entry.place, Noted::new(quota.included, *largest)).await?;
        tx.commit(now).await
    }

    /// Tells whatever is reached and was not told.
    ///
    /// # Errors
    /// When the database does not answer. What cannot be told is tried again later.
    pub async fn tell_alerts(&self) -> Result<()> {
        let owed = meter_alerts::list_reached(&mut self.host.db().read().await?, self.host.now()).await?;
        for one in &owed {
            if let Err(error) = self.tell_alert(one).await {
                tracing::error!(
                    ?error,
                    meter.name = one.meter,
                    "nobody could be told that a quota is reached: later again"
                );
                let now = self.host.now();
                let doubled = u32::try_from(one.attempts).unwrap_or(u32::MAX).min(12);
                let pause = Duration::from_secs(5) * 2_u32.saturating_pow(doubled);
                let mut tx = self.host.db().begin().await?;
                meter_alerts::postpone(&mut tx, one, now.plus(pause.min(LONGEST_PAUSE))).await?;
                tx.commit(now).await?;
            }
        }
        Ok(())
    }

    /// To whoever listens, on record, in the log, and by mail to those who decide on the plan. Letters are written before the
    /// transaction, which touches nothing that calls are counted on.
    async fn tell_alert(&self, owed: &Owed) -> Result<()> {
        let subject = owed.subject.subject()?;
        // Of a period that is over nobody is to do anything any more.
        let letters = if owed.period_end <= self.host.now() {
            Vec::new()
        } else {
            let Some(quota) = self.find_quota(subject, owed).await? else { return self.forget_alert(owed).await };
            self.letters(subject, owed, &quota).await?
        };
        let percent = u16::try_from(owed.percent).unwrap_or(u16::MAX);
        let (meter, used, included) = (&owed.meter, unsigned(owed.used), unsigned(owed.included));
        let details = json!({ "meter": meter, "percent": percent, "used": used, "included": included });
        let record = AuditEntry::done("quota.reached")
            .to(subject::shown(&subject))
            .within(subject::organization(&subject))
            .with(details);
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        if !meter_alerts::consume(&mut tx, owed, now).await? {
            return Ok(());
        }
        self.host.audit().record(&mut tx, &record).await?;
        for letter in &letters {
            self.host.mailer().enqueue(&mut tx, letter).await?;
        }
        tx.emit(Event::QuotaReached { subject, meter: meter.clone(), percent });
        tx.commit(now).await?;
        tracing::info!(billing.account = %subject::shown(&subject), meter.name = %meter, meter.percent = percent, "a quota is reached");
        Ok(())
    }

    /// What the present plan says, if it still includes as much as was noted.
    async fn find_quota(&self, subject: BillingSubject, owed: &Owed) -> Result<Option<Quota>> {
        let Some(context) = self.context_of(&[subject]).await? else { return Ok(None) };
        let plans = self.current_plans().await?;
        let quota = plans.find(&context.plan).and_then(|plan| plan.quotas.get(&owed.meter));
        Ok(quota.filter(|quota| signed(quota.included) == owed.included).cloned())
    }

    /// Another plan includes something else, and what was noted of this one is noted again should it come back.
    async fn forget_alert(&self, owed: &Owed) -> Result<()> {
        let mut tx = self.host.db().begin().await?;
        meter_alerts::drop_untold(&mut tx, owed).await?;
        meter_usage::forget_noted(&mut tx, &owed.place(), owed.included).await?;
        tx.commit(self.host.now()).await
    }

    /// To each of those who decide on the plan. One that cannot be written keeps nobody else's away.
    async fn letters(&self, subject: BillingSubject, owed: &Owed, quota: &Quota) -> Result<Vec<Mail>> {
        if !self.host.mailer().is_available() {
            return Ok(Vec::new());
        }
        let account = self.name_of(&subject).await?;
        let plans = self.current_plans().await?;
        let says = json!({
            "site_url": self.host.urls().issuer(),
            "account": account,
            "meter": plans.meter(&owed.meter).map_or_else(|| owed.meter.clone(), |meter| meter.title.clone()),
            "percent": owed.percent,
            "used": owed.used,
            "included": owed.included,
            "limit": quota.limit(),
            "resets_on": owed.period_end.day(),
            "link": self.host.urls().absolute(&format!("/billing/usage?account_id={}", subject::shown(&subject))),
        });
        let mut letters = Vec::new();
        for person in self.deciders(&subject).await? {
            match self.host.pages().letter(&person.email, TEMPLATE, says.clone()) {
                Ok(letter) => letters.push(letter),
                Err(error) => tracing::error!(?error, user.id = %person.id, "a letter about a quota cannot be written"),
            }
        }
        Ok(letters)
    }

    /// Those who decide on the plan of an account and have proven that they read mail.
    async fn deciders(&self, subject: &BillingSubject) -> Result<Vec<UserContext>> {
        let ids = match (subject, self.host.provided::<Organizations>()) {
            (BillingSubject::User { user }, _) => [*user].into(),
            (
                BillingSubject::Organization { organization } | BillingSubject::Team { organization, .. },
                Some(known),
            ) => known.0.list_permitted(*organization, MANAGE).await?,
            (_, None) => return Ok(Vec::new()),
        };
        let mut people = Vec::new();
        for id in ids {
            people.extend(self.host.accounts().find(id).await?.filter(|person| person.email_verified));
        }
        Ok(people)
    }

    /// What people call an account that is not a person's own.
    async fn name_of(&self, subject: &BillingSubject) -> Result<Option<String>> {
        let size = match subject {
            BillingSubject::User { .. } => None,
            BillingSubject::Organization { organization } => match self.host.provided::<Organizations>() {
                Some(known) => known.0.size(*organization).await?,
                None => None,
            },
            BillingSubject::Team { organization, team } => match self.host.provided::<Teams>() {
                Some(known) => known.0.size(*organization, *team).await?,
                None => None,
            },
        };
        Ok(size.map(|size| unlinked(&size.name)))
    }
}
