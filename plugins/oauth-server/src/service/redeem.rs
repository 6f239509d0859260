//! The token endpoint: a code, a refresh token or a client becomes tokens (OAuth 2.1 sections 4.1.3, 4.2 and 4.3).

use std::sync::Arc;
use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::{
    Failure, GrantBinding, GrantId, PlainToken, Result, ScopeSet, Timestamp, TokenHash, TokenKind, UserId,
};
use serde_json::{Map, Value};

use super::OAuth;
use super::bearer::BearerWish;
use super::client_auth::ClientProof;
use super::custom::Custom;
use super::id_token::FirstIdToken;
use super::issue::NewTokens;
use super::keys::KeySet;
use super::record::ended;
use super::refresh::RefreshWish;
use super::today::Today;
use crate::model::access_token::TokenText;
use crate::model::client::CLIENT_CREDENTIALS;
use crate::model::device::DEVICE_CODE;
use crate::model::exchange::{ExchangeWish, TOKEN_EXCHANGE};
use crate::model::grant::{Grant, GrantKind, RevokeReason, Told};
use crate::model::params::Params;
use crate::model::redirect::host_of;
use crate::model::refusal;
use crate::model::request::{AuthorizationRequest, Redemption};
use crate::model::trust::JWT_BEARER;
use crate::store;
use crate::store::codes::StoredCode;

/// A token request whose parameters are all there.
#[derive(Debug)]
pub enum TokenRequest {
    /// RFC 6749 section 4.1.3 with RFC 7636 section 4.5.
    Code {
        /// `code`; `None` for a text that is none of ours.
        code: Option<PlainToken>,
        /// `redirect_uri`.
        redirect_uri: Option<String>,
        /// `code_verifier`.
        verifier: String,
        /// `resource`, in the known spelling.
        resources: Vec<String>,
    },
    /// RFC 6749 section 6.
    Refresh {
        /// `refresh_token`; `None` for a text that is none of ours.
        token: Option<PlainToken>,
        /// `scope`, when less is asked for than was granted.
        scopes: Option<ScopeSet>,
        /// `resource`, in the known spelling.
        resources: Vec<String>,
    },
    /// RFC 8628 section 3.4.
    Device {
        /// `device_code`; `None` for a text that is none of ours.
        code: Option<PlainToken>,
        /// `scope`, which has no place here.
        scopes: Option<ScopeSet>,
        /// `resource`, in the known spelling.
        resources: Vec<String>,
    },
    /// RFC 8693 section 2.1.
    Exchange(ExchangeWish),
    /// RFC 7523 section 2.1, for a person.
    Bearer(BearerWish),
    /// RFC 6749 section 4.4.
    Client {
        /// `scope`, when less is asked for than the client may have.
        scopes: Option<ScopeSet>,
        /// `resource`, in the known spelling.
        resources: Vec<String>,
    },
}

/// What a client is handed (RFC 6749 section 5.1).
#[derive(Debug)]
pub struct IssuedTokens {
    /// `access_token`.
    pub access: TokenText,
    /// `expires_in`.
    pub expires_in: Duration,
    /// `refresh_token`.
    pub refresh: Option<PlainToken>,
    /// Whether it was given for another token, which is said then (RFC 8693 section 2.2.1).
    pub is_exchanged: bool,
    /// Whether it is bound to a key, which `token_type` says (RFC 9449 section 5).
    pub is_bound: bool,
    /// `id_token`.
    pub id_token: Option<TokenText>,
    /// `scope`.
    pub scopes: ScopeSet,
    /// For whom they let act: `organization` and `teams`.
    pub binding: GrantBinding,
    /// What the application adds.
    pub more: Map<String, Value>,
}

