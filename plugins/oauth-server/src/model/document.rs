//! Client ID metadata documents (draft-ietf-oauth-client-id-metadata-document, MCP 2026-07-28 client registration): a
//! client whose identifier is the address of a document about it.

use belgie_api::ClientId;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::address::{is_own_machine, read_site};
use super::client::{Client, ClientFace, presentable_name};
use super::device::DEVICE_CODE;
use super::foreign_keys::{ClientKeys, is_private};
use super::key::KeyAlgorithm;
use super::logout::LogoutWish;
use super::pairwise::SubjectWish;
use super::redirect::{RedirectFault, RedirectUri};
use super::rules::ClientRules;

/// The longest document, in bytes (draft section 6.6).
pub const MAX_BYTES: usize = 5 * 1024;

/// Why a document, or its address, cannot stand for a client. Shown to the person whose agent sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DocumentFault(&'static str);

/// Checks the address of a document (draft section 3): https with a path, written the one way a parser writes it, so that
/// simple comparison is enough. `allow_loopback` lets http and https to the own machine pass, for development.
pub fn check_address(text: &str, allow_loopback: bool) -> Result<Url, DocumentFault> {
    let fail = |message| Err(DocumentFault(message));
    if text.len() > 2048 {
        return fail("Its client_id is too long.");
    }
    let Ok(url) = Url::parse(text) else { return fail("Its client_id is not a web address.") };
    let is_loopback = is_own_machine(&url);
    let is_allowed_loopback = is_loopback && allow_loopback;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_allowed_loopback) {
        return fail("Its client_id must be an https address.");
    }
    if !is_allowed_loopback && (is_loopback || !matches!(url.host(), Some(Host::Domain(_)))) {
        return fail("Its client_id must name a public host.");
    }
    // `https://@host/` parses without a user name, but is written back differently, so the comparison below finds it.
    if !url.username().is_empty() || url.password().is_some() {
        return fail("Its client_id must not hold a user name or password.");
    }
    if url.fragment().is_some() {
        return fail("Its client_id must not have a fragment.");
    }
    if url.path() == "/" {
        return fail("Its client_id must have a path.");
    }
    // Catches dot segments, default ports, upper-case hosts, tabs and everything else that could be read in two ways.
    if url.as_str() != text {
        return fail("Its client_id is not in its simplest form.");
    }
    Ok(url)
}

/// Reads the document that was fetched from `address`. `allow_loopback`: its keys may be on the own machine, for development.
pub fn read(address: &Url, body: &[u8], allow_loopback: bool) -> Result<Client, DocumentFault> {
    let fail = |message| Err(DocumentFault(message));
    let Ok(Value::Object(document)) = serde_json::from_slice(body) else {
        return fail("Its metadata document is not a JSON object.");
    };
    if text_of(&document, "client_id") != Some(address.as_str()) {
        return fail("Its metadata document names another client_id.");
    }
    let keys = read_proof(&document, allow_loopback)?;
    check_flows(&document)?;
    let name = presentable_name(text_of(&document, "client_name").unwrap_or_default());
    if name.is_empty() {
        return fail("Its metadata document has no client_name.");
    }
    let redirect_uris = redirects_of(&document)?;
    // The same rules as in a registration; on the own machine for development alone.
    let logout = LogoutWish::read(&[], text_of(&document, "backchannel_logout_uri"), allow_loopback)
        .map_err(|_| DocumentFault("Its metadata document names a backchannel_logout_uri that is not allowed."))?;
    let face = ClientFace {
        id: ClientId::from_wire(address.as_str()),
        name,
        host: address.host_str().map(str::to_owned),
        uri: text_of(&document, "client_uri").and_then(read_site),
    };
    let grant_types = texts_of(&document, "grant_types")?.unwrap_or_default();
    // One that wants something else than we have gets what everybody has, and refuses it if it must.
    let wanted = text_of(&document, "id_token_signed_response_alg").and_then(KeyAlgorithm::named);
    Ok(Client {
        face,
        is_trusted: false,
        is_operators: false,
        redirect_uris,
        can_refresh: grant_types.contains(&"refresh_token"),
        has_devices: grant_types.contains(&DEVICE_CODE),
        usual_scopes: belgie_api::ScopeSet::new(),
        id_token_algorithm: wanted.unwrap_or(KeyAlgorithm::Rs256),
        keys,
        rules: ClientRules::read(&document).map_err(DocumentFault)?,
        sector: None,
        backchannel_logout_uri: logout.backchannel_uri,
    })
}

