//! What an application gave along with a flow, on the way back to it.

use std::time::Duration;

use belgie_api::{Failure, PlainToken, Result, TokenKind, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Engine;
use crate::model::account::Identity;
use crate::model::flow::{FLOW_LIFETIME, FinishedFlow};
use crate::model::return_to::with_parameter;
use crate::store;

/// What finished flows are kept under until the application asks.
const FINISHED: &str = "oauth-client.finished";
/// What flows of people are kept under who have yet to prove their address by mail.
const WAITING: &str = "oauth-client.waiting";
/// How long such a flow waits: as long as the link in the mail works, and then as long as any other.
const WAITING_LIFETIME: Duration = Duration::from_secs(3600).saturating_add(FLOW_LIFETIME);

/// A flow of somebody who has no account yet.
#[derive(Serialize, Deserialize)]
struct Waiting {
    /// The account elsewhere that will be the way into theirs.
    identity: Identity,
    /// What the application gave along.
    payload: Value,
}

impl Engine {
    /// Keeps a finished flow until the application asks for it; gives where the person lands.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn keep_finished(&self, finished: &FinishedFlow, landing: &str) -> Result<String> {
        let kept = serde_json::to_value(finished).map_err(Failure::internal)?;
        let token = self.keep(FINISHED, Some(finished.user), kept).await?;
        Ok(with_parameter(landing, "oauth_flow", token.expose()))
    }

    /// Keeps what an application gave along until somebody has proven their address and lands. Nobody's yet, it belongs to
    /// whom the account elsewhere is linked to by then.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn keep_waiting(&self, identity: &Identity, payload: &Value, landing: &str) -> Result<String> {
        let waiting = Waiting { identity: identity.clone(), payload: payload.clone() };
        let kept = serde_json::to_value(&waiting).map_err(Failure::internal)?;
        let token = self.keep_for(WAITING, None, kept, WAITING_LIFETIME).await?;
        Ok(with_parameter(landing, "oauth_flow", token.expose()))
    }

    /// Gives a finished flow to the application, once, while its person is there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_finished(&self, handle: &str, user: UserId) -> Result<Option<FinishedFlow>> {
        let Some(token) = PlainToken::parse_as(TokenKind::Link, handle) else { return Ok(None) };
        let Some(kept) = self.host.one_time().look(FINISHED, &token).await? else {
            return self.take_waiting(&token, user).await;
        };
        if kept.user != Some(user) {
            return Ok(None);
        }
        let Some(payload) = self.use_up(FINISHED, &token).await? else { return Ok(None) };
        serde_json::from_value(payload).map(Some).map_err(Failure::internal)
    }

    async fn take_waiting(&self, token: &PlainToken, user: UserId) -> Result<Option<FinishedFlow>> {
        let Some(kept) = self.host.one_time().look(WAITING, token).await? else { return Ok(None) };
        let Waiting { identity, payload } = serde_json::from_value(kept.payload).map_err(Failure::internal)?;
        let linked = store::accounts::find(&mut self.host.db().read().await?, &identity).await?;
        if linked.is_none_or(|linked| linked.user_id != user) || self.use_up(WAITING, token).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(FinishedFlow {
            provider: identity.provider,
            provider_account_id: identity.subject,
            user,
            is_new_user: true,
            is_link: false,
            payload: Some(payload),
        }))
    }

    async fn use_up(&self, purpose: &str, token: &PlainToken) -> Result<Option<Value>> {
        let mut tx = self.host.db().begin().await?;
        let kept = self.host.one_time().take(&mut tx, purpose, token).await?;
        tx.commit(self.host.now()).await?;
        Ok(kept.map(|kept| kept.payload))
    }
}
