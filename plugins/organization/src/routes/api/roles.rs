//! Roles.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Path, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use serde_json::json;

use super::actor;
use super::bodies::OwnRole;
use crate::routes::wire::{created, read_json, unkept};
use crate::service::Organizations;

type Service = State<Arc<Organizations>>;

/// `GET /auth/organization/{organization}/roles`
pub async fn list(State(organizations): Service, Path(named): Path<String>, known: Known) -> Result<Response> {
    let id = organizations.resolve(&named).await?;
    unkept(&json!({ "roles": organizations.roles(&actor(&known), id).await? }))
}

/// `POST /auth/organization/{organization}/roles/create`
pub async fn create(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let OwnRole { name, permissions } = read_json(&headers, &body)?;
    let id = organizations.resolve(&named).await?;
    created(&organizations.create_role(&actor(&known), id, &name, permissions).await?)
}

/// `POST /auth/organization/{organization}/roles/update`
pub async fn update(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let OwnRole { name, permissions } = read_json(&headers, &body)?;
    let id = organizations.resolve(&named).await?;
    unkept(&organizations.update_role(&actor(&known), id, &name, permissions).await?)
}

/// `POST /auth/organization/{organization}/roles/delete`
pub async fn delete(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let OwnRole { name, .. } = read_json(&headers, &body)?;
    let id = organizations.resolve(&named).await?;
    organizations.delete_role(&actor(&known), id, &name).await?;
    unkept(&json!({ "status": true }))
}
