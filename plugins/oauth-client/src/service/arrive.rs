//! The end of a flow: a session or a link, and where the person lands.

use std::time::Duration;

use belgie_api::axum::http::{HeaderMap, HeaderValue};
use belgie_api::ports::BegunSession;
use belgie_api::web::Visitor;
use belgie_api::{Caller, Failure, Result, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::Engine;
use super::finish::Landed;
use super::settle::{Arrival, Found, Settled, StillLinked};
use crate::model::account::Identity;
use crate::model::cookie;
use crate::model::flow::{FinishedFlow, Flow, Intent};
use crate::model::profile::Profile;
use crate::model::refusal;
use crate::model::tokens::TokenSet;
use crate::provider::Provider;
use crate::store;

/// What the cookie of the account used last is sealed for.
const ACCOUNT: &str = "oauth-client.account-cookie";
const ACCOUNT_COOKIE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// A signed-in person who comes to the sign-in page is sent on to where people land here.
pub(super) const USUAL_LANDING: &str = "/auth/signin";

#[derive(Serialize, Deserialize)]
struct LastAccount {
    user: UserId,
    provider_account_id: String,
}

/// The person in front of the browser, if it is the one a flow was begun for, in the very session. No flow begins in a session that
/// an operator wears, and none is worn later, so it is nobody else's.
fn is_still_there(visitor: &Visitor, user: UserId, session: SessionId) -> Option<&Caller> {
    let caller = visitor.caller.as_ref().filter(|caller| caller.user().id == user);
    caller.filter(|caller| caller.session() == Some(session))
}

/// When whoever signs in is known to have been there last. `said`: by the provider, which may repeat what it knows from
/// yesterday or say nothing. Who is signed in here already and comes again is no fresher than before: anybody can make a link
/// that leads through a provider.
/// Who was not signed in here and of whom the provider says nothing signs in now, as with any other way in.
fn was_there_at(visitor: &Visitor, user: UserId, said: Option<Timestamp>) -> Option<Timestamp> {
    let caller = visitor.caller.as_ref().filter(|caller| caller.user().id == user);
    let before = caller.and_then(|caller| caller.principal().presence()).map(|presence| presence.authenticated_at);
    before.or(said)
}

impl Engine {
    pub(super) async fn arrive(
        &self,
        provider: &Provider,
        visitor: &Visitor,
        headers: &HeaderMap,
        flow: &Flow,
        (profile, identity, tokens, signed_in_at): (Profile, Identity, TokenSet, Option<Timestamp>),
    ) -> Result<Landed> {
        let arrival = Arrival {
            settings: provider.settings(),
            profile: &profile,
            identity: &identity,
            tokens: &tokens,
            info: Some(&visitor.info),
            requests_sign_up: flow.options.request_sign_up,
        };
        let mut cookies = Vec::new();
        let (settled, landing, is_link) = match flow.intent {
            Intent::SignIn => {
                let newcomers = self.host.newcomers();
                let settled = match self.settle(&arrival).await? {
                    Found::Settled(settled) => settled,
                    Found::Unproven(user) => {
                        return newcomers.ask_to_verify(visitor, headers, &user).await.map(Landed::Asked);
                    }
                    Found::Newcomer(email) => {
                        let newcomer = self.newcomer(provider, email, flow, &arrival).await?;
                        return newcomers.ask_to_sign_up(visitor, newcomer).await.map(Landed::Asked);
                    }
                };
                let person = (settled.user, &identity, signed_in_at);
                let begun = self.begin_session(provider, visitor, headers, person).await?;
                cookies.push(begun.cookie);
                (settled, USUAL_LANDING, false)
            }
            Intent::Link { user, session } => {
                // The person in front of the browser, not the one the flow was begun for, says what is linked.
                let caller = is_still_there(visitor, user, session).ok_or_else(refusal::link_of_another_session)?;
                self.link(&arrival, caller).await?;
                (Settled { user, is_new: false }, "/account", true)
            }
            Intent::Confirm { .. } => return Err(Failure::internal("a proof of presence arrives nowhere")),
        };
        cookies.extend(self.account_cookie(provider, settled.user, &identity.subject)?);
        let options = &flow.options;
        let wanted = options.new_user_redirect_url.as_ref().filter(|_| settled.is_new).or(options.return_to.as_ref());
        let mut location = wanted.map_or(landing, String::as_str).to_owned();
        if let Some(payload) = &options.payload {
            let finished = FinishedFlow {
                provider: provider.id().to_owned(),
                provider_account_id: identity.subject.clone(),
                user: settled.user,
                is_new_user: settled.is_new,
                is_link,
                payload: Some(payload.clone()),
            };
            location = self.keep_finished(&finished, &location).await?;
        }
        Ok(Landed::At { location, cookies })
    }

    /// Begins a session for somebody who came with an account elsewhere, if that is still linked.
    pub(super) async fn begin_session(
        &self,
        provider: &Provider,
        visitor: &Visitor,
        headers: &HeaderMap,
        (user, identity, signed_in_at): (UserId, &Identity, Option<Timestamp>),
    ) -> Result<BegunSession> {
        let ground = StillLinked { identity, was_there_at: was_there_at(visitor, user, signed_in_at) };
        self.host.sessions().begin_on(visitor, headers, (user, provider.id()), &ground).await
    }

    /// The session somebody has proved to be there for: by an account that opens theirs, in the browser and the session in
    /// which they were asked.
    pub(super) async fn confirm(
        &self,
        visitor: &Visitor,
        (user, session): (UserId, SessionId),
        identity: &Identity,
    ) -> Result<SessionId> {
        is_still_there(visitor, user, session).ok_or_else(refusal::confirm_of_another_session)?;
        let account = store::accounts::find(&mut self.host.db().read().await?, identity).await?;
        let account = account.filter(|account| account.user_id == user);
        account.map(|_| session).ok_or_else(refusal::confirm_by_another_account)
    }

    /// The cookie that says which account was used last, where that is wished.
    pub fn account_cookie(&self, provider: &Provider, user: UserId, subject: &str) -> Result<Option<HeaderValue>> {
        if !provider.settings().store_account_cookie {
            return Ok(None);
        }
        let last = LastAccount { user, provider_account_id: subject.to_owned() };
        let text = serde_json::to_vec(&last).map_err(Failure::internal)?;
        let value = self.host.seal(ACCOUNT, provider.id().as_bytes(), &text)?;
        Ok(self.cookies().set(&self.cookies().account_name(provider.id()), &value, ACCOUNT_COOKIE_LIFETIME))
    }

    /// The account a person used last with this browser, while it is linked. A hint: what there is says the database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_account(&self, provider: &Provider, user: UserId, headers: &HeaderMap) -> Result<Option<String>> {
        let Some(last) = self.account_of_cookie(provider, headers).filter(|last| last.user == user) else {
            return Ok(None);
        };
        let linked = self.list_of(provider, user).await?;
        let is_linked = linked.iter().any(|account| account.subject == last.provider_account_id);
        Ok(is_linked.then_some(last.provider_account_id))
    }

    fn account_of_cookie(&self, provider: &Provider, headers: &HeaderMap) -> Option<LastAccount> {
        let value = cookie::find(headers, &self.cookies().account_name(provider.id()))?;
        let text = self.host.unseal(ACCOUNT, provider.id().as_bytes(), value).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Takes back the cookie that says which account was used last, if the browser has one.
    pub fn forget_account(&self, provider: &str, headers: &HeaderMap) -> Vec<HeaderValue> {
        let name = self.cookies().account_name(provider);
        cookie::find(headers, &name).and_then(|_| self.cookies().clear(&name)).into_iter().collect()
    }
}
