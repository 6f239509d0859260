//! `POST /register` (RFC 7591 section 3): anybody may introduce a client. What it says is shown to people as a claim.

use std::sync::Arc;

use belgie_api::Result;
use belgie_api::axum::body::Bytes;
use belgie_api::axum::extract::State;
use belgie_api::axum::http::{HeaderMap, StatusCode};
use belgie_api::axum::response::Response;
use belgie_api::ports::LimitBucket;
use belgie_api::web::RequestInfo;
use serde_json::{Value, json};

use super::wire::{has_type, unkept};
use crate::model::refusal;
use crate::model::registration::Registration;
use crate::service::{NewClient, OAuth};

/// Registers a client; status 201 (RFC 7591 section 3.2.1).
pub async fn register(
    State(oauth): State<Arc<OAuth>>,
    info: RequestInfo,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    oauth.host().limits().take(LimitBucket::Register, &info.ip.to_string()).await?;
    if !has_type(&headers, "application/json") {
        return Err(refusal::invalid_client_metadata("Send the metadata as application/json."));
    }
    let registration = Registration::read(&body, &oauth.host().catalog()?.scopes)?;
    let added = oauth.register(registration).await?;
    Ok(unkept(StatusCode::CREATED, &body_of(&added, oauth.settings().openid_connect)))
}

fn body_of(NewClient { client, secret }: &NewClient, has_id_tokens: bool) -> Value {
    let mut body = json!({
        "client_id": client.id,
        "client_id_issued_at": client.created_at.unix_seconds(),
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
        "application_type": client.application_type,
    });
    let optional = [
        ("client_name", Some(client.name.clone()).filter(|name| !name.is_empty()).map(Value::from)),
        ("client_uri", client.uri.clone().map(Value::from)),
        ("scope", Some(client.scopes.to_string()).filter(|scopes| !scopes.is_empty()).map(Value::from)),
        ("id_token_signed_response_alg", has_id_tokens.then(|| client.id_token_algorithm.as_str().into())),
        ("client_secret", secret.as_ref().map(|secret| secret.expose().into())),
        // Zero: it does not expire (RFC 7591 section 3.2.1).
        ("client_secret_expires_at", secret.as_ref().map(|_| 0.into())),
    ];
    if let Some(members) = body.as_object_mut() {
        members.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    body
}
