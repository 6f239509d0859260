//! Personal access tokens, for the person themselves: on pages and as JSON.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Form, State};
use belgie_api::axum::http::{HeaderMap, StatusCode};
use belgie_api::axum::response::Response;
use belgie_api::web::{Known, Present, SignedIn};
use belgie_api::{Failure, OrgId, Result, TokenId};
use serde::Deserialize;
use serde_json::json;

use super::wire::{has_type, see_other, unkept};
use crate::model::grant::LiveToken;
use crate::model::params::Params;
use crate::pages;
use crate::service::{OAuth, TokenWish};

const DAY: u64 = 24 * 3600;

type Service = State<Arc<OAuth>>;
type Fields = Vec<(String, String)>;

/// `GET /account/tokens`
pub async fn page(State(oauth): Service, SignedIn { caller, visitor }: SignedIn) -> Result<Response> {
    pages::tokens(&oauth, &visitor, &caller, None).await
}

/// `POST /account/tokens/revoke`
pub async fn revoke(State(oauth): Service, SignedIn { caller, visitor }: SignedIn, body: String) -> Result<Response> {
    let id = Params::read(body.as_bytes()).and_then(|params| params.get("token")?.parse::<TokenId>().ok());
    oauth.revoke_own(&caller, &visitor.info, id.ok_or_else(unknown)?).await?;
    see_other("/account/tokens")
}

/// `GET /account/tokens/new`, in a fresh session.
pub async fn new_page(State(oauth): Service, Present { caller, visitor }: Present) -> Result<Response> {
    pages::new_token(&oauth, &visitor, &caller, &pages::TokenForm::default(), None).await
}

/// `POST /account/tokens/new`, in a fresh session: shows the token, once.
pub async fn create(
    State(oauth): Service,
    Present { caller, visitor }: Present,
    Form(form): Form<Fields>,
) -> Result<Response> {
    let filled = pages::TokenForm::of(&form);
    let organization = match filled.organization {
        "" => Ok(None),
        id => id.parse::<OrgId>().map(Some).map_err(|_| not_a_member()),
    };
    let made = match organization {
        Ok(organization) => {
            let days: u64 = filled.days.parse().unwrap_or_default();
            let ttl = Duration::from_secs(days.saturating_mul(DAY));
            let wish = TokenWish { name: filled.name.to_owned(), scopes: filled.scopes.join(" "), organization, ttl };
            oauth.create_own(&caller, &visitor.info, wish).await
        }
        Err(failure) => Err(failure),
    };
    match made {
        Ok((secret, token)) => pages::tokens(&oauth, &visitor, &caller, Some((&secret, &token.client_name))).await,
        Err(failure) if failure.status().is_client_error() => {
            let error = failure
                .remedy()
                .map_or_else(|| failure.message().to_owned(), |remedy| format!("{} {remedy}", failure.message()));
            let mut response = pages::new_token(&oauth, &visitor, &caller, &filled, Some(&error)).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(failure) => Err(failure),
    }
}

/// `GET /auth/tokens`
pub async fn list_json(State(oauth): Service, known: Known) -> Result<Response> {
    let tokens = oauth.list_personal(known.caller.user().id).await?;
    let tokens: Vec<_> = tokens.iter().map(LiveToken::describe).collect();
    Ok(unkept(StatusCode::OK, &json!({ "tokens": tokens })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    name: String,
    scope: String,
    #[serde(default)]
    organization: Option<OrgId>,
    #[serde(alias = "ttlSeconds")]
    ttl_seconds: u64,
}

/// `POST /auth/tokens/create`, in a fresh session: the token is in the answer and nowhere else.
pub async fn create_json(State(oauth): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    if !known.visitor.is_fresh {
        return Err(Failure::forbidden("session.not_fresh", "Confirm that you are there first.")
            .hint("Open /auth/confirm, then try again."));
    }
    let Wanted { name, scope, organization, ttl_seconds } = read_json(&headers, &body)?;
    let wish = TokenWish { name, scopes: scope, organization, ttl: Duration::from_secs(ttl_seconds) };
    let (secret, token) = oauth.create_own(&known.caller, &known.visitor.info, wish).await?;
    Ok(unkept(StatusCode::CREATED, &json!({ "token": secret.expose(), "personal_token": token.describe() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: String,
}

/// `POST /auth/tokens/revoke`
pub async fn revoke_json(State(oauth): Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let Which { id } = read_json(&headers, &body)?;
    let id = id.parse().map_err(|_| unknown())?;
    oauth.revoke_own(&known.caller, &known.visitor.info, id).await?;
    Ok(unkept(StatusCode::OK, &json!({ "status": true })))
}

/// Only JSON will do: a page of another site cannot send that without being asked first.
fn read_json<'de, T: Deserialize<'de>>(headers: &HeaderMap, body: &'de [u8]) -> Result<T> {
    let refuse = |what: &str| Failure::bad_request("invalid_request", what.to_owned());
    if !has_type(headers, "application/json") {
        return Err(refuse("Send the body as application/json."));
    }
    serde_json::from_slice(body).map_err(|_| refuse("The body is not what this address takes."))
}

fn unknown() -> Failure {
    Failure::not_found("token.unknown", "There is no such token.").hint("Look at the list of your tokens.")
}

fn not_a_member() -> Failure {
    Failure::forbidden("token.not_a_member", "You are not in this organization.").hint("Choose one you are in.")
}
