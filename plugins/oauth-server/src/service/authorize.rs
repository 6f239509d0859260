//! The authorization endpoint: asking the person, and acting on the answer (OAuth 2.1 section 4.1).

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::web::Visitor;
use belgie_api::{Caller, ClientId, Failure, PlainToken, Result, ScopeSet, Timestamp, TokenHash, TokenKind};

use super::OAuth;
use super::request::reject;
use crate::model::request::{AuthorizationRequest, SignedIn};
use crate::model::step::Step;
use crate::model::wish::Wish;
use crate::store;
use crate::store::interactions::Answerer;

/// How long a person may look at the consent page.
const CONSENT_TTL: Duration = Duration::from_secs(600);

/// What the person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The agent may.
    Allow(Allowed),
    /// It may not.
    Deny,
}

/// What the agent may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// For whom.
    pub wish: Wish,
    /// Which of the scopes; `None` for all that were asked for.
    pub ticked: Option<ScopeSet>,
}

impl OAuth {
    /// Puts a request before a person; the handle comes back with the answer.
    ///
    /// # Errors
    /// When there is no browser session, or the database does not answer.
    pub async fn ask(&self, caller: &Caller, request: &AuthorizationRequest) -> Result<PlainToken> {
        let (now, answerer) = (self.host.now(), answerer(caller)?);
        let handle = TokenKind::Interaction.mint(self.host.entropy());
        let mut tx = self.host.db().begin().await?;
        store::interactions::insert(&mut tx, handle.hash(), answerer, request, now, now.plus(CONSENT_TTL)).await?;
        tx.commit(now).await?;
        Ok(handle)
    }

    /// What is kept of the handle in an answer: that of our own form or, where the application asks, one signed for this browser.
    fn asked_by(&self, visitor: &Visitor, request: &str) -> Option<TokenHash> {
        if self.settings.pages.of(Step::Consent).is_some() {
            return self.handle_of(visitor, request);
        }
        PlainToken::parse_as(TokenKind::Interaction, request).map(|handle| handle.hash())
    }

    /// Asks the application once more, at the moment of a yes: since the person was asked something may have been left to do.
    async fn look_again(&self, caller: &Caller, handle: TokenHash, answerer: Answerer, now: Timestamp) -> Result<()> {
        if self.own.steps.is_none() {
            return Ok(());
        }
        let mut conn = self.host.db().read().await?;
        let found = store::interactions::find(&mut conn, handle, answerer, now).await?.ok_or_else(stale)?;
        drop(conn);
        self.see_that_nothing_is_left(caller, &found).await
    }

