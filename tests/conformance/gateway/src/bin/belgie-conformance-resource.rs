//! The conformance fixture as a resource server that trusts somebody else's authorization server:
//!
//! ```sh
//! [MCP_CONFORMANCE_AUTH_SERVER_PORT=9797] belgie-conformance-resource
//! ```
//!
//! It takes the signed access tokens of `http://127.0.0.1:<that port>` (RFC 9068) whose audience it is, prints
//! `{"mcp_url": ...}`, and serves until it is ended. The issuer is asked for its keys with the first token, so it may start later.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::{Router, middleware};
use belgie_conformance_fixture::ConformanceFixture;
use belgie_resource_server::{ResourceServer, require_token};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Where the suite's authorization server listens unless it is told otherwise.
const PORT: &str = "9797";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the official suite names the port so")]
    let port = std::env::var("MCP_CONFORMANCE_AUTH_SERVER_PORT").unwrap_or_else(|_| PORT.to_owned());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let server = ResourceServer::of(&format!("http://127.0.0.1:{port}"), &url).build()?;
    let fixture = ConformanceFixture::new();
    let sessions = Arc::new(LocalSessionManager::default());
    let mcp = StreamableHttpService::new(move || Ok(fixture.clone()), sessions, StreamableHttpServerConfig::default());
    let application = Router::new()
        .route_service("/mcp", mcp)
        .layer(middleware::from_fn_with_state(server.clone(), require_token))
        .merge(server.metadata_route());
    println!("{}", serde_json::json!({ "mcp_url": url }));
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, application) => served?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
