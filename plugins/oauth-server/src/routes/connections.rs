//! `GET` and `POST /account/connections/{grant}`: a person looks at an agent closely, and lets it do less.
//! `POST /account/connections/revoke`: a person cuts an agent off. `POST /account/consents/withdraw`: they want to be asked again.

use std::sync::Arc;

use belgie_api::axum::extract::{Form, Path, State};
use belgie_api::axum::response::Response;
use belgie_api::web::{SignedIn, form};
use belgie_api::{ConsentId, GrantId, Result, Scope, TeamId};

use super::wire::see_other;
use crate::model::params::Params;
use crate::model::refusal::{unknown_connection, unknown_consent};
use crate::pages;
use crate::service::OAuth;

/// Ends a connection of the person, or every one of the same agent for the same organization (`every`), and shows the account page
/// again.
pub async fn disconnect(State(oauth): State<Arc<OAuth>>, signed_in: SignedIn, body: String) -> Result<Response> {
    let params = Params::read(body.as_bytes()).ok_or_else(unknown_connection)?;
    let id =
        params.get("connection_id").and_then(|text| text.parse::<GrantId>().ok()).ok_or_else(unknown_connection)?;
    let all_of_it = params.get("every").is_some();
    oauth.disconnect(&signed_in.caller, &signed_in.visitor.info, id, all_of_it).await?;
    see_other("/account")
}

/// Forgets what the person allowed a client and shows the account page again.
pub async fn withdraw(State(oauth): State<Arc<OAuth>>, signed_in: SignedIn, body: String) -> Result<Response> {
    let id = Params::read(body.as_bytes()).and_then(|params| params.get("consent_id")?.parse::<ConsentId>().ok());
    let id = id.ok_or_else(unknown_consent)?;
    oauth.withdraw_consent(&signed_in.caller, &signed_in.visitor.info, id).await?;
    see_other("/account")
}

/// One connection of the person.
pub async fn page(
    State(oauth): State<Arc<OAuth>>,
    SignedIn { caller, visitor }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response> {
    let grant = oauth.find_connection(&caller, read_id(&id)?).await?;
    pages::connection::show(&oauth, &visitor, &grant, None).await
}

/// Lets it do less, and shows it again.
pub async fn narrow(
    State(oauth): State<Arc<OAuth>>,
    SignedIn { caller, visitor }: SignedIn,
    Path(id): Path<String>,
    Form(fields): Form<form::Fields>,
) -> Result<Response> {
    let id = read_id(&id)?;
    let scopes = form::values(&fields, "scope").into_iter().filter_map(|name| name.parse::<Scope>().ok()).collect();
    let teams = form::values(&fields, "team").into_iter().filter_map(|team| team.parse::<TeamId>().ok()).collect();
    match oauth.narrow(&caller, &visitor.info, id, &scopes, &teams).await {
        Ok(_) => see_other(&format!("/account/connections/{id}")),
        Err(failure) => {
            let error = form::said(failure)?;
            let grant = oauth.find_connection(&caller, id).await?;
            Ok(form::not_taken(pages::connection::show(&oauth, &visitor, &grant, Some(&error)).await?))
        }
    }
}

fn read_id(text: &str) -> Result<GrantId> {
    text.parse().map_err(|_| unknown_connection())
}