    /// Whether the person never dealt with the client before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_new_client(&self, caller: &Caller, client: &ClientId) -> Result<bool> {
        let mut conn = self.host.db().read().await?;
        Ok(!store::grants::has_any(&mut conn, caller.user().id, client).await?)
    }

    /// Acts on the answer of a person: where the browser goes next.
    ///
    /// # Errors
    /// 400 when the handle is unknown, spent, too old, another person's or another session's, or for whom the agent acts
    /// is left open, or nothing is ticked; 403 when that is an organization of which the person is no member, or something is left to
    /// do. Those four spend nothing.
    pub async fn answer(&self, visitor: &Visitor, request: &str, decision: Decision) -> Result<String> {
        let (now, caller) = (self.host.now(), visitor.caller.as_ref().ok_or_else(stale)?);
        let handle = self.asked_by(visitor, request).ok_or_else(stale)?;
        let answerer = answerer(caller)?;
        let bound = match decision {
            Decision::Allow(Allowed { wish, ticked }) => {
                self.look_again(caller, handle, answerer, now).await?;
                Some((self.bind(answerer.user, wish).await?, ticked))
            }
            Decision::Deny => None,
        };
        let mut tx = self.host.db().begin().await?;
        if !self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await? {
            return Err(stale());
        }
        let asked = store::interactions::find(&mut tx, handle, answerer, now).await?.ok_or_else(stale)?;
        // The client before what it asks for, as whoever deletes it does: a no refers to it, and a device waits for an answer. Who only
        // gives a code waits for nobody.
        if bound.is_none() || asked.device.is_some() {
            store::secrets::hold(&mut tx, &asked.client.id).await?;
        }
        let mut request = store::interactions::consume(&mut tx, handle, answerer, now).await?.ok_or_else(stale)?;
        let issuer = self.host.urls().issuer();
        let act = |action, details| AuditEntry::done(action).by(caller).to(&request.client.id).with(details);
        let Some((bound, ticked)) = bound else {
            let refused = act("consent.refused", json!({ "scopes": request.scopes }));
            self.record(&mut tx, &refused).await?;
            // Whoever said yes before and says no now means no from now on, whoever vouches for the client.
            store::consents::delete_given_to(&mut tx, answerer.user, &request.client.id).await?;
            store::denials::remember(&mut tx, answerer.user, &request.client.id, now).await?;
            if request.device.is_some() {
                let location = self.turn_device_away(&mut tx, &request, now).await?;
                tx.commit(now).await?;
                return Ok(location);
            }
            tx.commit(now).await?;
            return Ok(request.reply.with_error(issuer, reject("access_denied", "The person said no.")));
        };
        bound.check(&request.resources)?;
        if let Some(ticked) = ticked {
            request.narrow(&ticked)?;
        }
        request.binding = bound.binding;
        if request.device.is_some() {
            store::denials::forget(&mut tx, answerer.user, &request.client.id).await?;
            return self.let_device_in(tx, caller, answerer, request, now).await;
        }
        self.remember(&mut tx, answerer.user, &request, now).await?;
        // After what is remembered: a deletion of the client comes to its denials last.
        store::denials::forget(&mut tx, answerer.user, &request.client.id).await?;
        self.give(tx, caller, answerer, request, "consent.given", now).await
    }

    /// Gives the client a code for a request that was allowed, and commits: where the browser goes next.
    pub(super) async fn give(
        &self,
        mut tx: Tx,
        caller: &Caller,
        answerer: Answerer,
        mut request: AuthorizationRequest,
        action: &'static str,
        now: Timestamp,
    ) -> Result<String> {
        request.signed_in = caller
            .principal()
            .presence()
            .map(|presence| SignedIn { at: presence.authenticated_at, by: presence.method.clone() });
        let (teams, resources) = (&request.binding.teams, &request.resources);
        let given = json!({ "scopes": request.scopes, "teams": teams, "resources": resources });
        let act = AuditEntry::done(action).by(caller).to(&request.client.id).with(given);
        self.record(&mut tx, &act.within(request.binding.organization)).await?;
        let code = TokenKind::Code.mint(self.host.entropy());
        let location = request.reply.with_code(self.host.urls().issuer(), &code);
        // The client's own reminder has done its duty; it is not kept.
        request.reply.state = None;
        let expires_at = now.plus(self.settings.code_ttl);
        store::codes::insert(&mut tx, code.hash(), answerer, &request, now, expires_at).await?;
        tx.commit(now).await?;
        Ok(location)
    }
}

/// Who may answer: a person in a browser, in their own session.
pub(super) fn answerer(caller: &Caller) -> Result<Answerer> {
    if caller.is_worn() {
        return Err(Failure::forbidden("session.impersonated", "Only the person can let an agent in.")
            .hint("End the impersonation first."));
    }
    let session = caller
        .session()
        .ok_or_else(|| Failure::forbidden("session.missing", "Only a person in a browser can let an agent in."))?;
    Ok(Answerer { user: caller.user().id, session })
}

fn stale() -> Failure {
    Failure::bad_request(
        "authorize.stale",
        "This request was answered before, took too long or began in another session.",
    )
    .hint("Start again from your agent.")
}
