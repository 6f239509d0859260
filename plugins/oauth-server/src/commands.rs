//! What the operator can do at the command line: `client ...` and `token ...`.

mod client;
mod service;
mod token;

use std::sync::Arc;

use belgie_api::Host;
use belgie_api::command::PluginCommand;

use crate::model::settings::Settings;
use crate::service::OAuth;

/// The commands of this plugin.
pub fn commands(settings: &Settings) -> Vec<PluginCommand> {
    let settings = Arc::new(settings.clone());
    let start = move |host: Host| OAuth::new(host, settings.as_ref().clone());
    let start_again = start.clone();
    vec![
        PluginCommand::new(client::command(), move |host, matches| client::run(start(host), matches)),
        PluginCommand::new(token::command(), move |host, matches| token::run(start_again(host), matches)),
    ]
}

fn lines(each: impl Iterator<Item = String>) -> String {
    each.collect::<Vec<_>>().join("\n")
}
