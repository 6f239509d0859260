//! Invitations: those an organization sends, and those a person gets.

use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use belgie_api::{Failure, InvitationId, Result};
use serde_json::json;

use super::actor;
use super::bodies::{Invite, ShownBody, Which};
use crate::model::refusal;
use crate::model::role::read_roles;
use crate::routes::wire::{created, read_json, unkept};
use crate::service::{NewInvitation, Organizations};

type Service = State<Arc<Organizations>>;

fn read_id(text: &str) -> Result<InvitationId> {
    text.parse().map_err(|_| refusal::unknown_invitation())
}

/// `GET /auth/organization/invitations`
pub async fn mine(State(organizations): Service, known: Known) -> Result<Response> {
    let (mine, now) = (organizations.invitations_for_me(&actor(&known)).await?, organizations.host().now());
    let shown: Vec<_> = mine.iter().map(|shown| ShownBody::to_recipient(shown, now)).collect();
    unkept(&json!({ "invitations": shown }))
}

/// `GET /auth/organization/invitation/{invitation}`
pub async fn show(State(organizations): Service, Path(id): Path<String>, known: Known) -> Result<Response> {
    let shown = organizations.invitation(&actor(&known), read_id(&id)?).await?;
    unkept(&ShownBody::to_recipient(&shown, organizations.host().now()))
}

/// `POST /auth/organization/invitation/{invitation}/accept`
pub async fn accept(State(organizations): Service, Path(id): Path<String>, known: Known) -> Result<Response> {
    unkept(&organizations.accept_invitation(&actor(&known), read_id(&id)?).await?)
}

/// `POST /auth/organization/invitation/{invitation}/reject`
pub async fn reject(State(organizations): Service, Path(id): Path<String>, known: Known) -> Result<Response> {
    organizations.reject_invitation(&actor(&known), read_id(&id)?).await?;
    unkept(&json!({ "status": true }))
}

/// `POST /auth/organization/invitation/{invitation}/cancel`
pub async fn cancel(State(organizations): Service, Path(id): Path<String>, known: Known) -> Result<Response> {
    organizations.cancel_invitation(&actor(&known), read_id(&id)?).await?;
    unkept(&json!({ "status": true }))
}

/// `POST /auth/organization/invitation/{invitation}/resend`
pub async fn resend(State(organizations): Service, Path(id): Path<String>, known: Known) -> Result<Response> {
    let invitation = organizations.resend(&actor(&known), read_id(&id)?).await?;
    created(&ShownBody::of(&invitation, organizations.host().now()))
}

/// `GET /auth/organization/{organization}/invitations?all=true`
pub async fn list(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response> {
    let unreadable = |_| Failure::bad_request("invalid_request", "The query names something unknown.");
    let Query(Which { all, .. }) = which.map_err(unreadable)?;
    let id = organizations.resolve(&named).await?;
    let (list, now) = (organizations.invitations(&actor(&known), id, all).await?, organizations.host().now());
    unkept(&json!({ "invitations": list.iter().map(|one| ShownBody::of(one, now)).collect::<Vec<_>>() }))
}

/// `POST /auth/organization/{organization}/invite`
pub async fn invite(
    State(organizations): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let Invite { email, role, resend, team } = read_json(&headers, &body)?;
    let (actor, id) = (actor(&known), organizations.resolve(&named).await?);
    let team = organizations.team_named(&actor, id, team.as_deref()).await?;
    let new = NewInvitation { email, roles: read_roles(role.all())?, resend, team };
    let invitation = organizations.invite(&actor, id, new).await?;
    created(&ShownBody::of(&invitation, organizations.host().now()))
}
