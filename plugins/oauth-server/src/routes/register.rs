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

use super::wire::{has_type, read_bearer, unkept};
use crate::model::refusal;
use crate::model::registration::Registration;
use crate::service::{NewClient, OAuth};

/// Registers a client; status 201 (RFC 7591 section 3.2.1). An initial access token comes as a bearer token (section 3).
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
    let registration = Registration::read(&body, &oauth.host().catalog()?.scopes, oauth.settings())?;
    let added = oauth.register(registration, read_bearer(&headers)?).await?;
    Ok(unkept(StatusCode::CREATED, &body_of(&oauth, &added)))
}

/// The client information response (RFC 7591 section 3.2.1, RFC 7592 section 3).
pub(super) fn body_of(oauth: &OAuth, new: &NewClient) -> Value {
    let NewClient { client, secret, registration_token } = new;
    let has_id_tokens = oauth.settings().openid_connect;
    let mut body = json!({
        "client_id": client.id,
        "client_id_issued_at": client.created_at.unix_seconds(),
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
        "application_type": client.application_type,
    });
    let ends = client.secrets.secret_expires_at.map_or(0, belgie_api::Timestamp::unix_seconds);
    let address = oauth.host().urls().absolute(&format!("/register/{}", client.id));
    let optional = [
        ("client_name", Some(client.name.clone()).filter(|name| !name.is_empty()).map(Value::from)),
        ("client_uri", client.uri.clone().map(Value::from)),
        ("scope", Some(client.scopes.to_string()).filter(|scopes| !scopes.is_empty()).map(Value::from)),
        ("id_token_signed_response_alg", has_id_tokens.then(|| client.id_token_algorithm.as_str().into())),
        (
            "post_logout_redirect_uris",
            (!client.post_logout_redirect_uris.is_empty()).then(|| json!(client.post_logout_redirect_uris)),
        ),
        ("subject_type", client.sector.is_some().then(|| "pairwise".into())),
        ("backchannel_logout_uri", client.backchannel_logout_uri.clone().map(Value::from)),
        ("registration_access_token", registration_token.as_ref().map(|token| token.expose().into())),
        ("registration_client_uri", registration_token.as_ref().map(|_| address.into())),
        ("client_secret", secret.as_ref().map(|secret| secret.expose().into())),
        // Zero: it does not expire (RFC 7591 section 3.2.1).
        ("client_secret_expires_at", secret.as_ref().map(|_| ends.into())),
    ];
    if let Some(members) = body.as_object_mut() {
        let keys = client.keys.as_ref().and_then(|keys| serde_json::to_value(keys).ok());
        members.extend(client.rules.members());
        members.extend(keys.and_then(|keys| keys.as_object().cloned()).into_iter().flatten());
        members.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    body
}
