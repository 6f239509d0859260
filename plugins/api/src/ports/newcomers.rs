//! People who come by a way that does not prove their address, where it must be proven before they are let in.

use async_trait::async_trait;
use axum::response::Response;
use http::HeaderMap;
use serde_json::Value;

use super::NewUser;
use crate::context::UserContext;
use crate::failure::Result;
use crate::web::Visitor;

/// Somebody without an account, who came by a way that does not prove the address.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The account that is wanted.
    pub user: NewUser,
    /// How the person came: the id of a provider.
    pub method: String,
    /// What that way is called, for people.
    pub way: String,
    /// What is to hang on the account once it is there ([`Act::Bring`](crate::hooks::Act::Bring)). It is sealed at rest.
    pub brought: Value,
    /// Where the person wants to go: a path of ours.
    pub return_to: Option<String>,
}

/// Lets people prove their addresses by mail.
#[async_trait]
pub trait Newcomers: Send + Sync {
    /// Whether addresses must be proven here before a session begins, and can be.
    fn must_prove(&self) -> bool;

    /// Asks somebody to prove the address of an account that is not there yet. Nothing is made before the link in the mail
    /// is followed. In the browser that asks, it makes the account and hangs on it what was brought; anywhere else nothing
    /// that was brought counts, for a stranger may have brought it. When there is an account of the address already, its
    /// owner is told of the attempt. The page to answer with is the same for every address.
    ///
    /// # Errors
    /// 429 when too many mails were asked for; when the address is none or the database does not answer.
    async fn ask_to_sign_up(&self, visitor: &Visitor, newcomer: Newcomer) -> Result<Response>;

    /// Asks somebody to prove the address of an account that is there, and gives the page to answer with.
    ///
    /// # Errors
    /// 429 when too many mails were asked for; when the database does not answer.
    async fn ask_to_verify(&self, visitor: &Visitor, headers: &HeaderMap, user: &UserContext) -> Result<Response>;
}
