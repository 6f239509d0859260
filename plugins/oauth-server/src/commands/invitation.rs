//! `client invite`, `client invitations`, `client uninvite`: initial access tokens (RFC 7591 section 1.2).

use std::time::Duration;

use belgie_api::clap::{Arg, ArgMatches, Command, value_parser};
use belgie_api::command::Output;
use belgie_api::{Failure, Result};
use serde_json::json;

use super::lines;
use super::token::text;
use crate::model::invitation::Invitation;
use crate::service::{NewInvitation, OAuth};

const DAY: u64 = 24 * 3600;

/// The verbs.
pub fn commands() -> [Command; 3] {
    let invite = Command::new("invite")
        .about("Makes an invitation with which clients may register themselves; its token is shown once")
        .arg(Arg::new("name").long("name").value_name("NAME").help("What to call it"))
        .arg(
            Arg::new("uses")
                .long("uses")
                .value_name("NUMBER")
                .value_parser(value_parser!(u32).range(1..=10_000))
                .default_value("1")
                .help("How many clients may register with it"),
        )
        .arg(
            Arg::new("ttl")
                .long("ttl")
                .value_name("SECONDS")
                .value_parser(value_parser!(u64).range(60..=365 * DAY))
                .default_value("86400")
                .help("How long it is good; a year at most"),
        );
    let withdraw = Command::new("uninvite")
        .about("Takes an invitation back; clients that have registered with it stay")
        .arg(Arg::new("id").required(true).value_name("INVITATION_ID").help("As `client invitations` shows it"));
    [invite, Command::new("invitations").about("Lists the invitations that are good, newest first"), withdraw]
}

/// `client invite`
pub async fn invite(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let new = NewInvitation {
        name: matches.get_one::<String>("name").cloned().unwrap_or_default(),
        uses: matches.get_one::<u32>("uses").copied().unwrap_or(1),
        ttl: Duration::from_secs(matches.get_one::<u64>("ttl").copied().unwrap_or(DAY)),
    };
    let (token, invitation) = oauth.invite_client(new).await?;
    let mut json = invitation.describe();
    if let Some(members) = json.as_object_mut() {
        members.insert("initial_access_token".to_owned(), token.expose().into());
    }
    let said = format!("{}\nInitial access token: {}\nIt is shown this once.", line(&invitation), token.expose());
    Ok(Output::new(said, json))
}

/// `client invitations`
pub async fn list(oauth: &OAuth) -> Result<Output> {
    let known = oauth.list_client_invitations().await?;
    let said = if known.is_empty() { "No invitation is good.".to_owned() } else { lines(known.iter().map(line)) };
    Ok(Output::new(said, json!({ "invitations": known.iter().map(Invitation::describe).collect::<Vec<_>>() })))
}

/// `client uninvite`
pub async fn withdraw(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let id = text(matches, "id");
    let id =
        id.parse().map_err(|_| Failure::bad_request("client.unknown_invitation", "This is no id of an invitation."))?;
    oauth.withdraw_client_invitation(id).await?;
    Ok(Output::new(format!("{id} lets nobody in any more"), json!({ "id": id })))
}

fn line(invitation: &Invitation) -> String {
    let Invitation { id, name, uses_left, expires_at, .. } = invitation;
    format!("{id}  {name}  uses left {uses_left}  expires {expires_at}")
}
