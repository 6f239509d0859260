//! Where the server of a data directory listened last.
//!
//! Without a configured `base_url` the public address follows from the listener. Commands that run beside a server, such
//! as the one that makes a token, must mean the same address, so the server leaves it in the data directory.

use std::net::SocketAddr;

use belgie_api::Failure;

use crate::config::Config;
use crate::gateway::Checked;

const FILE: &str = "address";

/// Leaves the bound address for commands to come.
///
/// # Errors
/// When the data directory cannot be written to.
pub fn remember(config: &Config, address: SocketAddr) -> Result<(), Failure> {
    if !config.base_url_is_derived {
        return Ok(());
    }
    std::fs::write(config.data_dir.join(FILE), address.to_string()).map_err(Failure::internal)
}

/// A configuration that means the address the server listened on last, when none is configured.
pub fn recall(checked: Checked) -> Checked {
    let config = checked.config();
    if !config.base_url_is_derived {
        return checked;
    }
    let address = std::fs::read_to_string(config.data_dir.join(FILE)).ok().and_then(|text| text.trim().parse().ok());
    match address {
        Some(address) => checked.bound_to(address),
        None => checked,
    }
}