/// The first tokens of a grant, to be made.
pub(super) struct FirstTokens<'a> {
    pub(super) request: &'a AuthorizationRequest,
    pub(super) today: Today,
    pub(super) custom: Custom,
    /// What the client knows the person by; `None` for the account's own id.
    pub(super) subject: Option<String>,
    /// What it knows the browser session by, if it is told who the person is.
    pub(super) sid: Option<String>,
    /// The thumbprint of the key the access token is bound to, if it is.
    pub(super) key: Option<String>,
    /// The same of the refresh token.
    pub(super) for_refresh: Option<String>,
}

impl OAuth {
    /// Reads a token request.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `invalid_scope` or `invalid_target`.
    pub fn read_token_request(&self, params: &Params) -> Result<TokenRequest> {
        let resources = || self.find_resources(params.all("resource"))?.ok_or_else(refusal::invalid_target);
        let scopes = || {
            let scopes = params.get("scope").map(str::parse).transpose();
            scopes.map_err(|_| refusal::invalid_scope("The scope is malformed."))
        };
        let missing = || refusal::invalid_request("A parameter of this grant type is missing.");
        match params.get("grant_type") {
            Some("authorization_code") => Ok(TokenRequest::Code {
                code: PlainToken::parse_as(TokenKind::Code, params.get("code").ok_or_else(missing)?),
                redirect_uri: params.get("redirect_uri").map(str::to_owned),
                verifier: params.get("code_verifier").ok_or_else(missing)?.to_owned(),
                resources: resources()?,
            }),
            Some("refresh_token") => Ok(TokenRequest::Refresh {
                token: self.spelling.read(TokenKind::Refresh, params.get("refresh_token").ok_or_else(missing)?),
                scopes: scopes()?,
                resources: resources()?,
            }),
            Some(DEVICE_CODE) if self.settings.device_authorization => Ok(TokenRequest::Device {
                code: PlainToken::parse_as(TokenKind::Device, params.get("device_code").ok_or_else(missing)?),
                scopes: scopes()?,
                resources: resources()?,
            }),
            Some(TOKEN_EXCHANGE) if self.settings.token_exchange => {
                let targets = params.all("resource").chain(params.all("audience"));
                let targets = self.find_resources(targets)?.ok_or_else(refusal::invalid_target)?;
                ExchangeWish::read(params, scopes()?, targets).map(TokenRequest::Exchange)
            }
            Some(JWT_BEARER) if self.is_of_workload(params) => {
                Ok(TokenRequest::Client { scopes: scopes()?, resources: resources()? })
            }
            Some(JWT_BEARER) if !self.settings.issuers.is_empty() => {
                let assertion = TokenText::of(params.get("assertion").ok_or_else(missing)?.to_owned());
                Ok(TokenRequest::Bearer(BearerWish { assertion, scopes: scopes()?, resources: resources()? }))
            }
            Some(CLIENT_CREDENTIALS) => Ok(TokenRequest::Client { scopes: scopes()?, resources: resources()? }),
            Some(_) => Err(refusal::unsupported_grant_type()),
            None => Err(refusal::invalid_request("grant_type is missing.")),
        }
    }

    /// Answers a token request.
    ///
    /// # Errors
    /// The codes of RFC 6749 section 5.2 and RFC 8707 section 2. A second use of a code or a refresh token is
    /// `invalid_grant`, and ends the grant.
    pub async fn redeem(self: &Arc<Self>, client: &ClientProof, request: TokenRequest) -> Result<IssuedTokens> {
        match request {
            TokenRequest::Code { code, redirect_uri, verifier, resources } => {
                let code = code.ok_or_else(refusal::invalid_grant)?;
                let redirect_uri = redirect_uri.as_deref();
                let redemption = Redemption { redirect_uri, verifier: &verifier, resources: &resources };
                self.redeem_code(client, code.hash(), redemption).await
            }
            TokenRequest::Refresh { token, scopes, resources } => {
                let token = token.ok_or_else(refusal::invalid_grant)?;
                self.refresh(client, &RefreshWish { token, scopes, resources }).await
            }
            TokenRequest::Device { code, scopes, resources } => {
                let code = code.ok_or_else(refusal::invalid_grant)?;
                self.redeem_device(client, code.hash(), (scopes.as_ref(), &resources)).await
            }
            TokenRequest::Bearer(wish) => self.issue_for_assertion(client, wish).await,
            TokenRequest::Exchange(wish) => self.exchange(client, &wish).await,
            TokenRequest::Client { scopes, resources } => {
                self.issue_to_client(client, scopes.as_ref(), resources).await
            }
        }
    }

