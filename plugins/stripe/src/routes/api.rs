//! JSON for programs and scripts of our own pages.

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Query, State};
use belgie_api::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use belgie_api::axum::response::{IntoResponse, Response};
use belgie_api::ports::LimitBucket;
use belgie_api::web::Known;
use belgie_api::web::json::{read_json, unkept};
use belgie_api::{Caller, Failure, Result};
use serde_json::json;

use super::Service;
use super::bodies::{Act, Listing, Upgrade};
use crate::lifecycle::Deed;
use crate::service::{Billing, Bought};

/// The longest body, in KiB.
const LONGEST: usize = 16;

/// Each of these asks Stripe, which has limits of its own that all share.
pub(super) async fn limit(billing: &Billing, caller: &Caller) -> Result<()> {
    billing.host().limits().take(LimitBucket::Billing, &caller.user().id.to_string()).await
}

/// Sends the browser there, or says where it would go.
fn on_to(bought: &Bought, disable_redirect: bool) -> Result<Response> {
    if disable_redirect {
        return unkept(&json!({ "url": bought.url, "redirect": false }));
    }
    let location = HeaderValue::from_str(&bought.url).map_err(Failure::internal)?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::FOUND, headers).into_response())
}

/// `POST /auth/subscription/upgrade`
pub async fn upgrade(State(billing): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let asked: Upgrade = read_json(&headers, &body, LONGEST)?;
    limit(&billing, &known.caller).await?;
    let account = billing.account_to_manage(&known.caller, asked.account_id.as_deref(), Deed::Upgrade).await?;
    let bought = billing.upgrade(&known.caller, &known.visitor.info, &account, &asked.wish()).await?;
    on_to(&bought, asked.disable_redirect)
}

/// `GET /auth/subscription/list`
pub async fn list(State(billing): Service, known: Known, Query(asked): Query<Listing>) -> Result<Response> {
    limit(&billing, &known.caller).await?;
    let account = billing.account_to_manage(&known.caller, asked.account_id.as_deref(), Deed::List).await?;
    unkept(&billing.list(account.subject, asked.active_only).await?)
}

/// `POST /auth/subscription/cancel`
pub async fn cancel(State(billing): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let asked: Act = read_json(&headers, &body, LONGEST)?;
    limit(&billing, &known.caller).await?;
    let account = billing.account_to_manage(&known.caller, asked.account_id.as_deref(), Deed::Cancel).await?;
    let id = asked.subscription_id.as_deref();
    let page = billing.cancel(&account, id, &asked.return_url, asked.locale.as_deref()).await?;
    on_to(&page, asked.disable_redirect)
}

/// `POST /auth/subscription/restore`
pub async fn restore(State(billing): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let asked: Act = read_json(&headers, &body, LONGEST)?;
    limit(&billing, &known.caller).await?;
    let account = billing.account_to_manage(&known.caller, asked.account_id.as_deref(), Deed::Restore).await?;
    let id = asked.subscription_id.as_deref();
    unkept(&billing.restore(&known.caller, &known.visitor.info, &account, id).await?)
}

/// `POST /auth/subscription/billing-portal`
pub async fn portal(State(billing): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let asked: Act = read_json(&headers, &body, LONGEST)?;
    limit(&billing, &known.caller).await?;
    let account = billing.account_to_manage(&known.caller, asked.account_id.as_deref(), Deed::Portal).await?;
    let page = billing.billing_portal(&account, &asked.return_url, asked.locale.as_deref()).await?;
    on_to(&page, asked.disable_redirect)
}

/// `GET /auth/subscription/export`
pub async fn export(State(billing): Service, known: Known, Query(asked): Query<Listing>) -> Result<Response> {
    limit(&billing, &known.caller).await?;
    let account = billing.account_to_manage(&known.caller, asked.account_id.as_deref(), Deed::List).await?;
    unkept(&billing.export(account.subject).await?)
}
