//! Where a browser lands after somebody has paid. Webhooks may come later, so Stripe is asked.

use belgie_api::crypto::{base64url, constant_time_eq, from_base64url, hmac_sha256};
use belgie_api::{Result, SubscriptionId};

use super::Billing;
use crate::model::refusal;
use crate::store;

const KEY: &str = "stripe.landing";
/// How often Stripe is asked, and how long is waited in between.
const LOOKS: u32 = 5;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

impl Billing {
    /// What the address to land on carries: where the browser goes on to, and which payment. Nobody can ask us to look at
    /// one that was not begun here.
    pub(super) fn landing_token(&self, id: SubscriptionId, back: &str) -> String {
        format!("{id}.{}.{}", base64url(back.as_bytes()), base64url(&self.tag(id, back)))
    }

    fn tag(&self, id: SubscriptionId, back: &str) -> [u8; 32] {
        hmac_sha256(&self.host.key(KEY), &[id.uuid().as_bytes(), back.as_bytes()])
    }

    /// What a token says, if it is one of ours.
    fn read_token(&self, token: &str) -> Option<(SubscriptionId, String)> {
        let (id, rest) = token.split_once('.')?;
        let (back, tag) = rest.split_once('.')?;
        let id: SubscriptionId = id.parse().ok()?;
        let back = String::from_utf8(from_base64url(back)?).ok()?;
        constant_time_eq(tag.as_bytes(), base64url(&self.tag(id, &back)).as_bytes()).then_some((id, back))
    }

    /// Looks whether the payment is through; where the browser goes then.
    ///
    /// # Errors
    /// 400 for a token that is none of ours, 409 while the payment is not through.
    pub async fn land(&self, token: &str) -> Result<String> {
        let (id, back) = self.read_token(token).ok_or_else(refusal::bad_link)?;
        for looks_left in (0..LOOKS).rev() {
            let found = store::checkouts::find_by_subscription(&mut self.host.db().read().await?, id).await?;
            // Gone: somebody has landed already or a webhook was faster, and the plan is open.
            let Some(checkout) = found else { return Ok(back) };
            if let Some(session) = &checkout.session_id
                && let Some(subscription) = self.look_at_session(session).await?
            {
                self.settle(session, &subscription).await?;
                return Ok(back);
            }
            if looks_left > 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(refusal::not_final())
    }
}
