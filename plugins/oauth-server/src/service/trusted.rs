//! Clients the operator vouches for: people are let in without a question.

use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Caller, ClientId, Failure, GrantBinding, Result};

use super::OAuth;
use super::authorize::answerer;
use super::powers::{Doer, is_operator};
use super::secrets::unknown_client;
use crate::model::address::slugs_in;
use crate::model::client::RegisteredClient;
use crate::model::consent::remembered_host;
use crate::model::redirect::{RedirectUri, is_elsewhere};
use crate::model::request::AuthorizationRequest;
use crate::model::wish::Wish;
use crate::store;

/// The code of the refusal when the addresses are not those that were shown.
pub const ADDRESSES_CHANGED: &str = "client.addresses_changed";

/// Whether the operator vouches for a client, and for what.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// For a client that sends its answers to these addresses, all of which they were shown, and to no others.
    Shown(&'a [&'a str]),
    /// For the client as it is.
    AsItIs,
    /// No more.
    Gone,
}

impl OAuth {
    /// Vouches for a client, so that people are let in without a question, or takes that back. `doer`: the operator on a page;
    /// `None` at the command line.
    ///
    /// # Errors
    /// 404 for whoever is no operator, 400 for a client whose answers go to people's own machines, or to nobody, 409 when they go
    /// elsewhere than the operator was shown.
    pub async fn set_trust(&self, doer: Option<Doer<'_>>, id: &ClientId, trust: Trust<'_>) -> Result<RegisteredClient> {
        if doer.is_some_and(|doer| !is_operator(doer.caller)) {
            return Err(unknown_client());
        }
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        if let Some(doer) = doer {
            self.hold_doer(&mut tx, doer, true).await?;
        }
        let mut client = store::secrets::hold(&mut tx, id).await?.ok_or_else(unknown_client)?;
        let is_trusted = !matches!(trust, Trust::Gone);
        if is_trusted && !client.redirect_uris.iter().any(|uri| is_elsewhere(uri.as_str())) {
            return Err(Failure::bad_request(
                "client.cannot_be_trusted",
                "Its answers go to people's own machines, where any program may be waiting, or to nobody.",
            ));
        }
        if let Trust::Shown(shown) = trust
            && !client.redirect_uris.iter().map(RedirectUri::as_str).eq(shown.iter().copied())
        {
            let message = "Where its answers go has changed since you looked.";
            return Err(Failure::conflict(ADDRESSES_CHANGED, message)
                .hint("Look at the addresses again, and send those that you have seen."));
        }
        client.standing.trusted_at = is_trusted.then_some(now);
        store::owned::set_trust(&mut tx, id, client.standing.trusted_at).await?;
        let action = if is_trusted { "client.trusted" } else { "client.distrusted" };
        let act = doer.map_or_else(|| AuditEntry::done(action), |doer| doer.act(action));
        let uris: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
        self.record(&mut tx, &act.to(id).with(json!({ "redirect_uris": uris }))).await?;
        tx.commit(now).await?;
        Ok(client)
    }

    /// Where the browser goes next when the operator vouches for the client. `None` when the person is asked all the same: when
    /// the answer goes to their own machine, where any program may be waiting (RFC 8252 section 8.6); when a scope hangs on their
    /// account; when they have to choose for whom the client acts; and when they have said no to it, or it was cut off or made to do less, and
    /// they have not let it in by hand since.
    ///
    /// # Errors
    /// When the database does not answer, or it cannot be found out what the person is in the organization.
    pub async fn answer_trusted(
        &self,
        caller: &Caller,
        request: &AuthorizationRequest,
        is_trusted: bool,
    ) -> Result<Option<String>> {
        if !is_trusted || remembered_host(request).is_none() || request.scopes.depends_on_account() {
            return Ok(None);
        }
        let (Ok(answerer), now) = (answerer(caller), self.host.now()) else { return Ok(None) };
        let choices = self.list_choices(caller, request).await?;
        let is_fixed = !slugs_in(&request.resources).is_empty();
        let wish = match choices.as_slice() {
            [] if !is_fixed => Wish::Themselves,
            [only] if is_fixed => {
                Wish::Organization { organization: only.organization.id, teams: std::collections::BTreeSet::new() }
            }
            _ => return Ok(None),
        };
        let mut request = request.clone();
        request.binding = match wish {
            Wish::Organization { .. } => {
                let bound = self.bind(answerer.user, wish).await?;
                bound.check(&request.resources)?;
                bound.binding
            }
            _ => GrantBinding::default(),
        };
        let mut tx = self.host.db().begin().await?;
        if !self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await? {
            return Ok(None);
        }
        // The operator vouches for it, and the answer goes where it may, at this very moment.
        let client = store::secrets::hold(&mut tx, &request.client.id).await?;
        let goes_there = |own: &RedirectUri| own.allows(&request.reply.redirect_uri);
        if !client.is_some_and(|own| own.standing.trusted_at.is_some() && own.redirect_uris.iter().any(goes_there)) {
            return Ok(None);
        }
        // Whoever asks for more than they last had is asked about. The grant is held, so that whoever ends it at this very moment comes
        // before the code or finds it.
        let last = store::grants::hold_last(&mut tx, answerer.user, &request.client.id).await?;
        let hierarchy = &self.host.catalog()?.hierarchy;
        if last.is_some_and(|last| !last.lets_in_again(&request, hierarchy)) {
            return Ok(None);
        }
        // A no, and that it was cut off or made to do less, goes before the operator's word, until they let it in by hand. Whoever says no
        // holds the person, as is done here; whoever ends or narrows a grant holds that.
        if store::denials::has(&mut tx, answerer.user, &request.client.id).await? {
            return Ok(None);
        }
        // So does what they took from an answer that is remembered.
        let host = remembered_host(&request).unwrap_or_default();
        let known = store::consents::list_for(&mut tx, answerer.user, &request.client.id, &host).await?;
        if known.iter().any(|consent| consent.allows_less(&request)) {
            return Ok(None);
        }
        self.give(tx, caller, answerer, request, "consent.trusted", now).await.map(Some)
    }
}
