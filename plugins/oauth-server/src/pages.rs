//! What people see: the consent page, the page of a request that cannot go on, and the connected agents on their account page.

mod client_form;
pub mod clients;
pub mod connection;
mod device;
pub mod interaction;
mod logout;
pub mod remembered;
mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::context::TeamContext;
use belgie_api::plugin::{AccountSection, ScopeHierarchy, ScopeInfo, Template};
use belgie_api::web::Visitor;
use belgie_api::{Caller, GrantBinding, PlainToken, Result, ScopeSet, Timestamp, async_trait};
use serde_json::{Map, Value, json};

use crate::model::address::slugs_in;
use crate::model::client::ClientFace;
use crate::model::consent::{Consent, remembered_host};
use crate::model::grant::{Grant, GrantKind, shown_name};
use crate::model::redirect::{host_of, is_elsewhere};
use crate::model::request::AuthorizationRequest;
use crate::model::scopes::explain;
use crate::service::{BoundPlace, Choice, ErrorReply, OAuth};

pub use self::device::{DEVICE, DEVICE_DONE, device};
pub use self::logout::{LOGOUT, ask_to_sign_out, come_again, signed_out};
use self::tokens::{NEW_TOKEN, TOKENS};
pub use self::tokens::{TokenForm, new_token, tokens};

/// The consent page.
pub const CONSENT: &str = "oauth-server/consent.html";

/// The page for somebody who has not dealt with the agent that sent something that cannot go on.
pub const REFUSED: &str = "oauth-server/refused.html";

/// The section of the account page.
pub const CONNECTIONS: &str = "oauth-server/connections.html";

/// Every page, with the contexts it is tried with when the gateway starts.
pub fn templates() -> Vec<Template> {
    vec![
        Template {
            name: CONSENT,
            source: include_str!("../templates/consent.html"),
            samples: include_str!("../templates/samples/consent.json"),
        },
        Template {
            name: REFUSED,
            source: include_str!("../templates/refused.html"),
            samples: include_str!("../templates/samples/refused.json"),
        },
        device::template(),
        device::template_done(),
        Template {
            name: LOGOUT,
            source: include_str!("../templates/logout.html"),
            samples: include_str!("../templates/samples/logout.json"),
        },
        Template {
            name: TOKENS,
            source: include_str!("../templates/tokens.html"),
            samples: include_str!("../templates/samples/tokens.json"),
        },
        Template {
            name: NEW_TOKEN,
            source: include_str!("../templates/new_token.html"),
            samples: include_str!("../templates/samples/new_token.json"),
        },
        Template {
            name: clients::LIST,
            source: include_str!("../templates/clients.html"),
            samples: include_str!("../templates/samples/clients.json"),
        },
        Template {
            name: clients::FORM,
            source: include_str!("../templates/client_form.html"),
            samples: include_str!("../templates/samples/client_form.json"),
        },
        Template {
            name: clients::ACT,
            source: include_str!("../templates/client_act.html"),
            samples: include_str!("../templates/samples/client_act.json"),
        },
        Template {
            name: connection::CONNECTION,
            source: include_str!("../templates/connection.html"),
            samples: include_str!("../templates/samples/connection.json"),
        },
        Template {
            name: remembered::REMEMBERED,
            source: include_str!("../templates/remembered.html"),
            samples: include_str!("../templates/samples/remembered.json"),
        },
        Template {
            name: CONNECTIONS,
            source: include_str!("../templates/connections.html"),
            samples: include_str!("../templates/samples/connections.json"),
        },
    ]
}

/// What is known of the person who is asked.
pub struct AskedPerson<'a> {
    /// Whether they never dealt with the client before.
    pub is_new_client: bool,
    /// Organizations they can let it act for.
    pub choices: Vec<Choice>,
    /// What they let it act for the last time.
    pub last_choice: Option<GrantBinding>,
    /// Whether a yes is remembered.
    pub is_remembered: bool,
    /// How the request came here.
    pub way: Way<'a>,
}

impl<'a> AskedPerson<'a> {
    /// Finds out what is known of a person who is asked.
    ///
    /// # Errors
    /// When the database does not answer, or the request is for an organization in which they are not.
    pub async fn find(oauth: &OAuth, caller: &Caller, request: &AuthorizationRequest, way: Way<'a>) -> Result<Self> {
        Ok(Self {
            is_new_client: oauth.is_new_client(caller, &request.client.id).await?,
            choices: oauth.list_choices(caller, request).await?,
            last_choice: oauth.last_binding(caller, &request.client.id).await?,
            is_remembered: oauth.settings().remember_consent && remembered_host(request).is_some(),
            way,
        })
    }
}

