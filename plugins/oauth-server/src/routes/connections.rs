//! `POST /account/connections/revoke`: a person cuts an agent off. `POST /account/consents/withdraw`: they want to be asked again.

use std::sync::Arc;

use belgie_api::axum::extract::State;
use belgie_api::axum::response::Response;
use belgie_api::web::SignedIn;
use belgie_api::{ConsentId, Failure, GrantId, Result};

use super::wire::see_other;
use crate::model::params::Params;
use crate::service::OAuth;

/// Ends a connection of the person and shows the account page again.
pub async fn disconnect(State(oauth): State<Arc<OAuth>>, signed_in: SignedIn, body: String) -> Result<Response> {
    let id = Params::read(body.as_bytes()).and_then(|params| params.get("connection_id")?.parse::<GrantId>().ok());
    let id = id.ok_or_else(|| Failure::not_found("connection.unknown", "There is no such connection."))?;
    oauth.disconnect(&signed_in.caller, &signed_in.visitor.info, id).await?;
    see_other("/account")
}

/// Forgets what the person allowed a client and shows the account page again.
pub async fn withdraw(State(oauth): State<Arc<OAuth>>, signed_in: SignedIn, body: String) -> Result<Response> {
    let id = Params::read(body.as_bytes()).and_then(|params| params.get("consent_id")?.parse::<ConsentId>().ok());
    let id = id.ok_or_else(|| Failure::not_found("consent.unknown", "There is no such permission."))?;
    oauth.withdraw_consent(&signed_in.caller, &signed_in.visitor.info, id).await?;
    see_other("/account")
}
