//! The token endpoint: a code or a refresh token becomes tokens (OAuth 2.1 sections 4.1.3 and 4.3).

use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::{
    Failure, GrantBinding, GrantId, PlainToken, Result, ScopeSet, Timestamp, TokenHash, TokenId, TokenKind, UserId,
};

use super::OAuth;
use super::client_auth::ClientProof;
use super::record::ended;
use crate::model::address::find_resources;
use crate::model::grant::{Grant, GrantKind, RevokeReason};
use crate::model::params::Params;
use crate::model::redirect::host_of;
use crate::model::refusal;
use crate::model::request::{AuthorizationRequest, Redemption, narrow_resources};
use crate::store;
use crate::store::codes::StoredCode;
use crate::store::tokens::NewToken;

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
}

/// What a client is handed (RFC 6749 section 5.1).
#[derive(Debug)]
pub struct IssuedTokens {
    /// `access_token`.
    pub access: PlainToken,
    /// `expires_in`.
    pub expires_in: Duration,
    /// `refresh_token`.
    pub refresh: Option<PlainToken>,
    /// `scope`.
    pub scopes: ScopeSet,
    /// For whom they let act: `organization` and `teams`.
    pub binding: GrantBinding,
}

impl OAuth {
    /// Reads a token request.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`, `invalid_scope` or `invalid_target`.
    pub fn read_token_request(&self, params: &Params) -> Result<TokenRequest> {
        let catalog = self.host.catalog()?;
        let resources = || find_resources(params.all("resource"), catalog).ok_or_else(refusal::invalid_target);
        let missing = || refusal::invalid_request("A parameter of this grant type is missing.");
        match params.get("grant_type") {
            Some("authorization_code") => Ok(TokenRequest::Code {
                code: PlainToken::parse_as(TokenKind::Code, params.get("code").ok_or_else(missing)?),
                redirect_uri: params.get("redirect_uri").map(str::to_owned),
                verifier: params.get("code_verifier").ok_or_else(missing)?.to_owned(),
                resources: resources()?,
            }),
            Some("refresh_token") => Ok(TokenRequest::Refresh {
                token: PlainToken::parse_as(TokenKind::Refresh, params.get("refresh_token").ok_or_else(missing)?),
                scopes: params
                    .get("scope")
                    .map(str::parse)
                    .transpose()
                    .map_err(|_| refusal::invalid_scope("The scope is malformed."))?,
                resources: resources()?,
            }),
            Some(_) => Err(refusal::unsupported_grant_type()),
            None => Err(refusal::invalid_request("grant_type is missing.")),
        }
    }

