//! What an account has used, and the end of what it pays for.

use belgie_api::Result;
use belgie_api::axum::extract::{Form, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::web::form::{Fields, not_taken, said, to, value};
use serde::Deserialize;

use super::Service;
use super::api::limit;
use crate::lifecycle::Deed;
use crate::pages::usage;

/// Whose.
#[derive(Deserialize)]
pub struct Asked {
    account_id: Option<String>,
}

/// `GET /billing/usage`
pub async fn page(
    State(billing): Service,
    SignedIn { caller, visitor }: SignedIn,
    Query(Asked { account_id }): Query<Asked>,
) -> Result<Response> {
    let account = billing.account(&caller, account_id.as_deref()).await?;
    usage::usage(&billing, &visitor, &caller, &account, None).await
}

/// `POST /billing/cancel`: to the portal, which shows what ends and asks.
pub async fn cancel(
    State(billing): Service,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<Fields>,
) -> Result<Response> {
    limit(&billing, &caller).await?;
    let id = value(&form, "account_id");
    let account = billing.account_to_manage(&caller, Some(id), Deed::Cancel).await?;
    match billing.cancel(&account, None, &back(id), None).await {
        Ok(page) => Ok(to(&page.url)),
        Err(failure) => {
            let error = said(failure)?;
            usage::usage(&billing, &visitor, &caller, &account, Some(&error)).await.map(not_taken)
        }
    }
}

/// `POST /billing/restore`
pub async fn restore(
    State(billing): Service,
    SignedIn { caller, visitor }: SignedIn,
    Form(form): Form<Fields>,
) -> Result<Response> {
    limit(&billing, &caller).await?;
    let id = value(&form, "account_id");
    let account = billing.account_to_manage(&caller, Some(id), Deed::Restore).await?;
    match billing.restore(&caller, &visitor.info, &account, None).await {
        Ok(_) => Ok(to(&back(id))),
        Err(failure) => {
            let error = said(failure)?;
            usage::usage(&billing, &visitor, &caller, &account, Some(&error)).await.map(not_taken)
        }
    }
}

/// The page again. An id that is none of an account was refused before.
fn back(id: &str) -> String {
    format!("/billing/usage?account_id={id}")
}
