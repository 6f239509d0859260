//! Assertions of issuers the operator trusts become tokens (RFC 7523 section 2.1): those that speak for a person who uses a
//! client (ID-JAG, MCP enterprise-managed authorization), and those that speak for a program (workload identity).

use std::collections::BTreeSet;

use belgie_api::context::UserContext;
use belgie_api::ports::{LinkedSubjects, NamedBy, Organizations};
use belgie_api::{Failure, GrantBinding, GrantId, Result, ScopeSet, UserId};
use jsonwebtoken::DecodingKey;

use super::OAuth;
use super::client_auth::ClientProof;
use super::issue::NewTokens;
use super::redeem::IssuedTokens;
use crate::claims::About;
use crate::model::access_token::TokenText;
use crate::model::assertion::{AssertionClaims, AssertionHeader, MAX_BEARER_AHEAD};
use crate::model::grant::{Grant, GrantKind, Told};
use crate::model::openid::OPENID;
use crate::model::params::Params;
use crate::model::refusal;
use crate::model::request::narrow_resources;
use crate::model::scopes::known_in;
use crate::model::trust::{ID_JAG, JWT_BEARER, TrustedIssuer, WORKLOAD_KINDS};
use crate::store;

/// What is asked for with an assertion.
#[derive(Debug)]
pub struct BearerWish {
    /// `assertion`
    pub(super) assertion: TokenText,
    /// `scope`, when less is asked for than it allows.
    pub(super) scopes: Option<ScopeSet>,
    /// `resource`, in the known spelling.
    pub(super) resources: Vec<String>,
}

impl OAuth {
    /// Whether a token request comes with the assertion of a workload, which is all there is to prove who it is.
    pub fn is_of_workload(&self, params: &Params) -> bool {
        let assertion = params.get("assertion").filter(|_| params.get("grant_type") == Some(JWT_BEARER));
        !self.settings.issuers.is_empty()
            && assertion.and_then(AssertionHeader::read).is_some_and(|header| header.kind.as_deref() != Some(ID_JAG))
    }

    /// Checks who a workload is: the machine the operator made for it. `params`: of a request for which
    /// [`is_of_workload`](Self::is_of_workload) holds. `key`: the thumbprint of the key it has shown, if it has.
    ///
    /// # Errors
    /// `invalid_grant` when its issuer is not trusted to speak for it, or the assertion is not good, held by another key, or was taken before;
    /// `unauthorized_client` when the machine is gone; `invalid_client` when another one is named.
    pub async fn authenticate_workload(&self, params: &Params, key: Option<&str>) -> Result<ClientProof> {
        let text = params.get("assertion").unwrap_or_default();
        let (issuer, claims) =
            self.read_bearer(text, |kind| kind.is_none_or(|kind| WORKLOAD_KINDS.contains(&kind))).await?;
        let machine = issuer.machine_for(&claims).filter(|_| claims.is_held_with(key));
        let machine = machine.ok_or_else(refusal::bad_assertion)?;
        if params.get("client_id").is_some_and(|id| id != machine.as_str()) {
            return Err(refusal::invalid_client("The assertion is another client's."));
        }
        self.take_bearer(&claims).await?;
        let registered = self.find_registered(machine).await?.ok_or_else(refusal::unauthorized_client)?;
        Ok(ClientProof::registered(registered, true))
    }

