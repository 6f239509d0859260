//! `client update`: what is to be different about a client.

use belgie_api::clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use belgie_api::command::Output;
use belgie_api::{ClientId, Failure, Result};
use serde_json::Value;

use super::client_keys;
use crate::model::details::ClientDetails;
use crate::model::owned::ClientChange;
use crate::service::OAuth;

/// What can be said, each alone or together.
const SAID: [&str; 11] = [
    "name",
    "redirect-uri",
    "website",
    "scope",
    "jwks",
    "jwks-uri",
    "device",
    "post-logout-redirect-uri",
    "backchannel-logout-uri",
    "dpop",
    "pushed-only",
];

/// The verb.
pub fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let several = |name, value, help| text(name, value, help).action(ArgAction::Append);
    let flag = |name, help| text(name, "true|false", help).value_parser(value_parser!(bool));
    let [jwks, jwks_uri] = client_keys::sources();
    Command::new("update")
        .about("Changes a client; what is left out stays")
        .arg(Arg::new("id").required(true).value_name("CLIENT_ID").help("As `client list` shows it"))
        .args([
            text("name", "NAME", "What people read on the consent page"),
            several("redirect-uri", "URI", "Where answers may be sent, all of them; repeat it for several"),
            text("website", "URL", "Its web site; \"\" for none"),
            text("scope", "SCOPES", "What it gets when it asks for none; \"\" for nothing"),
            jwks.help("Its keys, in place of those it has: a file with a JSON Web Key Set"),
            jwks_uri.conflicts_with("jwks").help("The same, with keys that it publishes at this https address"),
            flag("device", "Whether it may be let in with a code that people type"),
            several(
                "post-logout-redirect-uri",
                "URI",
                "Where people may be sent after signing out, all of them; \"\" for nowhere",
            ),
            text("backchannel-logout-uri", "URI", "Where it is told that a session has ended; \"\" for nowhere"),
            flag("dpop", "Whether it is given nothing without a key to bind it to"),
            flag("pushed-only", "Whether its authorization requests are sent ahead"),
        ])
        .group(ArgGroup::new("change").args(SAID).multiple(true).required(true))
}

/// Changes the client.
pub async fn run(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let id = ClientId::from_wire(matches.get_one::<String>("id").cloned().unwrap_or_default());
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let several = |name: &str| {
        let given = matches.get_many::<String>(name)?;
        Some(given.filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>())
    };
    let flag = |name: &str| matches.get_one::<bool>(name).copied();
    let jwks = match client_keys::metadata(matches)?.remove("jwks") {
        None => None,
        Some(Value::Object(set)) => Some(set),
        Some(_) => return Err(Failure::bad_request("client.bad_keys", "The file of keys is no JSON Web Key Set.")),
    };
    let details = ClientDetails {
        jwks,
        jwks_uri: text("jwks-uri"),
        device: flag("device"),
        post_logout_redirect_uris: several("post-logout-redirect-uri"),
        backchannel_logout_uri: text("backchannel-logout-uri"),
        dpop_bound_access_tokens: flag("dpop"),
        require_pushed_authorization_requests: flag("pushed-only"),
        ..ClientDetails::default()
    };
    let change = ClientChange {
        name: text("name"),
        uri: text("website"),
        redirect_uris: several("redirect-uri"),
        scopes: text("scope"),
        details,
    };
    let client = oauth.update_client(&id, change).await?;
    Ok(Output::new(format!("{id} is changed."), client.describe()))
}
