//! The authorization server with sign-in and consent pages of your own. `cargo run --example oauth_server_custom_pages`.
//!
//! A file in `templates_dir` takes the place of ours of the same name; everything else stays. Each is rendered with the
//! samples of ours before anything opens, so a page that asks for something it is not given stops the boot.

#![expect(
    clippy::print_stdout,
    clippy::default_trait_access,
    reason = "an example says where it listens and keeps to the point"
)]

use belgie::config::RawConfig;
use belgie::{Belgie, Builder};

/// The folder with the pages.
const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/custom_pages");

/// What the environment says comes first.
pub fn builder(mut config: RawConfig) -> Builder {
    for (name, value) in [("BELGIE_TEMPLATES_DIR", PAGES), ("BELGIE_SITE_NAME", "Acme")] {
        config.environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    Belgie::builder(config).demo_tools()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (gateway, listener) = builder(RawConfig::of_process(Default::default())?).listen().await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    println!("Give your agent this address: {}", gateway.host().urls().absolute("/mcp"));
    gateway.run(listener).await;
    Ok(())
}
