//! Telling that a part of what is included is used: once in a period.

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::ports::{AuditEntry, BillingSubject, Organizations, Teams};
use belgie_api::text::unlinked;
use belgie_api::{Event, Quota, Result};
use serde_json::{Value, json};

use super::reserve::unsigned;
use crate::model::meter::{Entry, Period, Told, reached};
use crate::model::subject;
use crate::service::{Billing, MANAGE};
use crate::store::meter_calls::OfPlan;
use crate::store::meter_usage;

/// `mail/stripe_quota.txt` and `.html`.
const TEMPLATE: &str = "stripe_quota";

impl Billing {
    /// Tells of every part that is reached and was not told of, in a transaction of its own: the call has succeeded already, and one
    /// that cannot be told now, or not before the process dies, is told with the next call.
    pub(super) async fn alert(&self, entry: &Entry, (quota, period): (&Quota, &Period), of_plan: OfPlan) {
        let used = unsigned(of_plan.stand.used);
        let parts: Vec<u16> = reached(quota, used, of_plan.alerted).collect();
        if parts.is_empty() {
            return;
        }
        if let Err(error) = self.tell_parts(entry, &parts, (quota, period, used)).await {
            tracing::error!(?error, meter.name = entry.place.meter, "nobody was told that a quota is reached");
        }
    }

    /// To whoever listens, on record, in the log, and by mail to those who decide on the plan.
    async fn tell_parts(
        &self,
        entry: &Entry,
        parts: &[u16],
        (quota, period, used): (&Quota, &Period, u64),
    ) -> Result<()> {
        let subject = entry.place.subject.subject()?;
        let (meter, included) = (&entry.place.meter, quota.included);
        let (account, people) = match self.host.mailer().is_available() {
            true => (self.name_of(&subject).await?, self.deciders(&subject).await?),
            false => (None, Vec::new()),
        };
        let title = self.host.plans().meter(meter).map_or_else(|| meter.clone(), |meter| meter.title.clone());
        let says = |percent: u16| {
            json!({
                "site_url": self.host.urls().issuer(),
                "account": account,
                "meter": title,
                "percent": percent,
                "used": used,
                "included": included,
                "limit": quota.limit(),
                "resets_on": period.end.day(),
                "link": self.host.urls().absolute(&format!("/billing/usage?account_id={}", subject::shown(&subject))),
            })
        };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        for percent in parts.iter().copied() {
            // Another call may have told it since.
            if !meter_usage::note_alert(&mut tx, &entry.place, Told::new(included, percent)).await? {
                continue;
            }
            let details = json!({ "meter": meter, "percent": percent, "used": used, "included": included });
            let record = AuditEntry::done("quota.reached")
                .to(subject::shown(&subject))
                .within(subject::organization(&subject))
                .with(details);
            self.host.audit().record(&mut tx, &record).await?;
            self.write_to(&mut tx, &people, &says(percent)).await?;
            tracing::info!(billing.account = %subject::shown(&subject), meter.name = %meter, meter.percent = percent, "a quota is reached");
            tx.emit(Event::QuotaReached { subject, meter: meter.clone(), percent });
        }
        tx.commit(now).await
    }

    async fn write_to(&self, tx: &mut Tx, people: &[UserContext], says: &Value) -> Result<()> {
        for person in people {
            let mail = self.host.pages().letter(&person.email, TEMPLATE, says.clone())?;
            self.host.mailer().enqueue(tx, &mail).await?;
        }
        Ok(())
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
