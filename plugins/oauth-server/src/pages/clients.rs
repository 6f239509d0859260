//! Applications of people and organizations.

use belgie_api::axum::response::Response;
use belgie_api::ports::Organizations;
use belgie_api::web::Visitor;
use belgie_api::{Caller, Result, Timestamp};
use serde_json::{Value, json};

pub use super::client_form::ClientForm;
use crate::model::access_token::TokenText;
use crate::model::client::RegisteredClient;
use crate::model::details::Offers;
use crate::model::owned::Owner;
use crate::service::{NewClient, OAuth, is_operator, unknown_client};

/// The applications of somebody.
pub const LIST: &str = "oauth-server/clients.html";
/// The form for a new one, and for changes.
pub const FORM: &str = "oauth-server/client_form.html";
/// What is asked before something that cannot be taken back.
pub const ACT: &str = "oauth-server/client_act.html";

/// How long an old secret may go on, in seconds, and what that is called.
const OVERLAPS: [(&str, &str); 4] =
    [("0", "Not at all"), ("3600", "One hour"), ("86400", "One day"), ("604800", "One week")];

/// Which applications a page lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those of an owner.
    Of(Owner),
    /// All, for operators.
    All,
}

/// What is asked before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A new secret.
    Secret,
    /// The end of the client.
    Delete,
    /// Letting people in without a question, or asking them again.
    Trust,
}

/// An application that was just made or given a new secret: shown now or never.
pub struct Made<'a> {
    name: &'a str,
    id: &'a str,
    secret: Option<&'a TokenText>,
}

impl<'a> Made<'a> {
    /// What there is to show of a client.
    pub fn of(new: &'a NewClient) -> Self {
        Self { name: &new.client.name, id: new.client.id.as_str(), secret: new.secret.as_ref() }
    }
}

/// The list on which a caller finds a client.
pub fn which_of(caller: &Caller, client: &RegisteredClient) -> Which {
    match client.standing.owner() {
        Some(Owner::Person(user)) if user == caller.user().id => Which::Of(Owner::Person(user)),
        Some(Owner::Organization(organization)) => Which::Of(Owner::Organization(organization)),
        _ => Which::All,
    }
}

/// Its address.
pub fn list_of(caller: &Caller, client: &RegisteredClient) -> String {
    match which_of(caller, client) {
        Which::Of(Owner::Organization(organization)) => format!("/account/clients?organization={organization}"),
        Which::Of(Owner::Person(_)) => "/account/clients".to_owned(),
        Which::All => "/account/clients?all=true".to_owned(),
    }
}

/// The applications of an owner, or all of them.
///
/// # Errors
/// 404 for whoever may not see them, or when the database does not answer or the page cannot be rendered.
pub async fn list(
    oauth: &OAuth,
    visitor: &Visitor,
    caller: &Caller,
    which: Which,
    made: Option<Made<'_>>,
) -> Result<Response> {
    let clients = match which {
        Which::Of(owner) => oauth.list_owned(caller, owner).await?,
        Which::All => oauth.list_for_operator(caller).await?,
    };
    let (host, now) = (oauth.host(), oauth.host().now());
    let organization = match which {
        Which::Of(owner) => name_of(oauth, caller, owner).await?,
        Which::All => None,
    };
    let managed = match which {
        Which::Of(Owner::Person(_)) => oauth.list_managed_organizations(caller).await?,
        _ => Vec::new(),
    };
    let new = match which {
        Which::Of(Owner::Organization(id)) => format!("/account/clients/new?organization={id}"),
        _ => "/account/clients/new".to_owned(),
    };
    let title = organization.as_ref().map_or("My applications", |_| "Applications");
    let context = json!({
        "organization": organization,
        "is_all": which == Which::All,
        "is_operator": is_operator(caller),
        "new": (which != Which::All && oauth.may_make_clients(caller)).then_some(new),
        "made": made.map(|made| json!({
            "name": made.name, "id": made.id, "secret": made.secret.map(TokenText::expose),
        })),
        "organizations": managed.iter().map(|one| json!({ "id": one.id, "name": one.name })).collect::<Vec<_>>(),
        "clients": clients.iter().map(|client| row(client, now)).collect::<Vec<_>>(),
    });
    host.pages().page(visitor, LIST, if which == Which::All { "All applications" } else { title }, context)
}

/// The name of the organization an owner is; a person needs none.
async fn name_of(oauth: &OAuth, caller: &Caller, owner: Owner) -> Result<Option<String>> {
    let Owner::Organization(organization) = owner else { return Ok(None) };
    let own = oauth.list_organizations(caller.user().id).await?.into_iter().find(|known| known.id == organization);
    if let Some(own) = own {
        return Ok(Some(own.name));
    }
    let size = match oauth.host().provided::<Organizations>() {
        Some(port) => port.0.size(organization).await?,
        None => None,
    };
    Ok(Some(size.map_or_else(|| organization.to_string(), |size| size.name)))
}

