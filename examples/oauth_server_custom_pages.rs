//! The authorization server with sign-in and consent pages of your own. `cargo run --example oauth_server_custom_pages`.
//!
//! A file in `templates_dir` takes the place of ours of the same name; everything else stays. Each is rendered with the
//! samples of ours before anything opens, so a page that asks for something it is not given stops the boot.

#![expect(clippy::print_stdout, reason = "an example says where it listens and keeps to the point")]

use belgie::config::RawConfig;
use belgie::{Belgie, Builder};

/// The folder with the pages.
const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/custom_pages");

/// `settings`: more lines of `belgie.toml`.
pub fn builder(settings: &str) -> Builder {
    Belgie::builder(RawConfig::from_text(&format!("site_name = \"Acme\"\ntemplates_dir = {PAGES:?}\n{settings}")))
        .demo_tools()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gateway = builder("").build().await?;
    if let Some(link) = gateway.offer_setup().await? {
        println!("Make the first account here: {link}");
    }
    let listener = tokio::net::TcpListener::bind(gateway.config().server.listen).await?;
    println!("Give your agent this address: {}", gateway.host().urls().absolute("/mcp"));
    gateway.serve(listener).await;
    Ok(())
}
