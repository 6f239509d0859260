//! `client create --jwks FILE` and `--jwks-uri URL`: a client that proves by its keys who it is.

use std::path::{Path, PathBuf};

use belgie_api::clap::{Arg, ArgMatches, value_parser};
use belgie_api::{Failure, Result};
use serde_json::{Map, Value};

use crate::model::foreign_keys::{ClientKeys, MAX_BYTES};
use crate::model::settings::Settings;

/// Where keys come from.
pub fn sources() -> [Arg; 2] {
    [
        Arg::new("jwks").long("jwks").value_name("FILE").value_parser(value_parser!(PathBuf)),
        Arg::new("jwks-uri").long("jwks-uri").value_name("URL"),
    ]
}

/// The arguments of a new client.
pub fn arguments() -> [Arg; 2] {
    let [file, address] = sources();
    [
        file.conflicts_with("confidential")
            .help("It proves who it is by signing (private_key_jwt), with one of the public keys in this file (a JSON Web Key Set)"),
        address
            .conflicts_with_all(["jwks", "confidential"])
            .help("The same, with keys that it publishes at this https address and may change"),
    ]
}

/// The keys that are given, if any are.
pub fn read(settings: &Settings, matches: &ArgMatches) -> Result<Option<ClientKeys>> {
    let metadata = metadata(matches)?;
    if metadata.is_empty() {
        return Ok(None);
    }
    let keys = ClientKeys::read(&metadata, settings.allow_loopback_clients);
    keys.map(Some).map_err(|fault| Failure::bad_request("client.bad_keys", fault.0))
}

/// The same as members of client metadata, unread.
pub fn metadata(matches: &ArgMatches) -> Result<Map<String, Value>> {
    let mut metadata = Map::new();
    if let Some(file) = matches.get_one::<PathBuf>("jwks") {
        metadata.insert("jwks".to_owned(), read_file(file)?);
    }
    if let Some(address) = matches.get_one::<String>("jwks-uri") {
        metadata.insert("jwks_uri".to_owned(), address.clone().into());
    }
    Ok(metadata)
}

fn read_file(file: &Path) -> Result<Value> {
    let bad = |message: &'static str| Failure::bad_request("client.bad_keys", message);
    let text = std::fs::read(file).map_err(|error| bad("The file of keys cannot be read.").source(error))?;
    if text.len() > MAX_BYTES {
        return Err(bad("The file of keys is larger than 32 KiB."));
    }
    serde_json::from_slice(&text).map_err(|error| bad("The file of keys is no JSON.").source(error))
}
