//! Teams themselves.

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::rejection::QueryRejection;
use belgie_api::axum::extract::{Path, Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use belgie_api::web::json::{created, unkept};
use serde_json::json;

use super::bodies::{Create, Update, Which};
use super::{Names, Service, actor, read, which_page};
use crate::model::member::Need;
use crate::routes::{find, organization};

/// `GET /auth/organization/teams`: those of the person, of whichever organization.
pub async fn mine(State(teams): Service, known: Known) -> Result<Response> {
    unkept(&json!({ "teams": teams.list_for(known.caller.user().id).await? }))
}

/// `GET /auth/organization/{organization}/teams?page=`
pub async fn list(
    State(teams): Service,
    Path(named): Path<String>,
    known: Known,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response> {
    let Which { page } = which_page(which)?;
    let actor = actor(&known);
    let id = organization(&teams, &actor, &named).await?.organization.id;
    let found = teams.list(&actor, id, page).await?;
    unkept(&json!({ "teams": found.teams, "has_more": found.has_more, "page": page }))
}

/// `GET /auth/organization/{organization}/teams/{team}`
pub async fn details(State(teams): Service, Path(names): Names, known: Known) -> Result<Response> {
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    let details = teams.details(&actor, id).await?;
    let may = |need| details.powers.may(need);
    unkept(&json!({
        "team": details.team,
        "roles": details.powers.roles,
        "member_count": details.member_count,
        "may_see_members": may(Need::Seeing),
        "may_change_members": may(Need::Members),
        "may_update": may(Need::Update),
        "may_delete": may(Need::Delete),
    }))
}

/// `POST /auth/organization/{organization}/teams/create`
pub async fn create(
    State(teams): Service,
    Path(named): Path<String>,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let new = read::<Create>(&headers, &body)?;
    let actor = actor(&known);
    let id = organization(&teams, &actor, &named).await?.organization.id;
    created(&teams.create(&actor, id, new.into()).await?)
}

/// `POST /auth/organization/{organization}/teams/{team}/update`
pub async fn update(
    State(teams): Service,
    Path(names): Names,
    known: Known,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let Update { name } = read(&headers, &body)?;
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    unkept(&teams.rename(&actor, id, &name).await?)
}

/// `POST /auth/organization/{organization}/teams/{team}/delete`
pub async fn delete(State(teams): Service, Path(names): Names, known: Known) -> Result<Response> {
    let actor = actor(&known);
    let (_, id) = find(&teams, &actor, &names).await?;
    teams.delete(&actor, id).await?;
    unkept(&json!({ "status": true }))
}