    /// A token for a person whose issuer says that they use this client. Nobody is asked: the enterprise has decided.
    ///
    /// # Errors
    /// `unauthorized_client` for a client that did not prove who it is; `invalid_grant` for an assertion that is not good, is another
    /// client's, or was taken before, and for a person who has no account here; `invalid_scope`, `invalid_target`.
    pub(super) async fn issue_for_assertion(&self, client: &ClientProof, wish: BearerWish) -> Result<IssuedTokens> {
        if !client.is_proven {
            return Err(refusal::unauthorized_client());
        }
        let (issuer, claims) = self.read_bearer(wish.assertion.expose(), |kind| kind == Some(ID_JAG)).await?;
        let is_clients =
            claims.text("client_id") == Some(client.id.as_str()) && claims.is_held_with(client.key.as_deref());
        if !issuer.speaks_for_people || claims.iat.is_none() || !is_clients {
            return Err(refusal::bad_assertion());
        }
        let allowed = self.places_in(&claims)?;
        let resources = narrow_resources(&allowed, &wish.resources)?;
        let user = self.person_of(issuer, &claims).await?.ok_or_else(refusal::bad_assertion)?;
        let binding = self.binding_of(issuer, user.id).await?.ok_or_else(refusal::bad_assertion)?;
        if !self.stands(user.id, &binding, &resources).await? {
            return Err(refusal::invalid_target());
        }
        let given = known_in(claims.text("scope").unwrap_or_default(), &self.host.catalog()?.scopes);
        // Who a person is they say themselves; an assertion is about the places it names (MCP enterprise-managed authorization).
        let given = given
            .within_account(&user.scopes)
            .iter()
            .filter(|scope| scope.as_str() != OPENID)
            .cloned()
            .collect::<ScopeSet>();
        let closed = self.closed(&given)?;
        let scopes = wish.scopes.as_ref().map_or_else(|| given.clone(), |asked| closed.intersection(asked));
        if scopes.is_empty() {
            return Err(refusal::invalid_scope("The assertion allows nothing of what is asked for."));
        }
        self.take_bearer(&claims).await?;
        self.grant_for(client, user, (scopes, resources, binding)).await
    }

    /// For whom the people of an issuer act: for themselves, or for its organization as they are in it now; `None` when they are not.
    async fn binding_of(&self, issuer: &TrustedIssuer, user: UserId) -> Result<Option<GrantBinding>> {
        let Some(slug) = &issuer.organization else { return Ok(Some(GrantBinding::default())) };
        let Some(port) = self.host.provided::<Organizations>() else { return Ok(None) };
        let Some(organization) = port.0.find_by_slug(slug).await? else { return Ok(None) };
        self.bind_to(user, organization.id, BTreeSet::new()).await
    }

    /// Makes the grant and its one token: whoever wants another one comes with another assertion.
    async fn grant_for(
        &self,
        client: &ClientProof,
        user: UserContext,
        (scopes, resources, binding): (ScopeSet, Vec<String>, GrantBinding),
    ) -> Result<IssuedTokens> {
        let (name, host, sector) = match &client.registered {
            Some(registered) => (registered.name.clone(), None, registered.sector.clone()),
            // It has proved who it is by keys of its document, so that is known, or fetched once more.
            None => {
                let known = self.fetch_client(client.id.as_str()).await?;
                (known.face.name, known.face.host, known.sector)
            }
        };
        let there = self.scopes_at(&scopes, &resources)?;
        let about = About { user: Some(user.id), client: &client.id, scopes: &there, binding: &binding };
        let custom = self.custom(about, false).await?;
        let keys = self.keys_for(&self.settings.algorithms()).await?;
        let now = self.host.now();
        let ends_at = now.plus(self.settings.access_token_ttl);
        let mut tx = self.host.db().begin().await?;
        let subject = self.subject_for(&mut tx, sector.as_deref(), user.id, now).await?;
        let grant = Grant {
            id: GrantId::new(self.host.clock(), self.host.entropy()),
            user_id: user.id,
            kind: GrantKind::Agent,
            client_id: client.id.clone(),
            client_name: name,
            client_host: host,
            redirect_host: None,
            scopes,
            resources,
            binding: binding.clone().into(),
            created_at: now,
            last_used_at: None,
            expires_at: ends_at,
            ends_at,
            signed_in_at: None,
            told: Told { subject: subject.clone(), ..Told::default() },
        };
        if client.registered.is_some() && !store::clients::touch(&mut tx, &client.id, now).await? {
            return Err(refusal::unauthorized_client());
        }
        store::grants::insert(&mut tx, &grant).await?;
        self.note_grant(&mut tx, &grant).await?;
        let new = NewTokens {
            grant: grant.id,
            user: user.id,
            subject,
            client: grant.client_id,
            scopes: grant.scopes,
            binding,
            custom,
            audience: grant.resources,
            refresh_until: None,
            previous: None,
            signed_in_at: None,
            key: client.key.clone(),
            refresh_key: None,
            now,
            ends_at,
        };
        let issued = self.issue(&mut tx, &keys, new).await?;
        tx.commit(now).await?;
        Ok(issued)
    }

