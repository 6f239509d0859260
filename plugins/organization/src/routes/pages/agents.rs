//! The agents that act for members.

use belgie_api::Result;
use belgie_api::axum::extract::{Form, Path, Query, State};
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;

use super::forms::{Fields, Told, not_taken, notice, said, to, value};
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
