//! What acts in an organization: agents of its members, and its own services.

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::plugin::Less;
use belgie_api::web::Known;
use belgie_api::{Failure, Result};
use serde_json::json;

use super::actor;
use super::bodies::{NarrowAgent, NewServiceBody, WhichAgent, WhichPage, WhichService};
use crate::model::refusal;
use crate::routes::wire::{created, must_be_fresh, read_json, unkept};
use crate::service::Organizations;

type Service = State<Arc<Organizations>>;

/// `GET /auth/organization/{organization}/agents?page=`
pub async fn agents(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    which: Result<Query<WhichPage>, QueryRejection>,
) -> Result<Response> {
    let unreadable = |_| Failure::bad_request("invalid_request", "The query names something unknown.");
    let Query(WhichPage { page }) = which.map_err(unreadable)?;
    let id = organizations.resolve(&named).await?;
    let found = organizations.agents(&actor(&known), id, page).await?;
    unkept(&json!({ "agents": found.agents, "has_more": found.has_more, "page": page }))
}

/// `POST /auth/organization/{organization}/agents/disconnect`
pub async fn disconnect(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let WhichAgent { agent } = read_json(&headers, &body)?;
    let id = organizations.resolve(&named).await?;
    organizations.cut_agent(&actor(&known), id, &agent).await?;
    unkept(&json!({ "status": true }))
}

/// `GET /auth/organization/{organization}/agents/{agent}`: one of them, with the tools it has used.
pub async fn agent(
    State(organizations): Service,
    Path((named, agent)): Path<(String, String)>,
    known: Known,
) -> Result<Response> {
    let id = organizations.resolve(&named).await?;
    unkept(&json!(organizations.agent(&actor(&known), id, &agent).await?))
}

/// `POST /auth/organization/{organization}/agents/narrow`: what is left out stays.
pub async fn narrow(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let NarrowAgent { agent, scopes, teams } = read_json(&headers, &body)?;
    let id = organizations.resolve(&named).await?;
    let narrowed = organizations.narrow_agent(&actor(&known), id, &agent, Less { scopes, teams }).await?;
    unkept(&json!(narrowed))
}

/// `GET /auth/organization/{organization}/services`
pub async fn services(State(organizations): Service, Path(named): Path<String>, known: Known) -> Result<Response> {
    let id = organizations.resolve(&named).await?;
    unkept(&json!({ "services": organizations.services(&actor(&known), id).await? }))
}

/// `POST /auth/organization/{organization}/services/create`, in a fresh session: the token is in the answer and nowhere else.
pub async fn create(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    must_be_fresh(&known.visitor)?;
    let new = read_json::<NewServiceBody>(&headers, &body)?.read()?;
    let id = organizations.resolve(&named).await?;
    let (secret, service) = organizations.create_service(&actor(&known), id, new).await?;
    created(&json!({ "token": secret.expose(), "service": service }))
}

/// `POST /auth/organization/{organization}/services/revoke`
pub async fn revoke(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let WhichService { service } = read_json(&headers, &body)?;
    let service = service.parse().map_err(|_| refusal::unknown_service())?;
    let id = organizations.resolve(&named).await?;
    organizations.revoke_service(&actor(&known), id, service).await?;
    unkept(&json!({ "status": true }))
}
