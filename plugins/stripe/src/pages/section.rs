//! The plan of a person on their account page.

use std::sync::Arc;

use belgie_api::plugin::{AccountSection, Template};
use belgie_api::web::Visitor;
use belgie_api::{Result, Timestamp, async_trait};
use serde_json::json;

use crate::service::Billing;

const SECTION: &str = "stripe/section.html";

/// The template of the section.
pub fn template() -> Template {
    Template {
        name: SECTION,
        source: include_str!("../../templates/section.html"),
        samples: include_str!("../../templates/samples/section.json"),
    }
}

/// Which plan a person has, and where they see what is used of it and cancel it.
pub struct Section(pub Arc<Billing>);

#[async_trait]
impl AccountSection for Section {
    fn id(&self) -> &'static str {
        "plan"
    }

    fn title(&self) -> &'static str {
        "Plan"
    }

    async fn render(&self, visitor: &Visitor) -> Result<String> {
        let Some(caller) = &visitor.caller else { return Ok(String::new()) };
        let standing = self.0.standing(self.0.account(caller, None).await?.subject).await?;
        let plans = self.0.current_plans().await?;
        let title = |name: &str| plans.find(name).map_or_else(|| name.to_owned(), |plan| plan.title.clone());
        let present = standing.context.as_ref();
        let context = json!({
            "plan": present.map(|own| title(&own.plan)),
            "ends_on": present.and_then(|own| own.ends_at).map(Timestamp::day),
            "is_paid": standing.is_subscribed,
        });
        self.0.host().pages().fragment(SECTION, context)
    }
}
