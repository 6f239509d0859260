//! A client is given a token for a token (RFC 8693): less than it, for one place, and no longer.

use std::sync::Arc;

use belgie_api::ports::AuditEntry;
use belgie_api::serde_json::json;
use belgie_api::{Failure, GrantBinding, Holder, Result, TokenId, VerifiedToken};

use super::OAuth;
use super::client_auth::ClientProof;
use super::id_token::USERINFO;
use super::issue::NewAccess;
use super::redeem::IssuedTokens;
use super::today::Today;
use super::verifier::{Found, Verifier};
use crate::model::client::RegisteredClient;
use crate::model::exchange::{ExchangeWish, MAX_ACTORS, act_claim, chain};
use crate::model::refusal;
use crate::model::scopes::narrow_scopes;
use crate::store;
use crate::store::exchanged::{Exchange, Subject};
use crate::store::tokens::NewToken;

/// How often it is read again what was changed while it was looked at.
const AGAIN: usize = 4;

impl Verifier {
    /// A token for a token of a person's: for the client that asks, which acts in it. What is made of a token that is bound to a key is
    /// bound to a key, too: to the same for whoever was given the token, to its own for whoever goes on for it.
    ///
    /// # Errors
    /// `unauthorized_client` for a client that did not prove who it is, `invalid_request` for a token that is not good, or that
    /// is none of the client's business (RFC 8693 section 2.2.2), `invalid_scope` and `invalid_target` for more than it may.
    pub async fn exchange(&self, client: &ClientProof, wish: &ExchangeWish) -> Result<IssuedTokens> {
        for _ in 0..AGAIN {
            if let Some(issued) = self.exchange_unless_changed(client, wish).await? {
                return Ok(issued);
            }
        }
        Err(Failure::unavailable("a grant was changed again and again while a token of it was exchanged"))
    }

    /// The same; `None` when the person made the grant do less, or lost something, while it was looked at.
    async fn exchange_unless_changed(&self, client: &ClientProof, wish: &ExchangeWish) -> Result<Option<IssuedTokens>> {
        let oauth = self.oauth();
        let actor = client.confidential().ok_or_else(refusal::unauthorized_client)?;
        let found = self.find(wish.subject.expose()).await?.ok_or_else(refusal::bad_subject)?;
        let Found { token: found, subject: known_by } = found;
        let (&Holder::Person(user), Some(grant)) = (&found.holder, found.grant) else {
            return Err(refusal::bad_subject());
        };
        let subject = store::exchanged::find_subject(&mut oauth.host().db().read().await?, found.token, grant).await?;
        let subject = subject.ok_or_else(refusal::bad_subject)?;
        if !oauth.may_exchange(actor, &found) {
            return Err(refusal::bad_subject());
        }
        check_key(client, &found)?;
        let target = oauth.target_of(actor, &found, &subject, wish.target.as_deref())?;
        let audience = [target];
        let today = oauth.today(user, &found.scopes, found.binding.clone(), &audience).await?;
        let today = today.ok_or_else(refusal::bad_subject)?;
        let scopes = narrow_scopes(&today.scopes, &oauth.closed(&today.scopes)?, wish.scopes.as_ref())?;
        let today = Today { scopes: oauth.scopes_at(&scopes, &audience)?, ..today };
        let actors = chain(&actor.id, subject.actors, &found.client.id);
        if actors.len() > MAX_ACTORS {
            return Err(refusal::bad_subject());
        }
        let keys = oauth.keys_for(&oauth.settings().algorithms()).await?;
        let now = oauth.host().now();
        let id = TokenId::new(oauth.host().clock(), oauth.host().entropy());
        let custom = oauth.custom(today.about(user, &actor.id), false).await?;
        let Today { scopes, binding } = today;
        let settings = oauth.settings();
        let expires_at = now.plus(settings.ttl_of(&scopes, settings.access_token_ttl)).min(found.expires_at);
        let wanted = NewAccess {
            id,
            subject: known_by.clone().unwrap_or_else(|| user.to_string()),
            client: &actor.id,
            scopes: &scopes,
            binding: &binding,
            custom: custom.access,
            audience: &audience,
            signed_in_at: subject.signed_in_at,
            act: act_claim(&actors),
            bound_to: client.key.as_deref(),
            now,
            expires_at,
        };
        let mut tx = oauth.host().db().begin().await?;
        // Everything that was read is looked at once more while it is held: the person, in this order everywhere, then the client,
        // then grant and token.
        let account = oauth.host().accounts().hold(&mut tx, user).await?.ok_or_else(refusal::bad_subject)?;
        // Whoever knows people by names of its own is not told another's.
        let own_name = oauth.subject_for(&mut tx, actor.sector.as_deref(), user, now).await?;
        if actor.sector.is_some() && own_name != known_by {
            return Err(refusal::bad_subject());
        }
        if !store::clients::touch(&mut tx, &actor.id, now).await? {
            return Err(refusal::unauthorized_client());
        }
        let granted = store::exchanged::hold_grant(&mut tx, grant).await?.ok_or_else(refusal::bad_subject)?;
        if !store::exchanged::hold(&mut tx, found.token).await? {
            return Err(refusal::bad_subject());
        }
        let is_as_read = GrantBinding::from(granted.binding) == found.binding;
        if !is_as_read || !oauth.closed(&granted.scopes.within_account(&account.scopes))?.covers(&scopes) {
            return Ok(None);
        }
        let access = oauth.make_access(&mut tx, &keys, wanted).await?;
        let (resources, hash, key) = (&audience, access.text.hash(), access.key.as_deref());
        let (scopes_of, created_at, bound_to) = (&scopes, now, client.key.as_deref());
        let token = NewToken { id, hash, grant, scopes: scopes_of, resources, created_at, expires_at, key, bound_to };
        store::tokens::insert_access(&mut tx, &token).await?;
        let (client_name, parent) = (actor.name.as_str(), found.token);
        let exchange = Exchange { token: id, client: &actor.id, client_name, parent, actors: &actors };
        store::exchanged::mark(&mut tx, &exchange).await?;
        store::exchanged::note_actor(&mut tx, grant, &actor.id, client_name, now).await?;
        let details = json!({
            "user": user, "grant": grant, "from": parent, "scopes": scopes, "resource": audience, "act": actors,
        });
        let act =
            AuditEntry { actor: Some(user), client: Some(actor.id.clone()), ..AuditEntry::done("token.exchanged") };
        oauth.record(&mut tx, &act.to(id).within(binding.organization).with(details)).await?;
        tx.commit(now).await?;
        let expires_in = expires_at.since(now);
        Ok(Some(IssuedTokens {
            access: access.text,
            expires_in,
            refresh: None,
            id_token: None,
            is_exchanged: true,
            is_bound: client.key.is_some(),
            scopes,
            binding,
            more: custom.answer,
        }))
    }
}