fn row(client: &RegisteredClient, now: Timestamp) -> Value {
    let shown = |name: &str| if name.is_empty() { "Unnamed application".to_owned() } else { name.to_owned() };
    json!({
        "id": client.id,
        "name": shown(&client.name),
        "is_confidential": client.secret_hash.is_some(),
        "is_trusted": client.standing.trusted_at.is_some(),
        "can_be_trusted": client.redirect_uris.iter().any(|uri| uri.as_str().starts_with("https://")),
        "origin": match client.origin.as_str() {
            "operator" => "Made by the operator",
            "registration" => "Registered itself",
            _ if client.standing.owner_organization_id.is_some() => "An organization's",
            _ => "A person's",
        },
        "redirect_uris": client.redirect_uris,
        "created_at": client.created_at.day(),
        "created_at_iso": client.created_at,
        "last_used_at": client.last_used_at.map(|last| last.ago(now)),
        "last_used_at_iso": client.last_used_at,
        "secret_ends": client.secrets.secret_expires_at.map(Timestamp::day),
        "has_secret_ended": client.secrets.secret_expires_at.is_some_and(|end| end <= now),
        "previous_ends": client.secrets.previous_ends(now).map(Timestamp::day),
    })
}

/// The form for a new application.
///
/// # Errors
/// 404 for whoever may not make one for this owner, or when the page cannot be rendered.
pub async fn new(
    oauth: &OAuth,
    visitor: &Visitor,
    caller: &Caller,
    owner: Owner,
    filled: &ClientForm,
    error: Option<&str>,
) -> Result<Response> {
    // Whoever may not see the list has no form either.
    oauth.list_owned(caller, owner).await?;
    let organization = match owner {
        Owner::Organization(organization) => Some(organization.to_string()),
        Owner::Person(_) => None,
    };
    let context = json!({
        "client": null,
        "organization": organization,
        "organization_name": name_of(oauth, caller, owner).await?,
        "may_make": oauth.may_make_clients(caller),
        "form": filled.show(),
        "offers": offers_of(oauth)?,
        "error": error,
    });
    oauth.host().pages().page(visitor, FORM, "A new application", context)
}

/// What can be said of an application here.
fn offers_of(oauth: &OAuth) -> Result<Value> {
    let offers = Offers::of(oauth.settings(), &oauth.host().catalog()?.scopes);
    Ok(json!({ "devices": offers.devices, "openid": offers.openid, "dpop": offers.dpop, "pushed": offers.pushed }))
}

/// The form for changes.
///
/// # Errors
/// When the page cannot be rendered.
pub fn edit(
    oauth: &OAuth,
    visitor: &Visitor,
    client: &RegisteredClient,
    filled: &ClientForm,
    error: Option<&str>,
) -> Result<Response> {
    let context = json!({
        "client": {
            "id": client.id,
            "is_confidential": client.secret_hash.is_some(),
            "has_redirects": !client.redirect_uris.is_empty(),
            "has_keys": client.keys.is_some(),
        },
        "organization": null,
        "organization_name": null,
        "may_make": true,
        "form": filled.show(),
        "offers": offers_of(oauth)?,
        "error": error,
    });
    oauth.host().pages().page(visitor, FORM, "An application", context)
}

/// What is asked before it is done.
///
/// # Errors
/// 404 for an act that is not the caller's, or when the page cannot be rendered.
pub fn act(
    oauth: &OAuth,
    visitor: &Visitor,
    caller: &Caller,
    client: &RegisteredClient,
    act: Act,
    error: Option<&str>,
) -> Result<Response> {
    let is_possible = match act {
        Act::Secret => client.secret_hash.is_some(),
        Act::Delete => true,
        Act::Trust => is_operator(caller),
    };
    if !is_possible {
        // What is not theirs to do is as unknown as an application that is nowhere.
        return Err(unknown_client());
    }
    let (name, title) = match act {
        Act::Secret => ("secret", "A new secret"),
        Act::Delete => ("delete", "Delete the application"),
        Act::Trust => ("trust", "Trust the application"),
    };
    let context = json!({
        "act": name,
        "client": row(client, oauth.host().now()),
        "back": list_of(caller, client),
        "error": error,
        "overlaps": OVERLAPS.map(|(seconds, words)| json!({ "seconds": seconds, "words": words })),
    });
    oauth.host().pages().page(visitor, ACT, title, context)
}
