//! What the authorization server knows, without any database or network: grammars, rules and the shapes of rows.

pub mod address;
pub mod client;
pub mod document;
pub mod grant;
pub mod params;
pub mod pkce;
pub mod redirect;
pub mod refusal;
pub mod registration;
pub mod request;
pub mod scopes;
pub mod settings;
pub mod wish;
