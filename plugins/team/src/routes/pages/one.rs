//! One team: its members, its name, leaving it, deleting it.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::extract::{Form, Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::web::form::{Fields, not_taken, said, to, value};
use belgie_organization::{Actor, Details};

use super::{Names, Service, Told, actor, notice};
use crate::model::member::Need;
use crate::model::refusal;
use crate::pages;
use crate::routes::find;
use crate::service::{TeamDetails, Teams};

/// The team of an address, and its organization, as whoever looks sees them.
pub async fn place(teams: &Arc<Teams>, actor: &Actor, names: &(String, String)) -> Result<(Details, TeamDetails)> {
    let (details, id) = find(teams, actor, names).await?;
    Ok((details, teams.details(actor, id).await?))
}

fn must(team: &TeamDetails, need: Need) -> Result<()> {
    if team.powers.may(need) { Ok(()) } else { Err(refusal::forbidden()) }
}

/// `GET /organizations/{organization}/teams/{team}`
pub async fn page(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
    Query(told): Query<Told>,
) -> Result<Response> {
    let place = place(&teams, &actor(&caller, &visitor), &names).await?;
    let told = pages::Told { notice: notice(&told.done), page: told.page, ..pages::Told::default() };
    pages::one(&teams, &visitor, &caller, (&place.0, &place.1), told).await
}

/// `GET /organizations/{organization}/teams/{team}/settings`
pub async fn settings_page(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let (details, team) = place(&teams, &actor(&caller, &visitor), &names).await?;
    must(&team, Need::Update)?;
    pages::settings(&teams, &visitor, (&details, &team), &team.team.name, None)
}

/// `POST /organizations/{organization}/teams/{team}/settings`
pub async fn save(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, team) = place(&teams, &actor, &names).await?;
    let name = value(&form, "name");
    match teams.rename(&actor, team.team.id, name).await {
        Ok(team) => Ok(to(&format!("{}/{}?done=saved", pages::home(&details), team.slug))),
        Err(failure) => {
            let error = said(failure)?;
            pages::settings(&teams, &visitor, (&details, &team), name, Some(&error)).map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/teams/{team}/leave`
pub async fn leave_page(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let (details, team) = place(&teams, &actor(&caller, &visitor), &names).await?;
    if team.powers.roles.is_none() {
        return Err(refusal::unknown_member());
    }
    pages::confirm(&teams, &visitor, (&details, &team), pages::Question::Leave, None)
}

/// `POST /organizations/{organization}/teams/{team}/leave`
pub async fn leave(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, team) = place(&teams, &actor, &names).await?;
    match teams.leave(&actor, team.team.id).await {
        Ok(()) => Ok(to(&format!("{}?done=left", pages::home(&details)))),
        Err(failure) => {
            let error = said(failure)?;
            let place = (&details, &team);
            pages::confirm(&teams, &visitor, place, pages::Question::Leave, Some(&error)).map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/teams/{team}/delete`
pub async fn delete_page(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let (details, team) = place(&teams, &actor(&caller, &visitor), &names).await?;
    must(&team, Need::Delete)?;
    pages::confirm(&teams, &visitor, (&details, &team), pages::Question::Delete, None)
}

/// `POST /organizations/{organization}/teams/{team}/delete`
pub async fn delete(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(names): Names,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let (details, team) = place(&teams, &actor, &names).await?;
    match teams.delete(&actor, team.team.id).await {
        Ok(()) => Ok(to(&format!("{}?done=deleted", pages::home(&details)))),
        Err(failure) => {
            let error = said(failure)?;
            let place = (&details, &team);
            pages::confirm(&teams, &visitor, place, pages::Question::Delete, Some(&error)).map(not_taken)
        }
    }
}
