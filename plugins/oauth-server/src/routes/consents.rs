//! `GET` and `POST /account/consents/{consent}`: a person lets what is remembered allow less. The same as JSON, for scripts of our own
//! pages: `GET /auth/consents`, `POST /auth/consents/narrow`, `POST /auth/consents/withdraw`.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Form, Path, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::plugin::Less;
use belgie_api::web::json::{read_json, unkept};
use belgie_api::web::{Known, SignedIn, form};
use belgie_api::{ConsentId, Result, Scope, ScopeSet, TeamId};
use serde::Deserialize;
use serde_json::json;

use super::wire::see_other;
use crate::model::consent::Consent;
use crate::model::refusal::unknown_consent;
use crate::pages;
use crate::service::{Doer, OAuth};

/// The longest body, in KiB.
const LONGEST: usize = 8;

type Service = State<Arc<OAuth>>;

/// What is remembered, closely.
pub async fn page(
    State(oauth): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response> {
    let consent = oauth.find_consent(&caller, read_id(&id)?).await?;
    pages::remembered::show(&oauth, &visitor, &consent, None).await
}

/// Lets it allow less, and shows what took its place.
pub async fn narrow(
    State(oauth): Service,
    SignedIn { caller, visitor }: SignedIn,
    Path(id): Path<String>,
    Form(fields): Form<form::Fields>,
) -> Result<Response> {
    let id = read_id(&id)?;
    let scopes = form::values(&fields, "scope").into_iter().filter_map(|name| name.parse::<Scope>().ok()).collect();
    let teams = form::values(&fields, "team").into_iter().filter_map(|team| team.parse::<TeamId>().ok()).collect();
    let less = Less { scopes: Some(scopes), teams: Some(teams) };
    match oauth.narrow_consent(Doer { caller: &caller, info: Some(&visitor.info) }, id, &less).await {
        Ok(done) => see_other(&format!("/account/consents/{}", done.consent.id)),
        Err(failure) => {
            let error = form::said(failure)?;
            let consent = oauth.find_consent(&caller, id).await?;
            Ok(form::not_taken(pages::remembered::show(&oauth, &visitor, &consent, Some(&error)).await?))
        }
    }
}

/// What is remembered of the person, newest first.
pub async fn list_json(State(oauth): Service, known: Known) -> Result<Response> {
    let consents = oauth.list_consents(known.caller.user().id).await?;
    unkept(&json!({ "consents": consents.iter().map(Consent::describe).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Narrow {
    id: String,
    #[serde(default)]
    scopes: Option<ScopeSet>,
    #[serde(default)]
    teams: Option<BTreeSet<TeamId>>,
}

/// Lets it allow less; what is left out stays. Another id stands in the answer: it is another answer.
pub async fn narrow_json(State(oauth): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let Narrow { id, scopes, teams } = read_json(&headers, &body, LONGEST)?;
    let doer = Doer { caller: &known.caller, info: Some(&known.visitor.info) };
    let done = oauth.narrow_consent(doer, read_id(&id)?, &Less { scopes, teams }).await?;
    let consent = done.consent.describe();
    unkept(&json!({ "consent": consent, "connections_narrowed": done.narrowed, "connections_ended": done.ended }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: String,
}

/// Forgets it: the client asks again.
pub async fn withdraw_json(State(oauth): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let Which { id } = read_json(&headers, &body, LONGEST)?;
    oauth.withdraw_consent(&known.caller, &known.visitor.info, read_id(&id)?).await?;
    unkept(&json!({ "status": true }))
}

fn read_id(text: &str) -> Result<ConsentId> {
    text.parse().map_err(|_| unknown_consent())
}
