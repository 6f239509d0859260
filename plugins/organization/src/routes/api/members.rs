//! Members.

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use belgie_api::{Failure, Result};
use serde_json::json;

use super::actor;
use super::bodies::{NewRoles, Somebody, Which};
use crate::model::role::read_roles;
use crate::routes::wire::{read_json, unkept};
use crate::service::Organizations;

type Service = State<Arc<Organizations>>;

/// `GET /auth/organization/{organization}/members?page=`
pub async fn list(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response> {
    let unreadable = |_| Failure::bad_request("invalid_request", "The query names something unknown.");
    let Query(Which { page, .. }) = which.map_err(unreadable)?;
    let id = organizations.resolve(&named).await?;
    unkept(&json!({ "members": organizations.members(&actor(&known), id, page).await?, "page": page }))
}

/// `POST /auth/organization/{organization}/members/remove`
pub async fn remove(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let Somebody { member } = read_json(&headers, &body)?;
    let (actor, id) = (actor(&known), organizations.resolve(&named).await?);
    let user = organizations.member_named(&actor, id, &member).await?;
    organizations.remove_member(&actor, id, user).await?;
    unkept(&json!({ "status": true }))
}

/// `POST /auth/organization/{organization}/members/set-roles`
pub async fn set_roles(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let NewRoles { member, role } = read_json(&headers, &body)?;
    let (actor, id) = (actor(&known), organizations.resolve(&named).await?);
    let user = organizations.member_named(&actor, id, &member).await?;
    unkept(&organizations.set_roles(&actor, id, user, &read_roles(role.all())?).await?)
}

/// `POST /auth/organization/{organization}/leave`
pub async fn leave(State(organizations): Service, Path(named): Path<String>, known: Known) -> Result<Response> {
    let id = organizations.resolve(&named).await?;
    organizations.leave(&actor(&known), id).await?;
    unkept(&json!({ "status": true }))
}

/// `POST /auth/organization/{organization}/transfer-ownership`, in a fresh session.
pub async fn transfer(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let Somebody { member } = read_json(&headers, &body)?;
    let (actor, id) = (actor(&known), organizations.resolve(&named).await?);
    let user = organizations.member_named(&actor, id, &member).await?;
    organizations.transfer_ownership(&actor, id, user).await?;
    unkept(&json!({ "status": true }))
}