/// Whoever was given a token that is bound to a key shows that it holds it; a resource server that was shown one has seen the proof,
/// and holds another key. Nobody makes of it one that is good for whoever has it.
fn check_key(client: &ClientProof, found: &VerifiedToken) -> Result<()> {
    match (&found.key, &client.key) {
        (Some(_), None) => Err(refusal::key_wanted()),
        (Some(bound), Some(shown)) if found.client.id == client.id && bound != shown => Err(refusal::bad_subject()),
        (None, _) | (Some(_), Some(_)) => Ok(()),
    }
}

impl OAuth {
    /// Whether a token is a client's business: it was given it, answers for a place where it may be used, or the operator
    /// lets it exchange any.
    fn may_exchange(&self, actor: &RegisteredClient, found: &VerifiedToken) -> bool {
        found.client.id == actor.id
            || found.audience.iter().any(|place| actor.resources.contains(place))
            || self.settings.token_exchange_clients.contains(&actor.id)
    }

    /// The one place where the new token may be used. The agent itself is somewhere else where the person let it act, and
    /// nowhere they were not asked about; whoever goes on for it, where the token they were shown may be used, or where the
    /// operator lets exchanged tokens lead.
    fn target_of(
        &self,
        actor: &RegisteredClient,
        found: &VerifiedToken,
        subject: &Subject,
        asked: Option<&str>,
    ) -> Result<String> {
        let userinfo = self.host.urls().absolute(USERINFO);
        let own: Vec<&String> = found.audience.iter().filter(|place| **place != userinfo).collect();
        let is_agents_own = found.client.id == actor.id && subject.actors.is_none();
        let allowed = match (asked, own.as_slice()) {
            (None, [only]) => return Ok((*only).clone()),
            (None, _) => return Err(refusal::invalid_target()),
            (Some(_), _) if is_agents_own => subject.resources.iter().collect(),
            (Some(_), _) => own.into_iter().chain(&self.settings.token_exchange_resources).collect::<Vec<_>>(),
        };
        let target = allowed.into_iter().find(|known| asked == Some(known.as_str()));
        target.cloned().ok_or_else(refusal::invalid_target)
    }

    /// A token for a token.
    ///
    /// # Errors
    /// As [`Verifier::exchange`].
    pub(super) async fn exchange(self: &Arc<Self>, client: &ClientProof, wish: &ExchangeWish) -> Result<IssuedTokens> {
        Verifier::new(Arc::clone(self)).exchange(client, wish).await
    }
}