    /// Answers a token request.
    ///
    /// # Errors
    /// The codes of RFC 6749 section 5.2 and RFC 8707 section 2. A second use of a code or a refresh token is
    /// `invalid_grant`, and ends the grant.
    pub async fn redeem(&self, client: &ClientProof, request: TokenRequest) -> Result<IssuedTokens> {
        match request {
            TokenRequest::Code { code, redirect_uri, verifier, resources } => {
                let code = code.ok_or_else(refusal::invalid_grant)?;
                let redirect_uri = redirect_uri.as_deref();
                let redemption = Redemption { redirect_uri, verifier: &verifier, resources: &resources };
                self.redeem_code(client, code.hash(), redemption).await
            }
            TokenRequest::Refresh { token, scopes, resources } => {
                let token = token.ok_or_else(refusal::invalid_grant)?;
                self.refresh(client, token.hash(), scopes, &resources).await
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
        self.refuse_the_removed(client, code).await?;
        let now = self.host.now();
        let grant = GrantId::new(self.host.clock(), self.host.entropy());
        let mut tx = self.host.db().begin().await?;
        // Whoever ends the session waits until the grant is there to be ended as well, or has ended it before.
        let session_stands = match store::codes::find_answerer(&mut tx, code, &client.id).await? {
            Some(answerer) => self.host.sessions().hold(&mut tx, answerer.session, answerer.user).await?,
            None => false,
        };
        let Some(taken) = store::codes::consume(&mut tx, code, &client.id, grant, now).await? else {
            if let Some(grant) = store::codes::find_spent(&mut tx, code, &client.id).await? {
                tracing::warn!(grant.id = %grant, "an authorization code came twice: its grant is revoked");
                self.end_grant(&mut tx, grant, RevokeReason::CodeReplayed, ended(), now).await?;
            }
            return refuse(tx, now, refusal::invalid_grant()).await;
        };
        // Whoever signs out a stolen session means what it was used for just now, too.
        if taken.expires_at <= now || !session_stands {
            return refuse(tx, now, refusal::invalid_grant()).await;
        }
        let audience = match taken.request.redeem(redemption) {
            Ok(audience) => audience,
            Err(failure) => return refuse(tx, now, failure).await,
        };
        if client.is_registered && !store::clients::touch(&mut tx, &client.id, now).await? {
            return refuse(tx, now, refusal::invalid_grant()).await;
        }
        let issued = self.issue_first(&mut tx, grant, taken.user_id, &taken.request, &audience, now).await?;
        tx.commit(now).await?;
        Ok(issued)
    }

    async fn issue_first(
        &self,
        tx: &mut Tx,
        id: GrantId,
        user: UserId,
        request: &AuthorizationRequest,
        audience: &[String],
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
            redirect_host: Some(host_of(&request.reply.redirect_uri)),
            scopes: request.scopes.clone(),
            resources: request.resources.clone(),
            binding: request.binding.clone().into(),
            created_at: now,
            last_used_at: None,
            expires_at,
            ends_at,
        };
        store::grants::insert(tx, &grant).await?;
        self.note_grant(tx, &grant).await?;
        let refresh_until = request.with_refresh.then_some(expires_at);
        self.issue(tx, id, grant.scopes, request.binding.clone(), audience, refresh_until, now, ends_at).await
    }

    /// Rotates a refresh token (OAuth 2.1 section 4.3.1). A request that asks for too much spends nothing.
    async fn refresh(
        &self,
        client: &ClientProof,
        token: TokenHash,
        asked: Option<ScopeSet>,
        resources: &[String],
    ) -> Result<IssuedTokens> {
        let now = self.host.now();
        self.refuse_the_gone(client, token).await?;
        let mut tx = self.host.db().begin().await?;
        let found = store::tokens::find_refresh(&mut tx, token).await?;
        // Another client's token says nothing about this one, and a guess of its id must not end somebody's grant.
        let found = found.filter(|found| found.client_id == client.id).ok_or_else(refusal::invalid_grant)?;
        if found.consumed_at.is_some() {
            return self.end_reused(tx, found.grant_id, now).await;
        }
        if found.revoked_at.is_some() || found.expires_at <= now || found.ends_at <= now {
            return Err(refusal::invalid_grant());
        }
        let scopes = narrow_scopes(found.scopes, asked)?;
        let audience = narrow_resources(&found.resources, resources)?;
        if !store::tokens::consume_refresh(&mut tx, token, now).await? {
            return self.end_reused(tx, found.grant_id, now).await;
        }
        let expires_at = self.next_end(true, found.ends_at, now);
        if !store::grants::extend(&mut tx, found.grant_id, expires_at, now).await? {
            return Err(refusal::invalid_grant());
        }
        let (grant, binding) = (found.grant_id, found.binding.into());
        let issued =
            self.issue(&mut tx, grant, scopes, binding, &audience, Some(expires_at), now, found.ends_at).await?;
        tx.commit(now).await?;
        Ok(issued)
    }

    /// A refresh token came twice: somebody else has it, and nobody can say who. The whole family ends.
    async fn end_reused(&self, mut tx: Tx, grant: GrantId, now: Timestamp) -> Result<IssuedTokens> {
        tracing::warn!(grant.id = %grant, "a refresh token came twice: its grant is revoked");
        self.end_grant(&mut tx, grant, RevokeReason::RefreshReused, ended(), now).await?;
        refuse(tx, now, refusal::invalid_grant()).await
    }

    /// Refuses an unspent token of somebody who is banned or no more in the organization it lets act for, and spends
    /// nothing: a ban may end, and the agent is still theirs.
    async fn refuse_the_gone(&self, client: &ClientProof, token: TokenHash) -> Result<()> {
        let found = store::tokens::find_refresh(&mut self.host.db().read().await?, token).await?;
        let Some(found) = found.filter(|found| found.client_id == client.id && found.consumed_at.is_none()) else {
            return Ok(());
        };
        let is_there = self.host.accounts().find(found.user_id).await?.is_some();
        if is_there && self.stands(found.user_id, &found.binding.into(), &found.resources).await? {
            return Ok(());
        }
        Err(refusal::invalid_grant())
    }

    /// Refuses an unspent code for an organization in which its person is no more. A ban needs no such look: the session
    /// the code came from has ended with it.
    async fn refuse_the_removed(&self, client: &ClientProof, code: TokenHash) -> Result<()> {
        let found = store::codes::find_unspent(&mut self.host.db().read().await?, code, &client.id).await?;
        let Some(StoredCode { user_id, request, .. }) = found else { return Ok(()) };
        if self.stands(user_id, &request.binding, &request.resources).await? {
            return Ok(());
        }
        Err(refusal::invalid_grant())
    }

    /// When a grant ends unless it is refreshed.
    fn next_end(&self, with_refresh: bool, ends_at: Timestamp, now: Timestamp) -> Timestamp {
        let ttl = if with_refresh {
            self.settings.refresh_token_ttl.max(self.settings.access_token_ttl)
        } else {
            self.settings.access_token_ttl
        };
        now.plus(ttl).min(ends_at)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "every one of them is bound to the tokens, and one call has them all"
    )]
    async fn issue(
        &self,
        tx: &mut Tx,
        grant: GrantId,
        scopes: ScopeSet,
        binding: GrantBinding,
        audience: &[String],
        refresh_until: Option<Timestamp>,
        now: Timestamp,
        ends_at: Timestamp,
    ) -> Result<IssuedTokens> {
        let entropy = self.host.entropy();
        let access = TokenKind::Access.mint(entropy);
        let expires_at = now.plus(self.settings.access_token_ttl).min(ends_at);
        let token = NewToken {
            id: TokenId::new(self.host.clock(), entropy),
            hash: access.hash(),
            grant,
            scopes: &scopes,
            resources: audience,
            created_at: now,
            expires_at,
        };
        store::tokens::insert_access(tx, &token).await?;
        let refresh = refresh_until.map(|until| (TokenKind::Refresh.mint(entropy), until));
        if let Some((refresh, until)) = &refresh {
            store::tokens::insert_refresh(tx, refresh.hash(), grant, now, *until).await?;
        }
        let refresh = refresh.map(|(refresh, _)| refresh);
        Ok(IssuedTokens { access, expires_in: expires_at.since(now), refresh, scopes, binding })
    }
}

/// Keeps what was found out about a code or token, and refuses.
async fn refuse<T>(tx: Tx, now: Timestamp, failure: Failure) -> Result<T> {
    tx.commit(now).await?;
    Err(failure)
}

/// A narrower scope is fine, a wider one is not (RFC 6749 section 6).
fn narrow_scopes(granted: ScopeSet, asked: Option<ScopeSet>) -> Result<ScopeSet> {
    match asked.filter(|asked| !asked.is_empty()) {
        None => Ok(granted),
        Some(asked) if granted.covers(&asked) => Ok(asked),
        Some(_) => Err(refusal::invalid_scope("More is asked for than was granted.")),
    }
}
