//! What the authorization server knows, without any database or network: grammars, rules and the shapes of rows.

pub mod access_token;
pub mod address;
pub mod answer;
pub mod client;
pub mod consent;
pub mod document;
pub mod grant;
pub mod key;
pub mod openid;
pub mod params;
pub mod pkce;
pub mod prompt;
pub mod redirect;
pub mod refusal;
pub mod registration;
pub mod request;
pub mod scopes;
pub mod settings;
pub mod wish;
