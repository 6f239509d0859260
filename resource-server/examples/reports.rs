//! A server of reports that takes the tokens of a gateway. Run it with
//! `cargo run -p belgie-resource-server --example reports -- http://127.0.0.1:8080`.

#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use axum::{Router, middleware, routing::get};
use belgie_resource_server::{ResourceServer, Token, require_token};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let server = ResourceServer::of(&issuer, &address).build()?;
    let reports = get(|token: Token| async move { format!("the reports of {}", token.subject) });
    let application = Router::new()
        .route("/reports", reports)
        .layer(middleware::from_fn_with_state(server.clone(), require_token))
        .merge(server.metadata_route());
    println!("Reports at {address}/reports, for tokens of {issuer}");
    axum::serve(listener, application).await?;
    Ok(())
}
