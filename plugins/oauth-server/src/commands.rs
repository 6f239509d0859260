//! What the operator can do at the command line: `client ...` and `token ...`.

mod client;
mod client_keys;
mod client_rules;
mod client_update;
mod invitation;
mod key;
mod service;
mod token;

use std::sync::Arc;

use belgie_api::Host;
use belgie_api::command::PluginCommand;

use crate::model::settings::Settings;
use crate::service::OAuth;

/// The commands of this plugin. Where the gateway is opened, they have its settings and not those they were made with.
pub fn commands(settings: &Settings) -> Vec<PluginCommand> {
    let given = Arc::new(settings.clone());
    let start = move |host: Host| {
        let settings =
            host.provided::<Settings>().map_or_else(|| given.as_ref().clone(), |read| Settings::clone(&read));
        OAuth::new(host, settings)
    };
    let (start_again, start_once_more) = (start.clone(), start.clone());
    vec![
        PluginCommand::new(client::command(), move |host, matches| client::run(start(host), matches)),
        PluginCommand::new(key::command(), move |host, matches| key::run(start_once_more(host), matches)),
        PluginCommand::new(token::command(), move |host, matches| token::run(start_again(host), matches)),
    ]
}

fn lines(each: impl Iterator<Item = String>) -> String {
    each.collect::<Vec<_>>().join("\n")
}
