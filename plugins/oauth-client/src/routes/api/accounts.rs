//! The linked accounts of the person, and their tokens.

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use belgie_api::{Failure, Result};
use serde_json::json;

use super::bodies::{Chosen, ShownInfo, ShownTokens};
use super::must_be_fresh;
use crate::routes::wire::{read_optional_json, unkept, with_cookies};
use crate::service::{Engine, LinkedAccountInfo};

/// `GET /auth/provider/{provider}/accounts`
pub async fn list(State(engine): State<Arc<Engine>>, Path(id): Path<String>, known: Known) -> Result<Response> {
    let provider = engine.provider(&id)?;
    let accounts = engine.list_of(&provider, known.caller.user().id).await?;
    let accounts: Vec<LinkedAccountInfo> = accounts.into_iter().map(Into::into).collect();
    unkept(&json!({ "accounts": accounts }))
}

/// `POST /auth/provider/{provider}/unlink`
pub async fn unlink(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Known { caller, visitor }: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    must_be_fresh(&visitor)?;
    let provider = engine.provider(&id)?;
    let (user, chosen) = (caller.user().id, read_optional_json::<Chosen>(&headers, &body)?);
    let named = chosen.provider_account_id.or_else(|| engine.last_account(&provider, user, &headers));
    let account = engine.find(&provider, user, named.as_deref()).await?;
    engine.unlink(user, &account, Some(&visitor.info)).await?;
    let jar = engine.cookies();
    let forgotten = provider.settings().store_account_cookie.then(|| jar.clear(&jar.account_name(provider.id())));
    Ok(with_cookies(unkept(&json!({ "status": true }))?, forgotten.flatten()))
}

/// `POST /auth/provider/{provider}/access-token`
pub async fn access_token(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Known { caller, visitor: _ }: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let provider = engine.provider(&id)?;
    let (user, chosen) = (caller.user().id, read_optional_json::<Chosen>(&headers, &body)?);
    let named = chosen.provider_account_id.or_else(|| engine.last_account(&provider, user, &headers));
    let tokens = engine.tokens(&provider, user, named.as_deref(), true).await?;
    unkept(&ShownTokens::of(&tokens, false))
}

/// `POST /auth/provider/{provider}/refresh-token`
pub async fn refresh_token(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Known { caller, visitor: _ }: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let provider = engine.provider(&id)?;
    let (user, chosen) = (caller.user().id, read_optional_json::<Chosen>(&headers, &body)?);
    let named = chosen.provider_account_id.or_else(|| engine.last_account(&provider, user, &headers));
    let tokens = engine.refresh(&provider, user, named.as_deref()).await?;
    unkept(&ShownTokens::of(&tokens, true))
}

/// `GET /auth/provider/{provider}/account-info`
pub async fn info(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Known { caller, visitor: _ }: Known,
    headers: HeaderMap,
    chosen: Result<Query<Chosen>, belgie_api::axum::extract::rejection::QueryRejection>,
) -> Result<Response> {
    let provider = engine.provider(&id)?;
    let unreadable = |_| Failure::bad_request("invalid_request", "The query names something unknown.");
    let (user, Query(chosen)) = (caller.user().id, chosen.map_err(unreadable)?);
    let named = chosen.provider_account_id.or_else(|| engine.last_account(&provider, user, &headers));
    let (provider_account_id, profile) = engine.account_info(&provider, user, named.as_deref()).await?;
    unkept(&ShownInfo { provider: provider.id().to_owned(), provider_account_id, user: profile })
}
