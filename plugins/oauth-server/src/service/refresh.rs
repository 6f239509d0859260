//! Refresh tokens: a new pair with every use, the same pair for whoever asks again at once, and the end of the family for
//! everybody else who comes with a spent one (OAuth 2.1 section 4.3).

use belgie_api::ports::UserProfile;
use belgie_api::{Failure, GrantId, PlainToken, Result, ScopeSet, Timestamp};

use super::OAuth;
use super::client_auth::ClientProof;
use super::id_token::IdToken;
use super::issue::NewTokens;
use super::record::ended;
use super::redeem::{IssuedTokens, refuse};
use super::today::Today;
use crate::claims::About;
use crate::model::answer::Answer;
use crate::model::grant::RevokeReason;
use crate::model::key::KeyAlgorithm;
use crate::model::openid::OPENID;
use crate::model::refusal;
use crate::model::request::narrow_resources;
use crate::model::scopes::narrow_scopes;
use crate::store;
use crate::store::tokens::RefreshToken;

/// A refresh token, and what is asked for with it.
pub(super) struct RefreshWish {
    pub(super) token: PlainToken,
    /// When less is asked for than was granted.
    pub(super) scopes: Option<ScopeSet>,
    pub(super) resources: Vec<String>,
}

impl RefreshWish {
    /// What the access token may be used for, and where.
    ///
    /// # Errors
    /// `invalid_scope` or `invalid_target` when more is asked for than was granted, or than is left of it.
    fn within(&self, oauth: &OAuth, grant: &RefreshToken, today: &Today) -> Result<(ScopeSet, Vec<String>)> {
        let scopes = narrow_scopes(&today.scopes, &oauth.closed(&today.scopes)?, self.scopes.as_ref())?;
        if scopes.is_empty() && !grant.scopes.is_empty() {
            return Err(refusal::invalid_scope("Nothing is left of what was granted."));
        }
        let audience = narrow_resources(&grant.resources, &self.resources)?;
        Ok((oauth.scopes_at(&scopes, &audience)?, audience))
    }
}

impl OAuth {
    /// Rotates a refresh token (OAuth 2.1 section 4.3.1), or says again what was answered to it.
    pub(super) async fn refresh(&self, client: &ClientProof, wish: &RefreshWish) -> Result<IssuedTokens> {
        match self.rotate(client, wish).await? {
            Some(issued) => Ok(issued),
            None => self.repeat(client, wish).await,
        }
    }

    /// The refresh token of a request, spent or not. Another client's token says nothing about this one, and a guess of its
    /// id must not end somebody's grant.
    async fn find_own(&self, client: &ClientProof, token: &PlainToken) -> Result<RefreshToken> {
        let found = store::tokens::find_refresh(&mut self.host.db().read().await?, token.hash()).await?;
        let found = found.filter(|found| found.client_id == client.id).ok_or_else(refusal::invalid_grant)?;
        self.check_proof(client, token.hash()).await?;
        Ok(found)
    }

    /// Spends an unspent token and makes its successor, in one transaction; `None` when it is spent, by whomever. A request
    /// that asks for too much spends nothing, nor does one of somebody who is gone: a ban may end, and the agent is still
    /// theirs.
    async fn rotate(&self, client: &ClientProof, wish: &RefreshWish) -> Result<Option<IssuedTokens>> {
        let now = self.host.now();
        let found = self.find_own(client, &wish.token).await?;
        if found.consumed_at.is_some() {
            return Ok(None);
        }
        if found.has_ended(now) || found.expires_at <= now || !found.is_used_by(client.key.as_deref()) {
            return Err(refusal::invalid_grant());
        }
        self.check_document(client).await?;
        let today = self.today_of_grant(&found).await?;
        let (scopes, audience) = wish.within(self, &found, &today)?;
        let told = self.told_again(&found, &scopes).await?;
        let about =
            About { user: Some(found.user_id), client: &found.client_id, scopes: &scopes, binding: &today.binding };
        let custom = self.custom(about, told.is_some()).await?;
        let keys = self.keys_for(&self.settings.algorithms()).await?;
        let mut tx = self.host.db().begin().await?;
        // Whoever comes second waits here until the first has committed, and then finds the answer; if the first dies or
        // fails, it is the second's turn.
        let Some(previous) = store::tokens::consume_refresh(&mut tx, wish.token.hash(), now).await? else {
            return Ok(None);
        };
        let expires_at = self.next_end(true, found.ends_at, now);
        let held = store::grants::extend(&mut tx, found.grant_id, expires_at, now).await?;
        // Made to do less since it was read: nothing is spent, and whoever asks again is told what is left.
        if held.ok_or_else(refusal::invalid_grant)? != (found.scopes.clone(), found.binding.team_ids.clone()) {
            return Err(Failure::unavailable("a connection was changed while it was refreshed"));
        }
        let new = NewTokens {
            grant: found.grant_id,
            user: found.user_id,
            subject: found.told.subject.clone(),
            client: found.client_id.clone(),
            scopes,
            binding: today.binding,
            custom: custom.clone(),
            audience: audience.clone(),
            refresh_until: Some(expires_at),
            previous: Some(wish.token.hash()),
            signed_in_at: found.signed_in_at,
            key: client.key.clone(),
            refresh_key: client.key_of_refresh(),
            now,
            ends_at: found.ends_at,
        };
        let mut issued = self.issue(&mut tx, &keys, new).await?;
        if let Some((profile, algorithm)) = &told {
            let new = IdToken {
                profile,
                client: &found.client_id,
                scopes: &issued.scopes,
                nonce: None,
                algorithm: *algorithm,
                signed_in_at: found.signed_in_at,
                signed_in_by: found.told.signed_in_by.as_deref(),
                subject: found.told.subject.as_deref(),
                sid: found.told.sid.as_deref(),
                custom: &custom.id,
                access: &issued.access,
                now,
            };
            issued.id_token = Some(self.make_id_token(&mut tx, &keys, new).await?);
        }
        let answer = self.answer_to_keep((client, wish), found.grant_id, &issued, audience, now)?;
        store::tokens::keep_answer(&mut tx, wish.token.hash(), answer.as_deref(), &previous).await?;
        tx.commit(now).await?;
        Ok(Some(issued))
    }

