//! Pages for people.

use belgie_api::axum::extract::{Form, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::web::form::{Fields, not_taken, said, to, value};
use belgie_api::{Interval, Result};
use serde::Deserialize;

use super::Service;
use super::api::limit;
use crate::lifecycle::Deed;
use crate::model::ask::Ask;
use crate::model::refusal;
use crate::pages;
use crate::service::Wish;

/// The query of the upgrade page.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    ask: String,
}

/// The query of the page to land on.
#[derive(Deserialize)]
pub struct Landing {
    #[serde(default)]
    token: String,
}

/// `GET /auth/subscription/success`
pub async fn land(State(billing): Service, Query(Landing { token }): Query<Landing>) -> Result<Response> {
    // Whoever has no token of ours learns that without Stripe being asked.
    Ok(to(&billing.land(&token).await?))
}

/// `GET /billing/upgrade`
pub async fn page(
    State(billing): Service,
    SignedIn { caller, visitor }: SignedIn,
    Query(Asked { ask: sealed }): Query<Asked>,
) -> Result<Response> {
    let ask = Ask::open(billing.host(), &sealed)?;
    pages::upgrade(&billing, &visitor, &caller, (&ask, &sealed), None).await
}

/// `POST /billing/upgrade`
pub async fn buy(
    State(billing): Service,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let sealed = value(&form, "ask");
    let ask = Ask::open(billing.host(), sealed)?;
    if !ask.is_for(&caller) {
        return pages::upgrade(&billing, &visitor, &caller, (&ask, sealed), None).await;
    }
    let (plan, interval) = value(&form, "choice").split_once('.').unwrap_or_default();
    let interval = Interval::of(interval).ok_or_else(refusal::unknown_plan)?;
    limit(&billing, &caller).await?;
    let id = ask.account_id();
    let account = billing.account_to_manage(&caller, Some(&id), Deed::Upgrade).await?;
    let back = format!("/billing/upgrade?ask={sealed}");
    let wish = Wish {
        plan: plan.to_owned(),
        interval,
        seats: None,
        subscription: None,
        at_period_end: false,
        success_url: back.clone(),
        cancel_url: back.clone(),
        return_url: back,
        locale: None,
        metadata: std::collections::BTreeMap::new(),
    };
    match billing.upgrade(&caller, &visitor.info, &account, &wish).await {
        Ok(bought) => Ok(to(&bought.url)),
        Err(failure) => {
            let error = said(failure)?;
            pages::upgrade(&billing, &visitor, &caller, (&ask, sealed), Some(&error)).await.map(not_taken)
        }
    }
}
