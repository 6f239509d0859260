//! `key list`, `key rotate`, `key revoke`: what tokens are signed with.

use belgie_api::clap::{Arg, ArgAction, ArgMatches, Command};
use belgie_api::command::Output;
use belgie_api::{Failure, Result};
use serde_json::{Value, json};

use super::lines;
use crate::model::key::{KeyAlgorithm, KeyState, StoredKey};
use crate::service::{OAuth, RevokedKey, Rotated};

/// The noun and its verbs.
pub fn command() -> Command {
    let rotate = Command::new("rotate")
        .about("Lets the next key sign; the one that did stays published until its tokens have ended")
        .arg(
            Arg::new("alg")
                .long("alg")
                .value_name("ALGORITHM")
                .value_parser(KeyAlgorithm::ALL.map(KeyAlgorithm::as_str))
                .ignore_case(true)
                .help("Of which algorithm; of all that are in use unless given"),
        )
        .arg(
            Arg::new("now")
                .long("now")
                .action(ArgAction::SetTrue)
                .help("Though others may not know the next key yet, as when the present one has become known"),
        );
    let revoke = Command::new("revoke")
        .about("Ends a key that others may have: it is published no more, and what it has signed is refused at once")
        .arg(Arg::new("kid").required(true).value_name("KID").help("As `key list` shows it"));
    Command::new("key")
        .about("Keys that tokens are signed with")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([rotate, revoke, Command::new("list").about("Lists the keys, newest first")])
}

/// Runs a verb.
pub async fn run(oauth: OAuth, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("list", _)) => list(&oauth).await,
        Some(("rotate", matches)) => rotate(&oauth, matches).await,
        Some(("revoke", matches)) => revoke(&oauth, matches).await,
        _ => Err(Failure::bad_request("command.unknown", "Say list, rotate or revoke.")),
    }
}

async fn list(oauth: &OAuth) -> Result<Output> {
    let keys = oauth.list_keys().await?;
    let text = if keys.is_empty() { "Nothing was ever signed here.".to_owned() } else { lines(keys.iter().map(line)) };
    Ok(Output::new(text, json!({ "keys": keys.iter().map(describe).collect::<Vec<_>>() })))
}

fn line(key: &StoredKey) -> String {
    let since = match key.state() {
        KeyState::Next => format!("published {}", key.created_at),
        KeyState::Current => format!("signs since {}", key.current_at.unwrap_or(key.created_at)),
        KeyState::Retired => format!("needed until {}", key.needed_until),
    };
    format!("{}  {}  {}  {since}", key.id, key.algorithm, key.state().as_str())
}

fn describe(key: &StoredKey) -> Value {
    json!({
        "kid": key.id,
        "alg": key.algorithm.as_str(),
        "state": key.state().as_str(),
        "created_at": key.created_at,
        "current_at": key.current_at,
        "retired_at": key.retired_at,
        "needed_until": key.needed_until,
    })
}

async fn rotate(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let named = matches
        .get_one::<String>("alg")
        .and_then(|name| KeyAlgorithm::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name)));
    let algorithms = match named {
        Some(algorithm) => vec![algorithm],
        None => oauth.list_key_algorithms().await?,
    };
    if algorithms.is_empty() {
        return Err(Failure::bad_request("key.none", "Nothing is signed here, so there is no key to rotate.")
            .hint("Set access_token_format of [plugins.oauth-server], or name an algorithm with --alg."));
    }
    let mut rotated = Vec::with_capacity(algorithms.len());
    for algorithm in algorithms {
        rotated.push(oauth.rotate_key(algorithm, matches.get_flag("now")).await?);
    }
    let json = json!({ "rotated": rotated.iter().map(describe_rotation).collect::<Vec<_>>() });
    Ok(Output::new(lines(rotated.iter().map(said)), json))
}

async fn revoke(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let id = matches.get_one::<String>("kid").map(String::as_str).unwrap_or_default();
    let RevokedKey { algorithm, current, tokens } = oauth.revoke_key(id).await?;
    let instead = current.as_ref().map_or_else(String::new, |key| format!("; {key} signs now"));
    Ok(Output::new(
        format!("{id} is gone, and with it the access tokens it has signed: {tokens}{instead}"),
        json!({ "kid": id, "alg": algorithm.as_str(), "current": current, "tokens_revoked": tokens }),
    ))
}

fn said(Rotated { algorithm, retired, current, next }: &Rotated) -> String {
    let before = retired.as_ref().map_or_else(String::new, |id| format!(" in place of {id}"));
    format!("{algorithm}: {current} signs now{before}; {next} is next")
}

fn describe_rotation(rotated: &Rotated) -> Value {
    json!({
        "alg": rotated.algorithm.as_str(),
        "retired": rotated.retired,
        "current": rotated.current,
        "next": rotated.next,
    })
}
