//! What the authorization server knows, without any database or network: grammars, rules and the shapes of rows.

pub mod access_token;
pub mod address;
pub mod answer;
pub mod assertion;
pub mod client;
pub mod consent;
pub mod details;
pub mod device;
pub mod document;
pub mod dpop;
pub mod exchange;
pub mod foreign_keys;
pub mod grant;
pub mod invitation;
pub mod key;
pub mod logout;
pub mod openid;
pub mod owned;
pub mod pairwise;
pub mod params;
pub mod pkce;
pub mod prompt;
pub mod redirect;
pub mod refusal;
pub mod registration;
pub mod request;
pub mod rules;
pub mod scopes;
pub mod secret;
pub mod settings;
pub mod spelling;
pub mod step;
pub mod trust;
pub mod wish;

#[cfg(test)]
mod property_tests;
