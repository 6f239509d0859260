//! The teams of an organization, and the form for a new one.

use belgie_api::Result;
use belgie_api::axum::extract::{Form, Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::web::form::{Fields, not_taken, said, to, value};
use belgie_organization::permission;

use super::{Service, Told, actor, notice};
use crate::model::team::NewTeam;
use crate::pages;
use crate::routes::organization;

/// `GET /organizations/{organization}/teams`
pub async fn page(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Query(told): Query<Told>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let details = organization(&teams, &actor, &named).await?;
    let found = teams.list(&actor, details.organization.id, told.page).await?;
    pages::list(&teams, &visitor, &details, (&found, told.page), notice(&told.done))
}

/// `GET /organizations/{organization}/teams/new`
pub async fn new_page(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
) -> Result<Response> {
    let details = organization(&teams, &actor(&caller, &visitor), &named).await?;
    details.powers.must_allow(permission::TEAM_CREATE)?;
    pages::new(&teams, &visitor, &details, ("", ""), None)
}

/// `POST /organizations/{organization}/teams/new`
pub async fn create(
    State(teams): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let actor = actor(&caller, &visitor);
    let details = organization(&teams, &actor, &named).await?;
    let (name, slug) = (value(&form, "name"), value(&form, "slug"));
    let new = NewTeam { name: name.to_owned(), slug: Some(slug.to_owned()), lead: None };
    match teams.create(&actor, details.organization.id, new).await {
        Ok(made) => Ok(to(&format!("{}/{}?done=created", pages::home(&details), made.slug))),
        Err(failure) => {
            let error = said(failure)?;
            pages::new(&teams, &visitor, &details, (name, slug), Some(&error)).map(not_taken)
        }
    }
}