    /// Of whom an id token tells that comes with the answer, and what signs it: the same as the first one (OpenID Connect Core 1.0
    /// section 12.2). `None` where the grant, or what is left of it, brings none.
    async fn told_again(&self, found: &RefreshToken, scopes: &ScopeSet) -> Result<Option<(UserProfile, KeyAlgorithm)>> {
        let is_told = self.settings.openid_connect && scopes.has_named(OPENID);
        let Some(algorithm) = found.told.algorithm().filter(|_| is_told) else { return Ok(None) };
        let profile = self.host.accounts().profile(found.user_id).await?;
        Ok(profile.map(|profile| (profile, algorithm)))
    }

    /// The answer as it is kept for the time in which it may be given again; `None` when there is no such time.
    fn answer_to_keep(
        &self,
        (client, wish): (&ClientProof, &RefreshWish),
        grant: GrantId,
        issued: &IssuedTokens,
        resources: Vec<String>,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>> {
        let Some(refresh) = issued.refresh.clone().filter(|_| !self.settings.refresh_grace.is_zero()) else {
            return Ok(None);
        };
        let expires_at = now.plus(issued.expires_in);
        let answer = Answer {
            access: issued.access.clone(),
            refresh,
            id_token: issued.id_token.clone(),
            more: issued.more.clone(),
            scopes: issued.scopes.clone(),
            teams: issued.binding.teams.clone(),
            key: client.key.clone(),
            resources,
            expires_at,
        };
        answer.seal(&wish.token, grant, self.host.entropy()).map(Some)
    }

    /// A spent token: the answer it was given, if it comes in time, with the same key or none as then, and nobody has used what it
    /// brought; else the end of its family.
    async fn repeat(&self, client: &ClientProof, wish: &RefreshWish) -> Result<IssuedTokens> {
        let now = self.host.now();
        let found = self.find_own(client, &wish.token).await?;
        if found.has_ended(now) {
            return Err(refusal::invalid_grant());
        }
        let in_time = found.consumed_at.is_some_and(|spent| now < spent.plus(self.settings.refresh_grace));
        let in_time = in_time && found.is_used_by(client.key.as_deref());
        let Some(sealed) = found.answer.as_ref().filter(|_| in_time) else {
            return self.end_reused(found.grant_id, now).await;
        };
        self.check_document(client).await?;
        let today = self.today_of_grant(&found).await?;
        let (scopes, audience) = wish.within(self, &found, &today)?;
        let answer = Answer::open(sealed, &wish.token, found.grant_id)?;
        // Whoever made the first request has the key it was made with, so this is somebody else.
        if answer.key != client.key {
            return self.end_reused(found.grant_id, now).await;
        }
        // Another request than the one that was answered, or less is left than was answered: it gets no more than it may
        // have, and is no theft.
        if !answer.is_within(&self.closed(&scopes)?, &audience, &today.binding.teams) {
            return Err(refusal::invalid_grant());
        }
        tracing::info!(grant.id = %found.grant_id, "a refresh token came again in time: the same answer");
        Ok(IssuedTokens {
            id_token: answer.id_token,
            more: answer.more,
            is_exchanged: false,
            is_bound: answer.key.is_some(),
            expires_in: answer.expires_at.since(now),
            access: answer.access,
            refresh: Some(answer.refresh),
            scopes: answer.scopes,
            binding: today.binding,
        })
    }

    /// A refresh token came twice: somebody else has it, and nobody can say who. The whole family ends.
    async fn end_reused(&self, grant: GrantId, now: Timestamp) -> Result<IssuedTokens> {
        tracing::warn!(grant.id = %grant, "a refresh token came twice: its grant is revoked");
        let mut tx = self.host.db().begin().await?;
        self.end_grant(&mut tx, grant, RevokeReason::RefreshReused, ended(), now).await?;
        refuse(tx, now, refusal::invalid_grant()).await
    }

    /// What is left of a grant today.
    ///
    /// # Errors
    /// `invalid_grant` when the person is banned, or no more in the organization it lets act for, or in none of its teams.
    async fn today_of_grant(&self, found: &RefreshToken) -> Result<Today> {
        let binding = found.binding.clone().into();
        let today = self.today(found.user_id, &found.scopes, binding, &found.resources).await?;
        today.ok_or_else(refusal::invalid_grant)
    }

    /// Forgets answers that are not to be given any more. Looks first: on SQLite whoever writes keeps others from it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_answers(&self) -> Result<()> {
        let now = self.host.now();
        let until = now.minus(self.settings.refresh_grace);
        if !store::tokens::has_old_answers(&mut self.host.db().read().await?, until).await? {
            return Ok(());
        }
        let mut tx = self.host.db().begin().await?;
        store::tokens::purge_answers(&mut tx, until).await?;
        tx.commit(now).await
    }
}
