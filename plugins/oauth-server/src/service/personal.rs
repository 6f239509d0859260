//! Personal access tokens: a person's own scripts, with less than the person's own power.

use std::time::Duration;

use belgie_api::{ClientId, GrantBinding, GrantId, PlainToken, Result, ScopeSet, TokenId, TokenKind, UserId};

use super::OAuth;
use super::record::ended;
use crate::model::client::{PERSONAL, presentable_name};
use crate::model::grant::{Grant, GrantKind, LiveToken, RevokeReason};
use crate::store;
use crate::store::tokens::NewToken;

/// A personal access token to be made; every scope and the resource exist here.
#[derive(Debug)]
pub struct NewPersonalToken {
    /// Whose.
    pub user: UserId,
    /// What the person calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// Where it may be used.
    pub resource: String,
    /// For whom it lets act.
    pub binding: GrantBinding,
    /// How long it lasts.
    pub ttl: Duration,
}

impl OAuth {
    /// Makes a personal access token; the secret is shown now or never.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create_personal(&self, new: NewPersonalToken) -> Result<(PlainToken, LiveToken)> {
        let (clock, entropy, now) = (self.host.clock(), self.host.entropy(), self.host.now());
        let expires_at = now.plus(new.ttl);
        let name = Some(presentable_name(&new.name)).filter(|name| !name.is_empty());
        let grant = Grant {
            id: GrantId::new(clock, entropy),
            user_id: new.user,
            kind: GrantKind::Personal,
            client_id: ClientId::from_wire(PERSONAL),
            client_name: name.unwrap_or_else(|| "Personal access token".to_owned()),
            client_host: None,
            redirect_host: None,
            scopes: new.scopes,
            resources: vec![new.resource],
            binding: new.binding.into(),
            created_at: now,
            last_used_at: None,
            expires_at,
            ends_at: expires_at,
        };
        let secret = TokenKind::Personal.mint(entropy);
        let id = TokenId::new(clock, entropy);
        let token = NewToken {
            id,
            hash: secret.hash(),
            grant: grant.id,
            scopes: &grant.scopes,
            resources: &grant.resources,
            created_at: now,
            expires_at,
        };
        let mut tx = self.host.db().begin().await?;
        store::grants::insert(&mut tx, &grant).await?;
        store::tokens::insert_access(&mut tx, &token).await?;
        self.note_grant(&mut tx, &grant).await?;
        tx.commit(now).await?;
        let live = LiveToken {
            id,
            grant_id: grant.id,
            user_id: grant.user_id,
            client_id: grant.client_id,
            client_name: grant.client_name,
            scopes: grant.scopes,
            resources: grant.resources,
            binding: grant.binding,
            expires_at,
            last_used_at: None,
        };
        Ok((secret, live))
    }

    /// The personal tokens of a person that are in force, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_personal(&self, user: UserId) -> Result<Vec<LiveToken>> {
        store::tokens::list_personal(&mut self.host.db().read().await?, user, self.host.now()).await
    }

    /// Ends a personal token; `false` when there is none of this id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_personal(&self, token: TokenId) -> Result<bool> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let Some(grant) = store::tokens::find_personal_grant(&mut tx, token).await? else { return Ok(false) };
        self.end_grant(&mut tx, grant, RevokeReason::Operator, ended(), now).await?;
        tx.commit(now).await?;
        Ok(true)
    }
}
