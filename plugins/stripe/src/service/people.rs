//! What the rest of the host asks about what people pay, and what it tells us of them.

use std::sync::Arc;

use belgie_api::db::Tx;
use belgie_api::hooks::{Act, Observer, Veto};
use belgie_api::plugin::DataExport;
use belgie_api::ports::BillingSubject;
use belgie_api::{Event, Result, UserId, async_trait};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Billing;
use super::upkeep::{CLOSE, CUSTOMER, SEATS};
use crate::model::refusal;
use crate::model::subject::{self, Columns};
use crate::model::subscription::Subscription;
use crate::store;
use crate::store::meter_calls::Call;

/// Payments as the rest of the host knows them.
pub struct People(pub Arc<Billing>);

/// Nobody goes for whom somebody still pays: Stripe would go on taking the money, and nobody could see it here.
#[async_trait]
impl Veto for People {
    fn name(&self) -> &'static str {
        "stripe.still_paid"
    }

    async fn check(&self, tx: &mut Tx, act: Act<'_>) -> Result<()> {
        let (id, what) = match act {
            Act::Delete { user } => (user.id.uuid(), "account"),
            Act::DeleteOrganization { organization } => (organization.uuid(), "organization, or of a team of it,"),
            Act::DeleteTeam { team, .. } => (team.uuid(), "team"),
            _ => return Ok(()),
        };
        let all = store::subscriptions::list_below(tx, id).await?;
        if all.iter().any(Subscription::goes_on) {
            return Err(refusal::still_paid(what));
        }
        // Nobody is to pay any more on a page that is still open.
        let now = self.0.host.now();
        for under_way in store::checkouts::list_below(tx, id).await? {
            store::chores::add(tx, &under_way.subject, CLOSE, now).await?;
        }
        Ok(())
    }
}

/// Stripe is told later: whoever waits for it here would keep everybody else from hearing the news.
#[async_trait]
impl Observer for People {
    fn name(&self) -> &'static str {
        "stripe.people"
    }

    async fn observe(&self, event: &Event) -> Result<()> {
        match event {
            Event::UserCreated { user } if self.0.settings.customer_on_sign_up => {
                self.0.note_chore(BillingSubject::User { user: *user }, CUSTOMER).await
            }
            Event::UserChanged { user } => self.0.note_for_customers(user.uuid(), CUSTOMER).await,
            Event::OrganizationChanged { organization } => {
                self.0.note_for_customers(organization.uuid(), CUSTOMER).await
            }
            Event::MembershipChanged { organization, .. } => {
                self.0.note_for_customers(organization.uuid(), SEATS).await
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl DataExport for People {
    fn id(&self) -> &'static str {
        "stripe"
    }

    async fn export(&self, user: UserId) -> Result<Value> {
        let mut all = self.0.export(BillingSubject::User { user }).await?;
        if let Some(fields) = all.as_object_mut() {
            fields.insert("counted_calls".to_owned(), self.0.export_calls(user).await?);
        }
        Ok(all)
    }
}

impl Billing {
    async fn note_for_customers(&self, id: Uuid, chore: &str) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        store::chores::add_for_customers(&mut tx, id, chore, now).await?;
        tx.commit(now).await
    }

    /// The calls of a person that were counted, whoever pays for them: the last 10,000, and the sum of all that are kept.
    async fn export_calls(&self, user: UserId) -> Result<Value> {
        let mut conn = self.host.db().read().await?;
        let (sum, last) = store::meter_calls::of_user(&mut conn, user).await?;
        let describe = |call: &Call| -> Result<Value> {
            Ok(json!({
                "id": call.id,
                "account_id": subject::shown(&call.subject.subject()?),
                "meter": call.meter,
                "name": call.name,
                "client_id": call.client_id,
                "units": call.units,
                "called_at": call.reserved_at,
                "charged_at": call.committed_at,
            }))
        };
        let last = last.iter().map(describe).collect::<Result<Vec<_>>>()?;
        Ok(json!({ "calls": sum.calls, "units": sum.units, "last": last }))
    }

    /// Everything kept about what an account pays; of an organization, its teams as well.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn export(&self, subject: BillingSubject) -> Result<Value> {
        let columns = Columns::from(subject);
        let plans = self.current_plans().await?;
        let mut conn = self.host.db().read().await?;
        let customer = store::customers::find(&mut conn, &columns).await?;
        let former = store::customers::list_former(&mut conn, &columns).await?;
        let all = store::subscriptions::list_below(&mut conn, columns.subject_id).await?;
        let under_way = store::checkouts::find(&mut conn, &columns).await?;
        let describe = |one: &Subscription| -> Result<Value> {
            let mut shown =
                serde_json::to_value(one.shown(plans.find(&one.plan))?).map_err(belgie_api::Failure::internal)?;
            if let Some(fields) = shown.as_object_mut() {
                fields.insert("stripe_id".to_owned(), json!(one.stripe_id));
                fields.insert("customer_id".to_owned(), json!(one.customer_id));
            }
            Ok(shown)
        };
        Ok(json!({
            "customer": customer,
            "former_customers": former,
            "subscriptions": all.iter().map(describe).collect::<Result<Vec<_>>>()?,
            "payment_under_way": under_way.map(|one| json!({
                "price": one.price_id, "seats": one.seats, "created_at": one.created_at, "expires_at": one.expires_at,
            })),
        }))
    }
}
