//! The linked accounts of the person, and their tokens.

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::Known;
use belgie_api::{Failure, Result, UserId};
use serde_json::json;

use super::bodies::{Chosen, ShownInfo, ShownTokens};
use super::must_be_fresh;
use crate::provider::Provider;
use crate::routes::wire::{read_optional_json, unkept, with_cookies};
use crate::service::{Engine, LinkedAccountInfo};

/// `GET /auth/provider/{provider}/accounts`
pub async fn list(State(engine): State<Arc<Engine>>, Path(id): Path<String>, known: Known) -> Result<Response> {
    let provider = engine.provider(&id)?;
    let accounts = engine.list_of(&provider, known.caller.user().id).await?;
    let accounts: Vec<LinkedAccountInfo> = accounts.into_iter().map(Into::into).collect();
    unkept(&json!({ "accounts": accounts }))
}

/// The account a call is about: the one it names, else the one used last with this browser.
async fn meant(
    engine: &Engine,
    provider: &Provider,
    Known { caller, visitor: _ }: &Known,
    headers: &HeaderMap,
    chosen: Chosen,
) -> Result<Option<String>> {
    match chosen.provider_account_id {
        Some(named) => Ok(Some(named)),
        None => engine.last_account(provider, caller.user().id, headers).await,
    }
}

/// What is done at a provider in the name of a person is not done without end. It is for that person alone: this room does
/// not count the session an operator wears.
async fn admit(engine: &Engine, Known { caller, visitor: _ }: &Known) -> Result<UserId> {
    let user = caller.user().id;
    engine.host().limits().take(LimitBucket::Token, &user.to_string()).await?;
    Ok(user)
}

/// `POST /auth/provider/{provider}/unlink`
pub async fn unlink(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    must_be_fresh(&known.visitor)?;
    let (provider, user) = (engine.provider(&id)?, known.caller.user().id);
    let chosen = read_optional_json::<Chosen>(&headers, &body)?;
    let named = meant(&engine, &provider, &known, &headers, chosen).await?;
    let account = engine.find(&provider, user, named.as_deref()).await?;
    engine.unlink(user, &account, Some((&known.caller, &known.visitor.info))).await?;
    Ok(with_cookies(unkept(&json!({ "status": true }))?, engine.forget_account(provider.id(), &headers)))
}

/// `POST /auth/provider/{provider}/access-token`
pub async fn access_token(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let (provider, user) = (engine.provider(&id)?, admit(&engine, &known).await?);
    let chosen = read_optional_json::<Chosen>(&headers, &body)?;
    let named = meant(&engine, &provider, &known, &headers, chosen).await?;
    let tokens = engine.tokens(&provider, user, named.as_deref(), true).await?;
    unkept(&ShownTokens::of(&tokens, false))
}

/// `POST /auth/provider/{provider}/refresh-token`. A refresh token outlives the session, so it is shown in a fresh one only.
pub async fn refresh_token(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let (provider, user) = (engine.provider(&id)?, admit(&engine, &known).await?);
    must_be_fresh(&known.visitor)?;
    let chosen = read_optional_json::<Chosen>(&headers, &body)?;
    let named = meant(&engine, &provider, &known, &headers, chosen).await?;
    let tokens = engine.refresh(&provider, user, named.as_deref()).await?;
    unkept(&ShownTokens::of(&tokens, true))
}

/// `GET /auth/provider/{provider}/account-info`
pub async fn info(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    known: Known,
    headers: HeaderMap,
    chosen: Result<Query<Chosen>, belgie_api::axum::extract::rejection::QueryRejection>,
) -> Result<Response> {
    let (provider, user) = (engine.provider(&id)?, admit(&engine, &known).await?);
    let unreadable = |_| Failure::bad_request("invalid_request", "The query names something unknown.");
    let Query(chosen) = chosen.map_err(unreadable)?;
    let named = meant(&engine, &provider, &known, &headers, chosen).await?;
    let (provider_account_id, profile) = engine.account_info(&provider, user, named.as_deref()).await?;
    unkept(&ShownInfo { provider: provider.id().to_owned(), provider_account_id, user: profile })
}
