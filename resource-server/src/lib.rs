//! For a server of your own that takes the access tokens of a Belgie gateway, or of any authorization server with RFC 8414
//! metadata that signs tokens as RFC 9068 says or answers introspection (RFC 7662).
//!
//! ```no_run
//! use axum::{Router, middleware, routing::get};
//! use belgie_resource_server::{ResourceServer, Token, require_token};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let server = ResourceServer::of("https://auth.example.com", "https://api.example.com").scope("reports:read").build()?;
//! let reports = get(|token: Token| async move { format!("the reports of {}", token.subject) });
//! let application = Router::new()
//!     .route("/reports", reports)
//!     .layer(middleware::from_fn_with_state(server.clone(), require_token))
//!     .merge(server.metadata_route());
//! # axum::serve(tokio::net::TcpListener::bind("127.0.0.1:0").await?, application).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Without more, signed tokens are checked with the keys the issuer publishes: no request for a token, and one that is revoked
//! is good until it ends. With [`Builder::introspect`] the issuer is asked, so that tokens of any form are taken and a revoked
//! one opens nothing from then on. A token that is bound to a key (RFC 9449) opens nothing without a proof of that key, used once:
//! [`require_token`] looks at it, and [`Builder::used_proofs`] says where several processes remember those that were used. Whatever cannot be made certain opens nothing: an issuer that does not answer is 503, but for
//! tokens that a key signed which was read in the last hour.

mod builder;
mod introspection;
mod issuer;
mod keys;
mod proof;
mod refusal;
mod signed;
mod token;
mod used;
mod web;

pub use builder::{Builder, Misconfigured, ResourceServer};
pub use proof::BoundRequest;
pub use refusal::{Reason, Refused};
pub use token::Token;
pub use used::{InMemory, ShownProof, Taken, Use, UsedProofs};
pub use web::require_token;
