//! Apps that got an `id_token` themselves.

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Path, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::{Known, Visitor, is_foreign};
use belgie_api::{Failure, Result};
use serde_json::json;

use super::bodies::{Individual, Native};
use super::must_be_fresh;
use crate::routes::wire::{read_json, unkept, with_cookies};
use crate::service::Engine;

/// `POST /auth/provider/{provider}/nonce`
pub async fn nonce(State(engine): State<Arc<Engine>>, Path(id): Path<String>, visitor: Visitor) -> Result<Response> {
    engine.host().limits().take(LimitBucket::SignInByAddress, &visitor.info.ip.to_string()).await?;
    let provider = engine.provider(&id)?;
    let (nonce, expires_at) = engine.new_nonce(&provider).await?;
    unkept(&json!({ "nonce": nonce.expose(), "expires_at": expires_at }))
}

/// `POST /auth/provider/{provider}/signin/id-token`
pub async fn sign_in(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    engine.host().limits().take(LimitBucket::SignInByAddress, &visitor.info.ip.to_string()).await?;
    refuse_other_sites(&engine, &headers)?;
    let provider = engine.provider(&id)?;
    let native: Native = read_json(&headers, &body)?;
    let signed_in = engine.sign_in_with_token(&provider, &visitor, &headers, native.into()).await?;
    let profile = engine.host().accounts().profile(signed_in.user).await?;
    let profile = profile.ok_or_else(|| Failure::internal("the account is gone"))?;
    let individual = Individual::from(profile);
    let answer = json!({
        "redirect": false,
        "token": signed_in.begun.token.expose(),
        "expires_at": signed_in.begun.expires_at,
        "individual": individual,
    });
    let account = engine.account_cookie(&provider, signed_in.user, &signed_in.provider_account_id)?;
    Ok(with_cookies(unkept(&answer)?, std::iter::once(signed_in.begun.cookie).chain(account)))
}

/// `POST /auth/provider/{provider}/link/id-token`
pub async fn link(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Known { caller, visitor }: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    engine.host().limits().take(LimitBucket::SignInByAddress, &visitor.info.ip.to_string()).await?;
    must_be_fresh(&visitor)?;
    let provider = engine.provider(&id)?;
    let native: Native = read_json(&headers, &body)?;
    let subject = engine.link_with_token(&provider, &visitor, &caller, native.into()).await?;
    let account = engine.account_cookie(&provider, caller.user().id, &subject)?;
    Ok(with_cookies(unkept(&json!({ "status": true, "redirect": false }))?, account))
}

/// A page of another site that makes a browser sign in here would make the person act in the account of somebody else.
fn refuse_other_sites(engine: &Engine, headers: &HeaderMap) -> Result<()> {
    if !is_foreign(headers, engine.host().urls()) {
        return Ok(());
    }
    Err(Failure::forbidden("form.foreign", "This was sent by a page of another site.").hint("Sign in here."))
}