/// What the client wishes to know people by, as in a registration. Of which sector it is may have to be asked elsewhere.
pub fn read_subjects(body: &[u8]) -> Result<SubjectWish, DocumentFault> {
    let document: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    SubjectWish::read(text_of(&document, "subject_type"), text_of(&document, "sector_identifier_uri"))
        .map_err(|_| DocumentFault("Its metadata document wishes to know people in a way that is not known here."))
}

/// Draft section 4.1: nothing secret stands in a public document, and no method that would need one. The keys by which the
/// client proves who it is, if it does.
fn read_proof(document: &Map<String, Value>, allow_loopback: bool) -> Result<Option<ClientKeys>, DocumentFault> {
    if ["client_secret", "client_secret_expires_at"].iter().any(|name| document.contains_key(*name)) {
        return Err(DocumentFault("Its metadata document holds a client secret."));
    }
    let keys = document.get("jwks").and_then(|jwks| jwks.get("keys")).and_then(Value::as_array);
    if keys.is_some_and(|keys| keys.iter().any(is_private)) {
        return Err(DocumentFault("Its metadata document holds a private key."));
    }
    match document.get("token_endpoint_auth_method").map(Value::as_str) {
        None | Some(Some("none")) => Ok(None),
        Some(Some("private_key_jwt")) => {
            ClientKeys::read(document, allow_loopback).map(Some).map_err(|fault| DocumentFault(fault.0))
        }
        Some(_) => Err(DocumentFault("It wants to authenticate in a way a public document does not allow.")),
    }
}

fn check_flows(document: &Map<String, Value>) -> Result<(), DocumentFault> {
    if texts_of(document, "grant_types")?.is_some_and(|names| !names.contains(&"authorization_code")) {
        return Err(DocumentFault("Its metadata document rules out the grant type authorization_code."));
    }
    if texts_of(document, "response_types")?.is_some_and(|names| !names.contains(&"code")) {
        return Err(DocumentFault("Its metadata document rules out the response type code."));
    }
    Ok(())
}

/// Every redirect URI must be harmless. One whose private-use scheme is merely unknown here is left out, so that the
/// client still works with its other ones.
fn redirects_of(document: &Map<String, Value>) -> Result<Vec<RedirectUri>, DocumentFault> {
    let mut found = Vec::new();
    for text in texts_of(document, "redirect_uris")?.unwrap_or_default() {
        match RedirectUri::read(text) {
            Ok(uri) => found.push(uri),
            Err(RedirectFault::UnknownScheme) => {}
            Err(_) => return Err(DocumentFault("Its metadata document names a redirect URI that is not allowed.")),
        }
    }
    if found.is_empty() {
        return Err(DocumentFault("Its metadata document names no redirect URI that can be used here."));
    }
    Ok(found)
}

fn text_of<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str)
}

fn texts_of<'a>(document: &'a Map<String, Value>, name: &str) -> Result<Option<Vec<&'a str>>, DocumentFault> {
    let Some(value) = document.get(name) else { return Ok(None) };
    let texts = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect());
    texts.map(Some).ok_or(DocumentFault("Its metadata document has a list that is not a list of texts."))
}

#[cfg(test)]
#[path = "document/tests.rs"]
mod tests;
