//! Members.

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use belgie_api::web::json::{created, unkept};
use belgie_organization::read_roles;
use serde_json::json;

use super::bodies::{Add, NewRoles, Somebody, Which};
use super::{Names, Service, actor, read, which_page};
use crate::routes::find;

/// `GET /auth/organization/{organization}/teams/{team}/members?page=`
pub async fn list(
    State(teams): Service,
    Path(names): Names,
    known: Known,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response> {
    let Which { page } = which_page(which)?;
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    unkept(&json!({ "members": teams.members(&actor, id, page).await?, "page": page }))
}

/// `POST /auth/organization/{organization}/teams/{team}/members/add`
pub async fn add(
    State(teams): Service,
    Path(names): Names,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let wanted: Add = read(&headers, &body)?;
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    let user = teams.candidate(&actor, id, &wanted.member).await?;
    created(&teams.add_member(&actor, id, user, &wanted.roles()?).await?)
}

/// `POST /auth/organization/{organization}/teams/{team}/members/remove`
pub async fn remove(
    State(teams): Service,
    Path(names): Names,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let Somebody { member } = read(&headers, &body)?;
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    let user = teams.member_named(&actor, id, &member).await?;
    teams.remove_member(&actor, id, user).await?;
    unkept(&json!({ "status": true }))
}

/// `POST /auth/organization/{organization}/teams/{team}/members/set-roles`
pub async fn set_roles(
    State(teams): Service,
    Path(names): Names,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let NewRoles { member, role } = read(&headers, &body)?;
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    let user = teams.member_named(&actor, id, &member).await?;
    unkept(&teams.set_roles(&actor, id, user, &read_roles(role.all())?).await?)
}

/// `POST /auth/organization/{organization}/teams/{team}/leave`
pub async fn leave(State(teams): Service, Path(names): Names, known: Known) -> Result<Response> {
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    teams.leave(&actor, id).await?;
    unkept(&json!({ "status": true }))
}
