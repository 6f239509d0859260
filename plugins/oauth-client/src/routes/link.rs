//! Linking and unlinking on pages, in a fresh session.

use std::sync::Arc;

use belgie_api::axum::extract::{Path, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::Present;
use belgie_api::{Failure, LinkedAccountId, Result};

use super::wire::see_other;
use crate::model::account::LinkedAccount;
use crate::model::flow::{FlowOptions, Intent};
use crate::model::refusal;
use crate::pages;
use crate::service::{Engine, Lost};

const ACCOUNT: &str = "/account";

/// `GET /auth/provider/{provider}/link`
pub async fn ask_to_link(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Present { caller, visitor }: Present,
) -> Result<Response> {
    let provider = engine.provider(&id)?;
    pages::link(&engine, &visitor, &caller, &provider)
}

/// `POST /auth/provider/{provider}/link`
pub async fn begin_link(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Present { caller, visitor }: Present,
    headers: HeaderMap,
) -> Result<Response> {
    engine.host().limits().take(LimitBucket::Authorize, &visitor.info.ip.to_string()).await?;
    let provider = engine.provider(&id)?;
    let session = caller.session().ok_or_else(refusal::link_of_another_session)?;
    let intent = Intent::Link { user: caller.user().id, session };
    let options = FlowOptions { return_to: Some(ACCOUNT.to_owned()), ..FlowOptions::default() };
    match engine.begin(&provider, &headers, intent, options).await {
        Ok(departure) => see_other(&departure.location, departure.cookies),
        Err(failure) => {
            let lost = Lost { failure, error_to: None, return_to: None, is_link: true };
            pages::refused(&engine, &visitor, Some(&provider), &lost)
        }
    }
}

/// `GET /account/unlink/{account}`
pub async fn ask_to_unlink(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Present { caller, visitor }: Present,
) -> Result<Response> {
    let account = find(&engine, &id, &caller).await?;
    let is_last = engine.is_last_way_in(caller.user().id).await?;
    pages::unlink(&engine, &visitor, &account, is_last)
}

/// `POST /account/unlink/{account}`
pub async fn unlink(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Present { caller, visitor }: Present,
    headers: HeaderMap,
) -> Result<Response> {
    let account = find(&engine, &id, &caller).await?;
    engine.unlink(caller.user().id, &account, Some((&caller, &visitor.info))).await?;
    see_other(ACCOUNT, engine.forget_account(&account.provider, &headers))
}

async fn find(engine: &Engine, id: &str, caller: &belgie_api::Caller) -> Result<LinkedAccount> {
    let unknown = || {
        Failure::not_found("account_not_found", "There is no such linked account.").hint("Reload your account page.")
    };
    let id: LinkedAccountId = id.parse().map_err(|_| unknown())?;
    let accounts = engine.list_all(caller.user().id).await?;
    accounts.into_iter().find(|account| account.id == id).ok_or_else(unknown)
}
