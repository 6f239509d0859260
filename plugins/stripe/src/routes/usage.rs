//! `GET /billing/usage`

use belgie_api::Result;
use belgie_api::axum::extract::{Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use serde::Deserialize;

use super::Service;
use crate::pages::usage;

/// Whose.
#[derive(Deserialize)]
pub struct Asked {
    account_id: Option<String>,
}

/// Shows what an account has used in this period.
pub async fn page(
    State(billing): Service,
    SignedIn { caller, visitor }: SignedIn,
    Query(Asked { account_id }): Query<Asked>,
) -> Result<Response> {
    let account = billing.account(&caller, account_id.as_deref()).await?;
    usage::usage(&billing, &visitor, &caller, &account).await
}