    /// The claims of an assertion of a trusted issuer, for us alone and in force, and the issuer. What it means, and that it is taken
    /// once, is for the caller to see.
    async fn read_bearer(
        &self,
        text: &str,
        is_of_kind: impl Fn(Option<&str>) -> bool,
    ) -> Result<(&TrustedIssuer, AssertionClaims)> {
        let header = AssertionHeader::read(text).filter(|header| is_of_kind(header.kind.as_deref()));
        let header = header.ok_or_else(refusal::bad_assertion)?;
        let said = AssertionClaims::peek(text).ok_or_else(refusal::bad_assertion)?;
        let issuer = self.settings.issuers.iter().find(|known| known.issuer == said.iss);
        let issuer = issuer.ok_or_else(refusal::bad_assertion)?;
        let key = self.key_of_issuer(issuer, &header).await?.ok_or_else(refusal::bad_assertion)?;
        let claims = AssertionClaims::check(text, &key, header.algorithm).ok_or_else(refusal::bad_assertion)?;
        let now = self.host.now();
        let is_good = claims.id().is_some()
            && !claims.sub.is_empty()
            && claims.is_for(&[self.host.urls().issuer(), &format!("{}/", self.host.urls().issuer())])
            && claims.in_force(now, MAX_BEARER_AHEAD).is_some();
        if is_good { Ok((issuer, claims)) } else { Err(refusal::bad_assertion()) }
    }

    async fn key_of_issuer(&self, issuer: &TrustedIssuer, header: &AssertionHeader) -> Result<Option<DecodingKey>> {
        let found = self.find_foreign_key(&issuer.jwks_uri, NamedBy::Operator, header).await;
        found.map_err(|failure: Failure| {
            if failure.status().is_server_error() { failure } else { refusal::bad_assertion().source(failure) }
        })
    }

    /// Takes an assertion, once.
    async fn take_bearer(&self, claims: &AssertionClaims) -> Result<()> {
        let until = claims.in_force(self.host.now(), MAX_BEARER_AHEAD);
        let (Some(until), Some(name)) = (until, claims.id()) else { return Err(refusal::bad_assertion()) };
        // Issuers and clients have names of their own each.
        let issuer = format!("issuer {}", claims.iss);
        if self.take_assertion(&issuer, name, until).await? { Ok(()) } else { Err(refusal::bad_assertion()) }
    }

    /// Where an assertion lets act: what it names, all of which is here; what it does not say is clear where there is one place only.
    fn places_in(&self, claims: &AssertionClaims) -> Result<Vec<String>> {
        let named = claims.texts("resource").ok_or_else(refusal::bad_assertion)?;
        if !named.is_empty() {
            let found = self.find_resources(named.into_iter())?;
            return found.ok_or_else(refusal::invalid_target);
        }
        let catalog = self.host.catalog()?;
        match catalog.resources.as_slice() {
            [only] if self.settings.resources.is_empty() => Ok(vec![only.clone()]),
            _ => Err(refusal::invalid_target()),
        }
    }

    /// The account of the person an assertion speaks for: the one that is linked with them, or the one with a proven address of a
    /// domain that the issuer speaks for.
    async fn person_of(&self, issuer: &TrustedIssuer, claims: &AssertionClaims) -> Result<Option<UserContext>> {
        if let Some(port) = self.host.provided::<LinkedSubjects>()
            && let Some(user) = port.0.find_by_subject(&claims.iss, &claims.sub).await?
        {
            return self.host.accounts().find(user).await;
        }
        let Some(email) = issuer.email_in(claims) else { return Ok(None) };
        let found = self.host.accounts().find_by_email(&email).await?;
        Ok(found.filter(|user| user.email_verified))
    }
}