    /// The first attempt spends the code, right or wrong: nobody can try verifiers. What a refusal changes is committed.
    async fn redeem_code(
        &self,
        client: &ClientProof,
        code: TokenHash,
        redemption: Redemption<'_>,
    ) -> Result<IssuedTokens> {
        let (ahead, today) = self.refuse_the_removed(client, code).await?.unzip();
        let profile = self.profile_for(ahead.as_ref()).await?;
        let custom = match (&ahead, &today) {
            (Some(code), Some(today)) => {
                let there = self.today_at(today, &code.request.resources, redemption.resources)?;
                self.custom(there.about(code.user_id, &client.id), profile.is_some()).await?
            }
            _ => Custom::default(),
        };
        let keys = self.keys_for(&self.settings.algorithms()).await?;
        let now = self.host.now();
        let grant = GrantId::new(self.host.clock(), self.host.entropy());
        let mut tx = self.host.db().begin().await?;
        // Whoever ends the session waits until the grant is there to be ended as well, or has ended it before.
        let answerer = store::codes::find_answerer(&mut tx, code, &client.id).await?;
        let session_stands = match answerer {
            Some(answerer) => self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await?,
            None => false,
        };
        // The client before its code, as whoever changes or deletes it: nobody waits for one with the other in hand.
        let is_there = self.hold_client(&mut tx, client).await?;
        let Some(taken) = store::codes::consume(&mut tx, code, &client.id, grant, now).await? else {
            if let Some(grant) = store::codes::find_spent(&mut tx, code, &client.id).await? {
                tracing::warn!(grant.id = %grant, "an authorization code came twice: its grant is revoked");
                self.end_grant(&mut tx, grant, RevokeReason::CodeReplayed, ended(), now).await?;
            }
            return refuse(tx, now, refusal::invalid_grant()).await;
        };
        // Whoever signs out a stolen session means what it was used for just now, too.
        let Some(today) = today.filter(|_| taken.expires_at > now && session_stands && is_there) else {
            return refuse(tx, now, refusal::invalid_grant()).await;
        };
        if taken.request.is_proven && !client.is_proven {
            return refuse(tx, now, refusal::must_prove()).await;
        }
        if taken.request.is_dpop_bound && client.key.is_none() {
            return refuse(tx, now, refusal::key_wanted()).await;
        }
        if taken.request.key.is_some() && taken.request.key != client.key {
            return refuse(tx, now, refusal::invalid_grant()).await;
        }
        let audience = match taken.request.redeem(redemption) {
            Ok(audience) => audience,
            Err(failure) => return refuse(tx, now, failure).await,
        };
        if client.registered.is_some() {
            store::clients::touch(&mut tx, &client.id, now).await?;
        }
        let subject = self.subject_for(&mut tx, client.sector_in(&taken.request), taken.user_id, now).await?;
        let sid = match answerer.filter(|_| profile.is_some()) {
            Some(answerer) => Some(self.enter_login(&mut tx, answerer, (&client.id, subject.as_deref()), now).await?),
            None => None,
        };
        let told = FirstIdToken {
            request: &taken.request,
            profile: profile.as_ref(),
            subject: subject.clone(),
            sid: sid.clone(),
            custom: custom.id.clone(),
        };
        let (key, for_refresh) = (client.key.clone(), client.key_of_refresh());
        let first = FirstTokens { request: &taken.request, today, custom, subject, sid, key, for_refresh };
        let mut issued = self.issue_first(&mut tx, &keys, (grant, taken.user_id), first, audience, now).await?;
        issued.id_token = self.first_id_token(&mut tx, &keys, told, &issued, now).await?;
        tx.commit(now).await?;
        Ok(issued)
    }

