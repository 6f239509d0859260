//! Organizations themselves.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Path, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use serde_json::json;

use super::actor;
use super::bodies::{Create, ShownOrganization, Slug, Update};
use crate::routes::wire::{created, must_be_fresh, read_json, unkept};
use crate::service::Organizations;

type Service = State<Arc<Organizations>>;

/// `GET /auth/organization/list`
pub async fn list(State(organizations): Service, known: Known) -> Result<Response> {
    unkept(&json!({ "organizations": organizations.list_for(known.caller.user().id).await? }))
}

/// `GET /auth/organization/{organization}`
pub async fn details(State(organizations): Service, Path(named): Path<String>, known: Known) -> Result<Response> {
    let id = organizations.resolve(&named).await?;
    let details = organizations.details(&actor(&known), id).await?;
    unkept(&json!({
        "organization": ShownOrganization::from(&details.organization),
        "roles": details.powers.roles,
        "permissions": details.powers.permissions,
        "member_count": details.members,
    }))
}

/// `POST /auth/organization/create`
pub async fn create(State(organizations): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let new = read_json::<Create>(&headers, &body)?;
    let organization = organizations.create(&actor(&known), new.into()).await?;
    created(&ShownOrganization::from(&organization))
}

/// `POST /auth/organization/check-slug`, for whoever could choose it.
pub async fn check_slug(
    State(organizations): Service,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let Slug { slug } = read_json(&headers, &body)?;
    organizations.must_choose_slugs(&actor(&known)).await?;
    unkept(&json!({ "taken": organizations.check_slug(&slug).await? }))
}

/// `POST /auth/organization/{organization}/update`
pub async fn update(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let changes = read_json::<Update>(&headers, &body)?;
    let id = organizations.resolve(&named).await?;
    let organization = organizations.update(&actor(&known), id, changes.into()).await?;
    unkept(&ShownOrganization::from(&organization))
}

/// `POST /auth/organization/{organization}/delete`, in a fresh session.
pub async fn delete(State(organizations): Service, Path(named): Path<String>, known: Known) -> Result<Response> {
    must_be_fresh(&known.visitor)?;
    let id = organizations.resolve(&named).await?;
    organizations.delete(&actor(&known), id).await?;
    unkept(&json!({ "status": true }))
}
