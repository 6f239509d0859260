//! The same as JSON, for scripts of our own pages.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::{Query, State};
use belgie_api::axum::http::HeaderMap;
use belgie_api::axum::response::Response;
use belgie_api::web::Known;
use belgie_api::web::json::{created, read_json, unkept};
use belgie_api::{ClientId, Failure, OrgId, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::access_token::TokenText;
use crate::model::client::RegisteredClient;
use crate::model::details::ClientDetails;
use crate::model::owned::{ClientChange, ClientWish};
use crate::service::{Doer, NewClient, OAuth, Trust};

/// The longest body, in KiB.
const LONGEST: usize = 8;

type Service = State<Arc<OAuth>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    organization: Option<OrgId>,
    #[serde(default)]
    all: bool,
}

/// `GET /auth/clients`: the person's own, those of an organization (`organization`) or, for operators, all (`all`).
pub async fn list(oauth: Service, known: Known, Query(asked): Query<Asked>) -> Result<Response> {
    let caller = &known.caller;
    let clients = if asked.all {
        oauth.list_for_operator(caller).await?
    } else {
        oauth.list_owned(caller, oauth.owner_of(caller, asked.organization)).await?
    };
    unkept(&json!({ "clients": clients.iter().map(RegisteredClient::describe).collect::<Vec<_>>() }))
}

#[derive(Debug, Deserialize)]
pub struct Shown {
    client_id: String,
}

/// `GET /auth/clients/public`: what anybody who is signed in may know of a client, for an application's own pages.
pub async fn public(oauth: Service, _known: Known, Query(shown): Query<Shown>) -> Result<Response> {
    let face = oauth.find_face(&shown.client_id).await?;
    unkept(&json!({
        "client_id": face.id, "client_name": face.name, "client_uri": face.uri, "client_host": face.host,
    }))
}

#[derive(Deserialize)]
struct Wanted {
    client_name: String,
    redirect_uris: Vec<String>,
    #[serde(default)]
    client_uri: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    confidential: bool,
    #[serde(default)]
    organization: Option<OrgId>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// `POST /auth/clients/create`, in a fresh session: the secret, if there is one, is in the answer and nowhere else.
pub async fn create(oauth: Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    fresh(&known)?;
    let wanted: Wanted = read_json(&headers, &body, LONGEST)?;
    let owner = oauth.owner_of(&known.caller, wanted.organization);
    let wish = ClientWish {
        name: wanted.client_name,
        uri: wanted.client_uri,
        redirect_uris: wanted.redirect_uris,
        is_confidential: wanted.confidential,
        scopes: wanted.scope,
        details: read_more(wanted.more)?,
    };
    created(&with_secret(&oauth.create_owned(doer(&known), owner, wish).await?))
}

#[derive(Deserialize)]
struct Changed {
    client_id: ClientId,
    client_name: Option<String>,
    client_uri: Option<String>,
    redirect_uris: Option<Vec<String>>,
    scope: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// What else there is to say of a client. Serde refuses unknown members only where nothing is put together.
fn read_more(more: Map<String, Value>) -> Result<ClientDetails> {
    serde_json::from_value(Value::Object(more)).map_err(|_| {
        Failure::bad_request("invalid_request", "The body is not what this address takes.")
            .hint("See the fields in the README of the plugin; unknown ones are refused.")
    })
}

/// `POST /auth/clients/update`, in a fresh session: what is left out stays.
pub async fn update(oauth: Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    fresh(&known)?;
    let Changed { client_id, client_name, client_uri, redirect_uris, scope, more } =
        read_json(&headers, &body, LONGEST)?;
    let details = read_more(more)?;
    let change = ClientChange { name: client_name, uri: client_uri, redirect_uris, scopes: scope, details };
    let client = oauth.update_owned(doer(&known), &client_id, change).await?;
    unkept(&json!({ "client": client.describe() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotated {
    client_id: ClientId,
    #[serde(default)]
    overlap_seconds: u64,
}

/// `POST /auth/clients/rotate-secret`, in a fresh session.
pub async fn rotate(oauth: Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    fresh(&known)?;
    let Rotated { client_id, overlap_seconds } = read_json(&headers, &body, LONGEST)?;
    let overlap = Duration::from_secs(overlap_seconds);
    unkept(&with_secret(&oauth.rotate_owned(doer(&known), &client_id, overlap).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    client_id: ClientId,
}

/// `POST /auth/clients/delete`, in a fresh session.
pub async fn delete(oauth: Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    fresh(&known)?;
    let Which { client_id } = read_json(&headers, &body, LONGEST)?;
    let ended = oauth.delete_owned(doer(&known), &client_id).await?;
    unkept(&json!({ "status": true, "grants_ended": ended }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trusted {
    client_id: ClientId,
    trusted: bool,
    /// The addresses that the operator was shown, and vouches for.
    #[serde(default)]
    redirect_uris: Vec<String>,
}

/// `POST /auth/clients/trust`, for operators in a fresh session.
pub async fn trust(oauth: Service, known: Known, headers: HeaderMap, body: Bytes) -> Result<Response> {
    fresh(&known)?;
    let Trusted { client_id, trusted, redirect_uris } = read_json(&headers, &body, LONGEST)?;
    let shown: Vec<&str> = redirect_uris.iter().map(String::as_str).collect();
    let trust = if trusted { Trust::Shown(&shown) } else { Trust::Gone };
    let client = oauth.set_trust(Some(doer(&known)), &client_id, trust).await?;
    unkept(&json!({ "client": client.describe() }))
}

fn doer(known: &Known) -> Doer<'_> {
    Doer { caller: &known.caller, info: Some(&known.visitor.info) }
}

fn fresh(known: &Known) -> Result<()> {
    if known.visitor.is_fresh {
        return Ok(());
    }
    Err(Failure::forbidden("session.not_fresh", "Confirm that you are there first.")
        .hint("Open /auth/confirm, then try again."))
}

fn with_secret(new: &NewClient) -> Value {
    json!({ "client": new.client.describe(), "client_secret": new.secret.as_ref().map(TokenText::expose) })
}