    /// Holds a client that has a row until the transaction ends; `false` when it is gone.
    pub(super) async fn hold_client(&self, tx: &mut Tx, client: &ClientProof) -> Result<bool> {
        Ok(client.registered.is_none() || store::secrets::hold(tx, &client.id).await?.is_some())
    }

    /// Makes the grant of a request that was allowed, and its first tokens.
    pub(super) async fn issue_first(
        &self,
        tx: &mut Tx,
        keys: &KeySet,
        (id, user): (GrantId, UserId),
        FirstTokens { request, today, custom, subject, sid, key, for_refresh }: FirstTokens<'_>,
        audience: Vec<String>,
        now: Timestamp,
    ) -> Result<IssuedTokens> {
        let ends_at = now.plus(self.settings.grant_max_age);
        let expires_at = self.next_end(request.with_refresh, ends_at, now);
        let grant = Grant {
            id,
            user_id: user,
            kind: GrantKind::Agent,
            client_id: request.client.id.clone(),
            client_name: request.client.name.clone(),
            client_host: request.client.host.clone(),
            redirect_host: request.device.is_none().then(|| host_of(&request.reply.redirect_uri)),
            scopes: request.scopes.clone(),
            resources: request.resources.clone(),
            binding: request.binding.clone().into(),
            created_at: now,
            last_used_at: None,
            expires_at,
            ends_at,
            signed_in_at: request.signed_in.as_ref().map(|signed_in| signed_in.at),
            told: Told {
                id_token_algorithm: request.openid.as_ref().map(|openid| openid.algorithm.as_str().to_owned()),
                signed_in_by: request.signed_in.as_ref().map(|signed_in| signed_in.by.clone()),
                sid,
                subject: subject.clone(),
            },
        };
        store::grants::insert(tx, &grant).await?;
        if request.is_proven {
            store::client_keys::note_proof(tx, id).await?;
        }
        self.note_grant(tx, &grant).await?;
        let new = NewTokens {
            grant: id,
            user,
            subject,
            client: grant.client_id,
            scopes: today.scopes,
            binding: today.binding,
            custom,
            audience,
            refresh_until: request.with_refresh.then_some(expires_at),
            previous: None,
            signed_in_at: grant.signed_in_at,
            key,
            refresh_key: for_refresh,
            now,
            ends_at,
        };
        self.issue(tx, keys, new).await
    }

    /// Looks at an unspent code, and refuses one of somebody who is gone, or for an organization in which its person is no
    /// more. With what it gives today.
    async fn refuse_the_removed(&self, client: &ClientProof, code: TokenHash) -> Result<Option<(StoredCode, Today)>> {
        let found = store::codes::find_unspent(&mut self.host.db().read().await?, code, &client.id).await?;
        let Some(code) = found else { return Ok(None) };
        let today = self.today_of(code.user_id, &code.request).await?;
        Ok(Some((code, today)))
    }

    /// When a grant ends unless it is refreshed.
    pub(super) fn next_end(&self, with_refresh: bool, ends_at: Timestamp, now: Timestamp) -> Timestamp {
        let ttl = if with_refresh {
            self.settings.refresh_token_ttl.max(self.settings.access_token_ttl)
        } else {
            self.settings.access_token_ttl
        };
        now.plus(ttl).min(ends_at)
    }
}

/// Keeps what was found out about a code or token, and refuses.
pub(super) async fn refuse<T>(tx: Tx, now: Timestamp, failure: Failure) -> Result<T> {
    tx.commit(now).await?;
    Err(failure)
}
