//! Personal access tokens: a person's own scripts, with less than the person's own power.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::db::Tx;
use belgie_api::ports::AuditEntry;
use belgie_api::web::RequestInfo;
use belgie_api::{
    Caller, ClientId, Failure, GrantBinding, GrantId, OrgId, PlainToken, Result, ScopeSet, TokenId, TokenKind, UserId,
};
use serde_json::json;

use super::OAuth;
use crate::model::client::{PERSONAL, presentable_name};
use crate::model::grant::{Grant, GrantKind, LiveToken, RevokeReason, Told};
use crate::model::scopes::read_scopes;
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

/// A personal access token as a person asks for it.
#[derive(Debug)]
pub struct TokenWish {
    /// What to call it.
    pub name: String,
    /// What it may be used for, with spaces between.
    pub scopes: String,
    /// The organization it acts for; `None` for the person alone.
    pub organization: Option<OrgId>,
    /// How long it lasts.
    pub ttl: Duration,
}

/// How many tokens one person makes for themselves.
const MOST: usize = 50;
/// The longest one lasts.
const MOST_SECONDS: u64 = 365 * 24 * 3600;

impl OAuth {
    /// Makes a personal access token; the secret is shown now or never.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create_personal(&self, new: NewPersonalToken) -> Result<(PlainToken, LiveToken)> {
        let tx = self.host.db().begin().await?;
        self.create_in(tx, new, AuditEntry::done("token.created")).await
    }

    /// Makes a personal access token of the caller, for themselves or for an organization they are in.
    ///
    /// # Errors
    /// 400 when a value is wrong, 403 when the caller is not in the organization, does not hold a scope, or is no person in
    /// a browser, 409 when there are 50.
    pub async fn create_own(
        &self,
        caller: &Caller,
        info: &RequestInfo,
        wish: TokenWish,
    ) -> Result<(PlainToken, LiveToken)> {
        let session = caller.session().filter(|_| !caller.is_worn()).ok_or_else(not_by_agents)?;
        let user = caller.user().id;
        let resource = self.host.catalog()?.resources.first().cloned().unwrap_or_default();
        let scopes = read_scopes(&wish.scopes, &self.offered_at(std::slice::from_ref(&resource))?)?;
        if !(1..=MOST_SECONDS).contains(&wish.ttl.as_secs()) {
            return Err(Failure::bad_request("token.invalid_lifetime", "A token lasts a year at most."));
        }
        let binding = match wish.organization {
            None => GrantBinding::default(),
            Some(organization) => self.bind_to(user, organization, BTreeSet::new()).await?.ok_or_else(not_a_member)?,
        };
        let mut tx = self.host.db().begin().await?;
        // What the account holds, and that the session stands, is looked at while both are held.
        let account = self.host.accounts().hold(&mut tx, user).await?.ok_or_else(not_by_agents)?;
        if !self.host.sessions().hold(&mut tx, session, user).await? {
            return Err(not_by_agents());
        }
        if scopes.within_account(&account.scopes) != scopes {
            return Err(Failure::forbidden("token.scope_not_held", "Your account does not hold one of these scopes."));
        }
        if store::tokens::list_personal(&mut tx, user, self.host.now()).await?.len() >= MOST {
            return Err(Failure::conflict("token.too_many", format!("One person can have {MOST} tokens at most."))
                .hint("Revoke one you do not need."));
        }
        let new = NewPersonalToken { user, name: wish.name, scopes, resource, binding, ttl: wish.ttl };
        self.create_in(tx, new, AuditEntry::done("token.created").by(caller).during(info)).await
    }

    async fn create_in(&self, mut tx: Tx, new: NewPersonalToken, entry: AuditEntry) -> Result<(PlainToken, LiveToken)> {
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
            signed_in_at: None,
            told: Told::default(),
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
            key: None,
            bound_to: None,
        };
        store::grants::insert(&mut tx, &grant).await?;
        store::tokens::insert_access(&mut tx, &token).await?;
        let details = json!({
            "user": grant.user_id,
            "scopes": grant.scopes,
            "teams": grant.binding.team_ids,
            "resources": grant.resources,
            "ends_at": grant.ends_at,
        });
        let entry = entry.to(id).within(grant.binding.organization_id).with(details);
        self.record(&mut tx, &entry).await?;
        tx.commit(now).await?;
        let live = LiveToken {
            id,
            grant_id: grant.id,
            user_id: grant.user_id,
            client_id: grant.client_id,
            client_name: grant.client_name,
            actors: Vec::new(),
            scopes: grant.scopes,
            resources: grant.resources,
            binding: grant.binding,
            expires_at,
            last_used_at: None,
            key_thumbprint: None,
            subject: None,
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

    /// Ends a personal token of the caller.
    ///
    /// # Errors
    /// 404 when it is not the caller's, or has ended.
    pub async fn revoke_own(&self, caller: &Caller, info: &RequestInfo, token: TokenId) -> Result<()> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let grant = store::tokens::find_personal_grant(&mut tx, token).await?.ok_or_else(unknown_token)?;
        let act = AuditEntry::done("token.revoked").by(caller).during(info);
        if store::grants::find_of_user(&mut tx, grant, caller.user().id).await?.is_none()
            || !self.end_grant(&mut tx, grant, RevokeReason::Person, act, now).await?
        {
            return Err(unknown_token());
        }
        tx.commit(now).await
    }

    /// Ends a personal token; `false` when there is none of this id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_personal(&self, token: TokenId) -> Result<bool> {
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        let Some(grant) = store::tokens::find_personal_grant(&mut tx, token).await? else { return Ok(false) };
        self.end_grant(&mut tx, grant, RevokeReason::Operator, AuditEntry::done("token.revoked"), now).await?;
        tx.commit(now).await?;
        Ok(true)
    }
}

fn not_by_agents() -> Failure {
    Failure::forbidden("token.not_by_agents", "Tokens are made by people on this site.").hint("Sign in, and make one.")
}

fn not_a_member() -> Failure {
    Failure::forbidden("token.not_a_member", "You are not in this organization.").hint("Choose one you are in.")
}

fn unknown_token() -> Failure {
    Failure::not_found("token.unknown", "There is no such token.").hint("Look at the list of your tokens.")
}
