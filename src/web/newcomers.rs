//! People whom a plugin brings without a proof of their address: they are sent a mail, as at our own sign-up.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::HeaderMap;
use axum::response::Response;
use belgie_api::Result;
use belgie_api::context::UserContext;
use belgie_api::ports::{LimitBucket, Limits, Newcomer, Newcomers, Pages};
use belgie_api::web::{Visitor, is_local_path};

use super::by_mail::{Senders, browser_mark, letter_page};
use super::sign_in::CONFIRM_FIRST;
use super::sign_up::SENT;
use crate::auth::Devices;
use crate::identity::Identity;

/// [`Newcomers`] over the mail of this host.
pub struct MailedNewcomers {
    /// People.
    pub identity: Identity,
    /// Rate limits.
    pub limits: Arc<dyn Limits>,
    /// Browsers that are known.
    pub devices: Devices,
    /// Templates.
    pub pages: Arc<dyn Pages>,
}

impl MailedNewcomers {
    fn senders(&self) -> Senders<'_> {
        Senders { limits: self.limits.as_ref(), devices: &self.devices, identity: &self.identity }
    }
}

#[async_trait]
impl Newcomers for MailedNewcomers {
    fn must_prove(&self) -> bool {
        self.identity.rules().requires_verified_email && self.identity.has_mail()
    }

    async fn ask_to_sign_up(&self, visitor: &Visitor, mut newcomer: Newcomer) -> Result<Response> {
        let email = newcomer.user.email.clone();
        self.limits.take(LimitBucket::SignUp, &visitor.info.ip.to_string()).await?;
        self.senders().limit(visitor, &email).await?;
        newcomer.return_to = newcomer.return_to.filter(|path| is_local_path(path));
        self.identity.ask_newcomer(newcomer, &browser_mark(visitor)).await?;
        letter_page(self.pages.as_ref(), visitor, &email, SENT)
    }

    async fn ask_to_verify(&self, visitor: &Visitor, headers: &HeaderMap, user: &UserContext) -> Result<Response> {
        self.senders().limit_here(visitor, headers, &user.email).await?;
        self.identity.send_verification(user.id, &browser_mark(visitor)).await?;
        letter_page(self.pages.as_ref(), visitor, &user.email, CONFIRM_FIRST)
    }
}
