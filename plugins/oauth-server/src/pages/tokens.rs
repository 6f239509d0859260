//! The personal access tokens of a person.

use belgie_api::axum::response::Response;
use belgie_api::ports::OrgName;
use belgie_api::web::Visitor;
use belgie_api::{Caller, PlainToken, Result, ScopeSet, Timestamp};
use serde_json::{Value, json};

use crate::model::grant::LiveToken;
use crate::service::OAuth;

/// The tokens of a person.
pub const TOKENS: &str = "oauth-server/tokens.html";
/// The form for a new one.
pub const NEW_TOKEN: &str = "oauth-server/new_token.html";

/// How long a token can last, in days, and what that is called.
const LIFETIMES: [(&str, &str); 4] =
    [("7", "One week"), ("30", "Thirty days"), ("90", "Ninety days"), ("365", "One year")];

/// The form for a new token, as it was filled in.
#[derive(Default)]
pub struct TokenForm<'a> {
    /// What to call it.
    pub name: &'a str,
    /// What it is to be used for.
    pub scopes: Vec<&'a str>,
    /// The organization it is to act for; empty for the person alone.
    pub organization: &'a str,
    /// How long it is to last, in days.
    pub days: &'a str,
}

impl<'a> TokenForm<'a> {
    /// The form as it was sent.
    pub fn of(fields: &'a [(String, String)]) -> Self {
        let all =
            |name: &'static str| fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str());
        let one = |name| all(name).next().unwrap_or_default();
        Self { name: one("name"), scopes: all("scope").collect(), organization: one("organization"), days: one("days") }
    }
}

/// The tokens of a person, and one that was just made with its name: it is shown now or never.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn tokens(
    oauth: &OAuth,
    visitor: &Visitor,
    caller: &Caller,
    made: Option<(&PlainToken, &str)>,
) -> Result<Response> {
    let (host, user) = (oauth.host(), caller.user().id);
    let (tokens, organizations) = (oauth.list_personal(user).await?, oauth.list_organizations(user).await?);
    let now = host.now();
    let context = json!({
        "secret": made.map(|(secret, _)| secret.expose()),
        "secret_of": made.map(|(_, name)| name),
        "tokens": tokens.iter().map(|token| row(token, &organizations, now)).collect::<Vec<_>>(),
    });
    host.pages().page(visitor, TOKENS, "Access tokens", context)
}

fn row(token: &LiveToken, organizations: &[OrgName], now: Timestamp) -> Value {
    let bound = token.binding.organization_id;
    let organization = organizations.iter().find(|known| Some(known.id) == bound);
    json!({
        "id": token.id,
        "name": token.client_name,
        "is_for_organization": bound.is_some(),
        "organization": organization.map(|known| &known.name),
        "scopes": token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "last_used": token.last_used_at.map(|last| last.ago(now)),
        "last_used_iso": token.last_used_at,
        "expires": token.expires_at.day(),
        "expires_iso": token.expires_at,
    })
}

/// The form for a new token. It offers what the account holds.
///
/// # Errors
/// When the database does not answer or the page cannot be rendered.
pub async fn new_token(
    oauth: &OAuth,
    visitor: &Visitor,
    caller: &Caller,
    form: &TokenForm<'_>,
    error: Option<&str>,
) -> Result<Response> {
    let host = oauth.host();
    let organizations = oauth.list_organizations(caller.user().id).await?;
    let offered = oauth.offered_at(host.catalog()?.resources.get(..1).unwrap_or_default())?;
    let all: ScopeSet = offered.iter().filter_map(|info| info.name.parse().ok()).collect();
    let held = all.within_account(&caller.user().scopes);
    let scope = |info: &&belgie_api::plugin::ScopeInfo| held.has_named(&info.name);
    let scopes: Vec<Value> = offered
        .iter()
        .filter(scope)
        .map(|info| {
            let is_chosen = form.scopes.contains(&info.name.as_ref());
            json!({ "name": info.name, "description": info.description, "is_chosen": is_chosen })
        })
        .collect();
    let choice = |known: &OrgName| {
        let id = known.id.to_string();
        json!({ "is_chosen": form.organization == id, "id": id, "name": known.name })
    };
    let days = if form.days.is_empty() { "90" } else { form.days };
    let lifetime =
        |(value, words): &(&str, &str)| json!({ "days": value, "words": words, "is_chosen": *value == days });
    let context = json!({
        "name": form.name,
        "organizations": organizations.iter().map(choice).collect::<Vec<_>>(),
        "scopes": scopes,
        "lifetimes": LIFETIMES.iter().map(lifetime).collect::<Vec<_>>(),
        "error": error,
    });
    host.pages().page(visitor, NEW_TOKEN, "A new access token", context)
}