/// How a request came before a person.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// Path and query of this very request, for whoever wants another account.
    pub here: &'a str,
    /// The code the person typed, when it is the request of a device.
    pub user_code: Option<&'a str>,
}

/// What the consent page shows.
pub fn consent(
    offered: &[ScopeInfo],
    caller: &Caller,
    request: &AuthorizationRequest,
    handle: &PlainToken,
    asked: &AskedPerson<'_>,
) -> Value {
    let redirect_uri = request.reply.redirect_uri.as_str();
    let mut context = json!({
        "client": client_of(&request.client),
        "redirect_host": host_of(redirect_uri),
        "redirect_uri": redirect_uri,
        "is_loopback": is_loopback(redirect_uri, asked.way.user_code.is_some()),
        "device": asked.way.user_code,
        "scopes": explain_all(&request.scopes, offered),
        "resource": request.resources.join(", "),
        "request": handle.expose(),
        "return_to": asked.way.here,
        "account": account_of(caller),
    });
    if let Some(members) = context.as_object_mut() {
        members.extend(choices_of(request, asked));
    }
    context
}

/// What is known of a client, as pages show it.
fn client_of(face: &ClientFace) -> Value {
    json!({
        "id": face.id,
        "name": face.name,
        "host": face.host,
        "uri": face.uri,
        // Only a client known by its metadata document has a host, and we fetched the document from there.
        "verified_host": face.host.is_some(),
    })
}

/// Whatever listens on the person's machine can be any program, by a port (with TLS or without) as by a scheme. A device asks here itself.
fn is_loopback(redirect_uri: &str, is_device: bool) -> bool {
    !is_device && !is_elsewhere(redirect_uri)
}

fn account_of(caller: &Caller) -> Value {
    let user = caller.user();
    json!({ "email": user.email, "name": if user.name.is_empty() { &user.email } else { &user.name } })
}

/// For whom the agent may act, and what is known of the person and it.
fn choices_of(request: &AuthorizationRequest, asked: &AskedPerson<'_>) -> Map<String, Value> {
    let last = asked.last_choice.as_ref();
    let choices: Vec<_> = asked.choices.iter().map(|choice| choice_of(choice, last)).collect();
    let members = [
        ("choices", choices.into()),
        // A request for the endpoint of one organization leaves nothing to choose but the teams.
        ("is_fixed", (!slugs_in(&request.resources).is_empty()).into()),
        ("is_personal", last.is_some_and(|last| last.organization.is_none()).into()),
        ("is_new_client", asked.is_new_client.into()),
        ("is_remembered", asked.is_remembered.into()),
    ];
    members.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
}

/// An organization to choose. What was chosen the last time is chosen already; who comes first has to choose.
fn choice_of(choice: &Choice, last: Option<&GrantBinding>) -> Value {
    let Choice { organization, teams } = choice;
    let last = last.filter(|last| last.organization == Some(organization.id));
    let team_of = |team: &TeamContext| {
        json!({
            "id": team.id,
            "name": team.name,
            "is_chosen": last.is_some_and(|last| last.teams.contains(&team.id)),
        })
    };
    json!({
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "is_chosen": last.is_some(),
        "teams": teams.iter().map(team_of).collect::<Vec<_>>(),
    })
}

/// What is shown instead of a redirect.
pub fn refused(reply: &ErrorReply) -> Value {
    json!({
        "error": reply.error.code,
        "message": reply.error.description,
        "redirect_host": reply.host,
        "location": reply.location,
    })
}

/// The agents and tokens that act for the person, on the account page.
pub struct Connections(pub Arc<OAuth>);

#[async_trait]
impl AccountSection for Connections {
    fn id(&self) -> &'static str {
        "connections"
    }

    fn title(&self) -> &'static str {
        "Connected agents"
    }

    async fn render(&self, visitor: &Visitor) -> Result<String> {
        let host = self.0.host();
        let grants = match &visitor.caller {
            Some(caller) => self.0.list_shown_connections(caller.user().id).await?,
            None => Vec::new(),
        };
        let (offered, now) = (&host.catalog()?.scopes, host.now());
        let mut connections: Vec<Value> = Vec::with_capacity(grants.len());
        for together in by_agent(&grants) {
            let Some(newest) = together.first() else { continue };
            let place = self.0.find_place(newest.user_id, &newest.binding.clone().into()).await?;
            let mut each = Vec::new();
            if together.len() > 1 {
                for grant in &together {
                    let place = self.0.find_place(grant.user_id, &grant.binding.clone().into()).await?;
                    each.push(sign_in(grant, place));
                }
            }
            connections.push(connection((newest, &together), each, place, (offered, now)));
        }
        let known = match &visitor.caller {
            Some(caller) => self.0.list_consents(caller.user().id).await?,
            None => Vec::new(),
        };
        let mut consents: Vec<Value> = Vec::with_capacity(known.len());
        for consent in &known {
            let place = self.0.find_place(consent.user_id, &consent.binding.clone().into()).await?;
            consents.push(remembered(consent, place, offered));
        }
        let context = json!({ "csrf_token": visitor.csrf_token, "connections": connections, "consents": consents });
        host.pages().fragment(CONNECTIONS, context)
    }
}

