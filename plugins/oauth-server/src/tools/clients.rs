//! Applications, for agents of their owners. Nothing secret passes through them: what is shown once is shown to a person on a page.

use std::sync::Arc;

use belgie_api::tools::Refused;
use belgie_api::{Caller, ClientId, Failure, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Json, Parameters};
use crate::model::client::RegisteredClient;
use crate::model::details::ClientDetails;
use crate::model::owned::{ClientChange, ClientWish, Owner};
use crate::service::{Doer, OAuth};

/// The applications of the person, or of the organization this one acts for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClientList {
    /// Newest first, 200 at most.
    clients: Vec<ClientAnswer>,
}

/// One application.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClientAnswer {
    /// Its client id, `cli_...`.
    client_id: String,
    /// What people read.
    client_name: String,
    /// Its web site.
    client_uri: Option<String>,
    /// Where answers go.
    redirect_uris: Vec<String>,
    /// Whether it has a secret.
    is_confidential: bool,
    /// What it gets when it asks for no scope.
    scopes: Vec<String>,
    /// Whether the operator vouches for it.
    is_trusted: bool,
    /// When it was made (RFC 3339).
    created_at: String,
    /// When somebody last let it in (RFC 3339).
    last_used_at: Option<String>,
    /// When its secret ends (RFC 3339), if it does.
    secret_expires_at: Option<String>,
    /// What else it is: its public keys, devices, signing out, and what it is held to. What is not there does not hold.
    metadata: ClientDetails,
    /// For an application with a secret: the page where the person gets a new one, shown once.
    secret_page: Option<String>,
}

/// A new application.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClientArgs {
    /// What people read on the consent page.
    name: String,
    /// Where answers may go: https, http to 127.0.0.1 or localhost, or a private-use scheme; ten at most.
    redirect_uris: Vec<String>,
    /// Its web site.
    #[serde(default)]
    website: String,
    /// Whether it runs on a server and has a secret. The secret is not in the answer: a person gets it on the page that is.
    #[serde(default)]
    confidential: bool,
    /// What else it is; leave it out for a plain application.
    #[serde(default)]
    metadata: ClientDetails,
}

/// What is to be different about an application; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientChangeArgs {
    /// Its client id.
    client_id: String,
    /// What people read on the consent page.
    name: Option<String>,
    /// Where answers may go, all of them.
    redirect_uris: Option<Vec<String>>,
    /// Its web site; empty for none.
    website: Option<String>,
    /// What else is to be different.
    #[serde(default)]
    metadata: ClientDetails,
}

/// An application.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientArgs {
    /// Its client id.
    client_id: String,
}

/// What the end of an application has ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClientGone {
    /// How many connections ended with it.
    connections_ended: usize,
}

/// Whoever acts for an organization deals with its applications, and nobody else's.
fn owner(caller: &Caller) -> Owner {
    match caller.principal().binding().organization {
        Some(organization) => Owner::Organization(organization),
        None => Owner::Person(caller.user().id),
    }
}

fn describe(oauth: &OAuth, client: &RegisteredClient) -> ClientAnswer {
    let page = oauth.host().urls().absolute(&format!("/account/clients/{}/secret", client.id));
    ClientAnswer {
        client_id: client.id.to_string(),
        client_name: client.name.clone(),
        client_uri: client.uri.clone(),
        redirect_uris: client.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        is_confidential: client.secret_hash.is_some(),
        scopes: client.scopes.iter().map(ToString::to_string).collect(),
        is_trusted: client.standing.trusted_at.is_some(),
        metadata: ClientDetails::of(client),
        created_at: client.created_at.to_string(),
        last_used_at: client.last_used_at.map(|last| last.to_string()),
        secret_expires_at: client.secrets.secret_expires_at.map(|end| end.to_string()),
        secret_page: client.secret_hash.is_some().then_some(page),
    }
}

/// Only those of the owner the caller acts for: an operator's agent is no operator.
async fn own(oauth: &OAuth, caller: &Caller, id: &str) -> Result<ClientId, Failure> {
    let client = oauth.find_managed(caller, &ClientId::from_wire(id)).await?;
    if client.standing.owner() == Some(owner(caller)) {
        return Ok(client.id);
    }
    Err(Failure::not_found("client.unknown", "There is no client of this id."))
}

/// `list_my_clients`
pub async fn list_my_clients(State(oauth): State<Arc<OAuth>>, caller: Caller) -> Result<Json<ClientList>, Refused> {
    // A client that acts for itself is no person, and has none.
    if caller.service().is_some() && caller.organization().is_none() {
        return Ok(Json(ClientList { clients: Vec::new() }));
    }
    let clients = oauth.list_owned(&caller, owner(&caller)).await?;
    Ok(Json(ClientList { clients: clients.iter().map(|client| describe(&oauth, client)).collect() }))
}

/// `create_client`
pub async fn create_client(
    State(oauth): State<Arc<OAuth>>,
    caller: Caller,
    Parameters(wanted): Parameters<NewClientArgs>,
) -> Result<Json<ClientAnswer>, Refused> {
    let wish = ClientWish {
        name: wanted.name,
        uri: wanted.website,
        redirect_uris: wanted.redirect_uris,
        is_confidential: wanted.confidential,
        scopes: String::new(),
        details: wanted.metadata,
    };
    let doer = Doer { caller: &caller, info: None };
    let made = oauth.create_owned(doer, owner(&caller), wish).await?;
    Ok(Json(describe(&oauth, &made.client)))
}

/// `update_client`
pub async fn update_client(
    State(oauth): State<Arc<OAuth>>,
    caller: Caller,
    Parameters(wanted): Parameters<ClientChangeArgs>,
) -> Result<Json<ClientAnswer>, Refused> {
    let id = own(&oauth, &caller, &wanted.client_id).await?;
    let change = ClientChange {
        name: wanted.name,
        uri: wanted.website,
        redirect_uris: wanted.redirect_uris,
        scopes: None,
        details: wanted.metadata,
    };
    let doer = Doer { caller: &caller, info: None };
    let client = oauth.update_owned(doer, &id, change).await?;
    Ok(Json(describe(&oauth, &client)))
}

/// `delete_client`
pub async fn delete_client(
    State(oauth): State<Arc<OAuth>>,
    caller: Caller,
    Parameters(which): Parameters<ClientArgs>,
) -> Result<Json<ClientGone>, Refused> {
    let id = own(&oauth, &caller, &which.client_id).await?;
    let doer = Doer { caller: &caller, info: None };
    let connections_ended = oauth.delete_owned(doer, &id).await?;
    Ok(Json(ClientGone { connections_ended }))
}
