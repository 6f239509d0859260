//! What `client create` holds a client to.

use belgie_api::Result;
use belgie_api::clap::{Arg, ArgAction, ArgMatches};

use crate::model::rules::ClientRules;
use crate::model::settings::Settings;

/// The arguments.
pub fn arguments() -> [Arg; 2] {
    [
        Arg::new("dpop")
            .long("dpop")
            .action(ArgAction::SetTrue)
            .help("It is given nothing without a key to bind it to (dpop_bound_access_tokens)"),
        Arg::new("pushed-only")
            .long("pushed-only")
            .requires("redirect-uri")
            .action(ArgAction::SetTrue)
            .help("Its authorization requests are sent ahead (require_pushed_authorization_requests)"),
    ]
}

/// What was asked for.
///
/// # Errors
/// `invalid_client_metadata` when it could never be given anything here.
pub fn read(settings: &Settings, matches: &ArgMatches) -> Result<ClientRules> {
    let rules = ClientRules { dpop_bound: matches.get_flag("dpop"), pushed_only: matches.get_flag("pushed-only") };
    rules.check(settings)
}