/// What each agent has for one organization or for the person alone, the newest first; a token stands alone.
fn by_agent(grants: &[Grant]) -> Vec<Vec<&Grant>> {
    let mut found: Vec<Vec<&Grant>> = Vec::new();
    for grant in grants {
        let is_the_same = |other: &&Grant| {
            other.kind == GrantKind::Agent
                && (other.kind, &other.client_id, other.binding.organization_id)
                    == (grant.kind, &grant.client_id, grant.binding.organization_id)
        };
        match found.iter_mut().find(|together| together.first().is_some_and(is_the_same)) {
            Some(together) => together.push(grant),
            None => found.push(vec![grant]),
        }
    }
    found
}

/// One time of several that an agent was let in.
fn sign_in(grant: &Grant, place: BoundPlace) -> Value {
    json!({
        "id": grant.id,
        "created_at": grant.created_at.day(),
        "created_at_iso": grant.created_at,
        "scopes": grant.scopes.iter().collect::<Vec<_>>(),
        "teams": place.teams,
    })
}

/// What an agent has, as one row: all it may do, and when it was last seen. `newest`: the first of them; `each`: what is said of
/// each of several.
fn connection(
    (newest, together): (&Grant, &[&Grant]),
    each: Vec<Value>,
    place: BoundPlace,
    (offered, now): (&[ScopeInfo], Timestamp),
) -> Value {
    let scopes = together.iter().fold(ScopeSet::new(), |all, grant| all.union(&grant.scopes));
    let resources: BTreeSet<&str> = together.iter().flat_map(|grant| &grant.resources).map(String::as_str).collect();
    let last_used_at = together.iter().filter_map(|grant| grant.last_used_at).max();
    let grant = newest;
    let is_token = grant.kind == GrantKind::Personal;
    json!({
        "id": grant.id,
        "client_name": shown_name(grant),
        "client_host": grant.client_host,
        "is_for_organization": grant.binding.organization_id.is_some(),
        // Nothing for one the person has left since: its grants end on their own.
        "organization": place.organization,
        // Of several times each says for itself for which teams it was.
        "teams": place.teams.filter(|_| each.is_empty()),
        "kind": if is_token { "token" } else { "agent" },
        "scopes": explain_all(&scopes, offered),
        "resource": resources.into_iter().collect::<Vec<_>>().join(", "),
        "created_at": grant.created_at.day(),
        "created_at_iso": grant.created_at,
        "last_used_at": last_used_at.map(|last| last.ago(now)),
        "last_used_at_iso": last_used_at,
        "together": each,
        // An agent's end moves with every refresh and says nothing to a person.
        "expires_at": is_token.then(|| grant.expires_at.day()),
    })
}

/// A remembered consent, as the account page lists it.
fn remembered(consent: &Consent, place: BoundPlace, offered: &[ScopeInfo]) -> Value {
    let name = if consent.client_name.is_empty() { "Unnamed agent" } else { &consent.client_name };
    json!({
        "id": consent.id,
        "client_name": name,
        "redirect_host": consent.redirect_host,
        "is_for_organization": consent.binding.organization_id.is_some(),
        "organization": place.organization,
        "teams": place.teams,
        "scopes": explain_all(&consent.scopes, offered),
        "created_at": consent.created_at.day(),
        "created_at_iso": consent.created_at,
    })
}

/// Each scope as people read it, with what it implies: that goes along with it, ticked or not.
fn explain_all(scopes: &ScopeSet, offered: &[ScopeInfo]) -> Vec<Value> {
    let hierarchy = ScopeHierarchy::of(offered);
    let one = |scope| {
        let (description, is_sensitive) = explain(scope, offered);
        let includes: Vec<&str> = hierarchy.implied_by(scope).map(|implied| explain(implied, offered).0).collect();
        json!({ "name": scope, "description": description, "is_sensitive": is_sensitive, "includes": includes })
    };
    scopes.iter().map(one).collect()
}
