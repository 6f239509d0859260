//! Linked accounts by the word of the application around the gateway: it has made sure whose they are.

use belgie_api::db::Tx;
use belgie_api::ports::Notice;
use belgie_api::{Failure, LinkedAccountId, Result, UserId};
use serde_json::json;

use super::settle::Link;
use super::{Engine, LinkedAccountInfo};
use crate::model::account::Identity;
use crate::model::refusal;
use crate::model::tokens::TokenSet;
use crate::provider::{Claims, Provider};
use crate::store;

/// The longest id of an account there (OpenID Connect Core 1.0 section 2, `sub`).
const MAX_SUBJECT_BYTES: usize = 255;

/// An account elsewhere that an application links. It never shows its tokens in `Debug`.
#[derive(Clone, Debug, Default)]
pub struct ForeignAccount {
    /// The account there: `sub` of an `id_token`, 255 bytes at most.
    pub provider_account_id: String,
    /// Who vouches for it, where the provider speaks for many issuers; `None` for the issuer the provider describes.
    pub issuer: Option<String>,
    /// The address there.
    pub email: Option<String>,
    /// What the provider gave; it may be empty.
    pub tokens: TokenSet,
}

/// What an application changes about a linked account. It never shows its tokens in `Debug`.
#[derive(Clone, Debug, Default)]
pub struct LinkedAccountChanges {
    /// The address there.
    pub email: Option<String>,
    /// New tokens; what they leave out stays as it is.
    pub tokens: TokenSet,
}

/// Whether there is anything to store in it.
fn has_something(tokens: &TokenSet) -> bool {
    let is_bare = tokens.token_type.is_none() && tokens.scope.is_none() && tokens.refresh_expires_at.is_none();
    !(tokens.is_empty() && is_bare)
}

fn no_subject() -> Failure {
    Failure::bad_request("invalid_request", "An account of a provider has an id of 1 to 255 bytes.")
}

impl Engine {
    /// Who an account is, as a sign-in would find it.
    async fn identity_of(&self, provider: &Provider, account: &ForeignAccount) -> Result<Identity> {
        let subject = account.provider_account_id.clone();
        if !(1..=MAX_SUBJECT_BYTES).contains(&subject.len()) {
            return Err(no_subject());
        }
        let line = provider.line(&self.host).await?;
        let issuer = match (&line.metadata.issuer, &account.issuer) {
            (None, None) => String::new(),
            (None, Some(_)) => return Err(refusal::issuer_mismatch()),
            (Some(known), named) => {
                let claims: Claims = [("iss".to_owned(), json!(named.as_ref().unwrap_or(known)))].into_iter().collect();
                let unlike = if named.is_some() { refusal::issuer_mismatch } else { refusal::issuer_missing };
                provider.strategy().issuer_of(provider.settings(), known, &claims).ok_or_else(unlike)?
            }
        };
        Ok(Identity { provider: provider.id().to_owned(), issuer, subject })
    }

    /// Makes an account elsewhere a way into an account here; one that is one already gets the tokens.
    ///
    /// # Errors
    /// `user.not_found`, `account_already_linked_to_different_user`, `issuer_missing`, `issuer_mismatch`, the refusal of a
    /// veto, or when the provider cannot be asked what it is.
    pub async fn link_by_application(
        &self,
        provider: &Provider,
        user: UserId,
        account: &ForeignAccount,
    ) -> Result<LinkedAccountInfo> {
        let identity = self.identity_of(provider, account).await?;
        let (accounts, now) = (self.host.accounts(), self.host.now());
        let unknown = || Failure::not_found("user.not_found", "There is no such account.");
        // Whoever is banned is not there.
        accounts.find(user).await?.ok_or_else(unknown)?;
        let mut tx = self.host.db().begin().await?;
        let person = accounts.hold(&mut tx, user).await?.ok_or_else(unknown)?;
        let linked = match store::accounts::find(&mut tx, &identity).await? {
            Some(linked) if linked.user_id == user => {
                let changes = LinkedAccountChanges { email: account.email.clone(), tokens: account.tokens.clone() };
                self.change(&mut tx, linked.id, user, &changes).await?
            }
            Some(_) => return Err(refusal::already_linked()),
            None => {
                let link = Link {
                    identity: &identity,
                    email: account.email.as_deref(),
                    tokens: &account.tokens,
                    used_at: None,
                };
                let inserted = self.insert(&mut tx, link, &person, None).await?.ok_or_else(refusal::already_linked)?;
                accounts.tell(&mut tx, &person, Notice::Linked { provider: provider.name() }, None).await?;
                inserted.into()
            }
        };
        tx.commit(now).await?;
        Ok(linked)
    }

    /// Changes a linked account, whoever's it is.
    ///
    /// # Errors
    /// `account_not_found`.
    pub async fn update_by_application(
        &self,
        id: LinkedAccountId,
        changes: &LinkedAccountChanges,
    ) -> Result<LinkedAccountInfo> {
        let owner = store::accounts::find_owner(&mut self.host.db().read().await?, id).await?;
        let user = owner.ok_or_else(refusal::account_not_found)?;
        let mut tx = self.host.db().begin().await?;
        self.host.accounts().hold(&mut tx, user).await?;
        let changed = self.change(&mut tx, id, user, changes).await?;
        tx.commit(self.host.now()).await?;
        Ok(changed)
    }

    /// The account at a provider, whoever's it is here.
    ///
    /// # Errors
    /// `account_ambiguous` when several issuers of this provider have one of this id.
    pub async fn find_linked(&self, provider: &Provider, subject: &str) -> Result<Option<LinkedAccountInfo>> {
        let mut conn = self.host.db().read().await?;
        let mut found = store::accounts::list_by_subject(&mut conn, provider.id(), subject).await?;
        let account = found.pop();
        if found.is_empty() { Ok(account.map(Into::into)) } else { Err(refusal::account_ambiguous()) }
    }

    /// Changes an account in this transaction, which holds its person already. The row is held before it is read: whoever
    /// renews its tokens is done, throws away what it gets, or is let finish.
    async fn change(
        &self,
        tx: &mut Tx,
        id: LinkedAccountId,
        user: UserId,
        changes: &LinkedAccountChanges,
    ) -> Result<LinkedAccountInfo> {
        let now = self.host.now();
        store::accounts::lock_all(tx, user).await?;
        let found = store::accounts::find_by_id(tx, id, user).await?;
        let mut account = found.ok_or_else(refusal::account_not_found)?;
        if let Some(email) = &changes.email {
            store::accounts::set_email(tx, id, email, now).await?;
            (account.email, account.updated_at) = (Some(email.clone()), now);
        }
        if has_something(&changes.tokens) {
            self.replace_tokens(tx, &mut account, &changes.tokens).await?;
        }
        Ok(account.into())
    }
}
