//! Another plan in place of the present one: Stripe shows what it costs, and the person confirms. What opens nothing is paid first.

use belgie_api::Result;

use super::{Billing, Bought, Wish};
use crate::client::{Form, PortalSession};
use crate::model::subscription::Subscription;
use crate::model::{refusal, return_to};

impl Billing {
    pub(super) async fn change(&self, present: &Subscription, price: &str, wish: &Wish) -> Result<Bought> {
        if !present.is_open(self.host.now(), self.settings.grace) {
            // What it lacks is a payment: another plan in its place would not open either.
            let form = self.portal_form(&present.customer_id, &wish.return_url, wish.locale.as_deref())?;
            return Ok(Bought { url: self.portal(&form).await?.url });
        }
        let seats = wish.seats().or(present.seats);
        if present.price_id == price && present.seats == seats && !present.cancel_at_period_end {
            return Err(refusal::already_subscribed());
        }
        let back = return_to::local(self.host.urls(), &wish.return_url)?;
        let flow = "flow_data[subscription_update_confirm]";
        let form = Form::new()
            .with("customer", &present.customer_id)
            .with("return_url", self.host.urls().absolute(&back))
            .with_some("locale", wish.locale.as_deref())
            .with("flow_data[type]", "subscription_update_confirm")
            .with(format!("{flow}[subscription]"), &present.stripe_id)
            .with(format!("{flow}[items][0][id]"), &present.item_id)
            .with(format!("{flow}[items][0][price]"), price)
            .with_some(&format!("{flow}[items][0][quantity]"), seats)
            .with("flow_data[after_completion][type]", "redirect")
            .with("flow_data[after_completion][redirect][return_url]", self.host.urls().absolute(&back));
        let page: PortalSession = self.portal(&form).await?;
        Ok(Bought { url: page.url })
    }
}
