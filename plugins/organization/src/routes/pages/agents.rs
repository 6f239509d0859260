//! The agents that act for members.

use belgie_api::axum::extract::{Form, Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::plugin::Less;
use belgie_api::web::SignedIn;
use belgie_api::{Result, Scope, TeamId};

use super::forms::{Fields, Told, not_taken, notice, said, to, value, values};
use super::{Service, actor};
use crate::pages;

/// `GET /organizations/{organization}/agents?page=`
pub async fn page(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Query(told): Query<Told>,
) -> Result<Response> {
    let id = organizations.resolve(&named).await?;
    let details = organizations.details(&actor(&caller, &visitor), id).await?;
    let told = pages::Told { notice: notice(&told.done), page: told.page, ..pages::Told::default() };
    pages::agents(&organizations, &visitor, &caller, &details, &told).await
}

/// `POST /organizations/{organization}/agents`: cuts one off.
pub async fn disconnect(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(named): Path<String>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    match organizations.cut_agent(&actor, id, value(&form, "agent")).await {
        Ok(()) => Ok(to(&format!("/organizations/{}/agents?done=agent-cut", details.organization.slug))),
        Err(failure) => {
            let error = said(failure)?;
            let told = pages::Told { error: Some(&error), ..pages::Told::default() };
            pages::agents(&organizations, &visitor, &caller, &details, &told).await.map(not_taken)
        }
    }
}

/// `GET /organizations/{organization}/agents/{agent}`: one of them, closely.
pub async fn one(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path((named, agent)): Path<(String, String)>,
    Query(told): Query<Told>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    let told = pages::Told { notice: notice(&told.done), ..pages::Told::default() };
    pages::agent(&organizations, &visitor, &caller, &details, &agent, &told).await
}

/// `POST /organizations/{organization}/agents/{agent}`: lets it do less.
pub async fn narrow(
    State(organizations): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path((named, agent)): Path<(String, String)>,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let (actor, id) = (actor(&caller, &visitor), organizations.resolve(&named).await?);
    let details = organizations.details(&actor, id).await?;
    let scopes = values(&form, "scope").into_iter().filter_map(|name| name.parse::<Scope>().ok()).collect();
    let teams = values(&form, "team").into_iter().filter_map(|team| team.parse::<TeamId>().ok()).collect();
    // A page that showed no teams says nothing of them.
    let shows_teams = value(&form, "teams") == "shown";
    let less = Less { scopes: Some(scopes), teams: Some(teams).filter(|_| shows_teams) };
    match organizations.narrow_agent(&actor, id, &agent, less).await {
        Ok(_) => Ok(to(&format!("/organizations/{}/agents/{agent}?done=agent-less", details.organization.slug))),
        Err(failure) => {
            let error = said(failure)?;
            let told = pages::Told { error: Some(&error), ..pages::Told::default() };
            pages::agent(&organizations, &visitor, &caller, &details, &agent, &told).await.map(not_taken)
        }
    }
}
