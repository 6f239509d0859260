//! Whose account it is: the rules for signing in, joining and linking.

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::Act;
use belgie_api::ports::{AuditEntry, Ground, NewUser, Notice, UserChanges};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Event, Failure, LinkedAccountId, Result, SessionId, Timestamp, UserId, async_trait};
use serde_json::json;

use super::Engine;
use crate::model::account::{Identity, LinkedAccount};
use crate::model::profile::Profile;
use crate::model::refusal;
use crate::model::settings::{ProviderSettings, SignUp};
use crate::model::tokens::TokenSet;
use crate::store;

/// Somebody who proved to own an account elsewhere.
pub(super) struct Arrival<'a> {
    pub(super) settings: &'a ProviderSettings,
    pub(super) profile: &'a Profile,
    pub(super) identity: &'a Identity,
    pub(super) tokens: &'a TokenSet,
    pub(super) info: Option<&'a RequestInfo>,
    /// Whether the person asked for an account, if there is none.
    pub(super) requests_sign_up: bool,
}

impl Arrival<'_> {
    /// Whether the address may be believed.
    fn is_proven(&self) -> bool {
        self.profile.email_verified || self.settings.trusted_for_account_linking
    }
}

/// Whose account it turned out to be.
pub(super) struct Settled {
    pub(super) user: UserId,
    pub(super) is_new: bool,
}

/// An account elsewhere that is to be a way into one here.
pub(super) struct Link<'a> {
    pub(super) identity: &'a Identity,
    pub(super) email: Option<&'a str>,
    pub(super) tokens: &'a TokenSet,
    /// When somebody last signed in with it; `None` for never.
    pub(super) used_at: Option<Timestamp>,
}

/// The person who does something, and the request they do it in; `None` for the application around the gateway.
pub(super) type By<'a> = Option<(UserId, Option<&'a RequestInfo>)>;

/// Who came.
pub(super) enum Found {
    /// Somebody with an account, which may be new.
    Settled(Settled),
    /// Somebody whose account is linked, and who has to prove its address first.
    Unproven(UserContext),
    /// Somebody who may have an account once this address is proven. Whether there is one of that address already was not
    /// looked at: the answer must not depend on it.
    Newcomer(String),
}

/// The ground of a sign-in with a provider: the account there is a way into the account here.
pub(super) struct StillLinked<'a> {
    /// The account there.
    pub(super) identity: &'a Identity,
    /// When the person is known to have been there last; `None` when nobody says anything else than just now.
    pub(super) was_there_at: Option<Timestamp>,
}

#[async_trait]
impl Ground for StillLinked<'_> {
    async fn stands(&self, tx: &mut Tx, user: &UserContext) -> Result<bool> {
        Ok(store::accounts::find(tx, self.identity).await?.is_some_and(|account| account.user_id == user.id))
    }

    fn was_there_at(&self, now: Timestamp) -> Timestamp {
        self.was_there_at.unwrap_or(now)
    }
}

impl Engine {
    /// Finds or makes the account of somebody who signs in. Where addresses must be proven and the provider vouches for none,
    /// neither: then mail decides.
    ///
    /// # Errors
    /// `email_missing`, `account_not_linked`, `signup_disabled` (also to whoever shows an address that may be anybody's where
    /// nobody new is taken: the answer is the same whether there is an account of it), or the refusal of a veto.
    pub(super) async fn settle(&self, arrival: &Arrival<'_>) -> Result<Found> {
        // Whoever loses a race against himself in another tab finds on the second look what the first tab made.
        for _ in 0..2 {
            let found = store::accounts::find(&mut self.host.db().read().await?, arrival.identity).await?;
            if let Some(account) = found {
                return self.welcome_back(arrival, account).await;
            }
            let email = arrival.profile.normal_email().ok_or_else(refusal::email_missing)?;
            if !arrival.is_proven() {
                // Whoever shows an address that may be anybody's learns nothing about it.
                if !self.takes_new_people(arrival) {
                    return Err(refusal::nobody_new());
                }
                if self.host.newcomers().must_prove() {
                    return Ok(Found::Newcomer(email));
                }
            }
            let user = self.host.accounts().find_by_email(&email).await?;
            let is_new = user.is_none();
            let user = match user {
                Some(user) => self.join(arrival, user).await?,
                None => self.sign_up(arrival, email).await?,
            };
            if let Some(user) = user {
                return Ok(Found::Settled(Settled { user, is_new }));
            }
        }
        Err(refusal::account_not_linked())
    }

    async fn welcome_back(&self, arrival: &Arrival<'_>, account: LinkedAccount) -> Result<Found> {
        let now = self.host.now();
        let settled = Settled { user: account.user_id, is_new: false };
        // Whoever is banned is not there: nothing is noted, and no session will begin.
        let Some(user) = self.host.accounts().find(account.user_id).await? else { return Ok(Found::Settled(settled)) };
        let changes = self.changes(arrival, &user).await?;
        let mut tx = self.host.db().begin().await?;
        let user = self.apply(&mut tx, arrival, user, &changes).await?;
        if !self.host.accounts().is_proven_enough(&user) {
            return Ok(Found::Unproven(user));
        }
        store::accounts::note_sign_in(&mut tx, account.id, arrival.profile.email.as_deref(), now).await?;
        if arrival.settings.update_account_on_sign_in {
            self.bring_tokens(&mut tx, &account, arrival.tokens).await?;
        }
        tx.commit(now).await?;
        Ok(Found::Settled(settled))
    }

    /// What a sign-in changes about an account where that is wished: name and picture.
    async fn changes(&self, arrival: &Arrival<'_>, user: &UserContext) -> Result<UserChanges> {
        let mut changes = UserChanges::default();
        if !arrival.settings.override_user_info_on_sign_in {
            return Ok(changes);
        }
        let profile = self.host.accounts().profile(user.id).await?;
        changes.name = arrival.profile.name.clone().filter(|name| *name != user.name);
        let image = profile.and_then(|profile| profile.image);
        changes.image = arrival.profile.image.clone().filter(|new| Some(new) != image.as_ref()).map(Some);
        Ok(changes)
    }

    /// Changes the account of somebody who is known to be its person, and notes the proof of its address, if it is one.
    async fn apply(
        &self,
        tx: &mut Tx,
        arrival: &Arrival<'_>,
        user: UserContext,
        changes: &UserChanges,
    ) -> Result<UserContext> {
        let accounts = self.host.accounts();
        // The provider was asked since it was looked up: what was proven may be its address no more.
        let mut user = accounts.hold(tx, user.id).await?.unwrap_or(user);
        if let Some(email) = arrival.profile.normal_email().filter(|_| arrival.is_proven() && !user.email_verified) {
            user = accounts.prove_address(tx, user.id, &email, true).await?.unwrap_or(user);
        }
        if *changes != UserChanges::default() {
            user = accounts.update(tx, user.id, changes).await?.unwrap_or(user);
        }
        Ok(user)
    }

    /// Makes the account elsewhere a way into the account of its address. Both must be proven: the address there, or
    /// anybody could claim it; the address here, or whoever made the account before its owner came would share it with
    /// them. Where nobody gets in without a proof, an account that has none is its owner's from now on, and what a stranger
    /// did in it ends. `None` when somebody has the account elsewhere by now.
    async fn join(&self, arrival: &Arrival<'_>, user: UserContext) -> Result<Option<UserId>> {
        let accounts = self.host.accounts();
        let is_safe = user.email_verified || !accounts.is_proven_enough(&user);
        if !(arrival.settings.allow_implicit_account_linking && arrival.is_proven() && is_safe) {
            return Err(refusal::account_not_linked());
        }
        let changes = self.changes(arrival, &user).await?;
        let mut tx = self.host.db().begin().await?;
        // The address may have become somebody else's since it was looked up.
        let held = accounts.hold(&mut tx, user.id).await?;
        let is_as_seen = |held: &UserContext| held.email == user.email && held.email_verified == user.email_verified;
        let Some(held) = held.filter(is_as_seen) else { return Ok(None) };
        let user = match held.email_verified {
            true => held,
            false => accounts
                .prove_address(&mut tx, held.id, &held.email, false)
                .await?
                .ok_or_else(refusal::account_not_linked)?,
        };
        let user = self.apply(&mut tx, arrival, user, &changes).await?;
        if !self.insert_link(&mut tx, arrival, &user).await? {
            return Ok(None);
        }
        let notice = Notice::Linked { provider: &arrival.settings.name };
        accounts.tell(&mut tx, &user, notice, arrival.info).await?;
        tx.commit(self.host.now()).await?;
        Ok(Some(user.id))
    }

    /// Whether somebody new may have an account this way.
    fn takes_new_people(&self, arrival: &Arrival<'_>) -> bool {
        let settings = arrival.settings;
        let is_open = settings.sign_up == SignUp::Open || self.host.accounts().is_sign_up_open();
        let is_asked_for = !settings.disable_implicit_sign_up || arrival.requests_sign_up;
        !settings.disable_sign_up && is_open && is_asked_for
    }

    /// Makes an account; `None` when the address or the account elsewhere is taken by now.
    async fn sign_up(&self, arrival: &Arrival<'_>, email: String) -> Result<Option<UserId>> {
        let settings = arrival.settings;
        if !self.takes_new_people(arrival) {
            return Err(refusal::signup_disabled());
        }
        let new = NewUser {
            email,
            email_verified: arrival.is_proven(),
            name: arrival.profile.name.clone().unwrap_or_default(),
            image: arrival.profile.image.clone(),
            ..NewUser::default()
        };
        let mut tx = self.host.db().begin().await?;
        let Some(user) = self.host.accounts().create(&mut tx, &new, &settings.id).await? else { return Ok(None) };
        if !self.host.accounts().is_proven_enough(&user) {
            return Err(refusal::email_not_verified());
        }
        if !self.insert_link(&mut tx, arrival, &user).await? {
            return Ok(None);
        }
        tx.commit(self.host.now()).await?;
        Ok(Some(user.id))
    }

    /// A transaction in the name of the session somebody acts in, which is there as long as the transaction. `over`: what
    /// is said when it is not.
    pub(super) async fn begin_as(&self, caller: &Caller, over: fn() -> Failure) -> Result<Tx> {
        let mut tx = self.host.db().begin().await?;
        let session: SessionId = caller.session().ok_or_else(over)?;
        if !self.host.sessions().hold(&mut tx, session, caller.user().id).await? {
            return Err(over());
        }
        Ok(tx)
    }

    /// Links by the word of the signed-in person. Linking again what is linked already is fine. The provider was asked since
    /// the request came, so the session is looked at once more.
    ///
    /// # Errors
    /// `account_already_linked_to_different_user`, `email_does_not_match`, `email_missing`, or the refusal of a veto.
    pub(super) async fn link(&self, arrival: &Arrival<'_>, caller: &Caller) -> Result<()> {
        let (now, user) = (self.host.now(), caller.user());
        let found = store::accounts::find(&mut self.host.db().read().await?, arrival.identity).await?;
        if let Some(account) = found {
            if account.user_id != user.id {
                return Err(refusal::already_linked());
            }
            let mut tx = self.begin_as(caller, refusal::link_of_another_session).await?;
            self.bring_tokens(&mut tx, &account, arrival.tokens).await?;
            return tx.commit(now).await;
        }
        let changes = self.changes(arrival, user).await?;
        let mut tx = self.begin_as(caller, refusal::link_of_another_session).await?;
        let user = self.apply(&mut tx, arrival, user.clone(), &changes).await?;
        if !arrival.settings.allow_different_link_emails {
            let email = arrival.profile.normal_email().ok_or_else(refusal::email_missing)?;
            if email != user.email {
                return Err(refusal::email_does_not_match());
            }
        }
        if !self.insert_link(&mut tx, arrival, &user).await? {
            return Err(refusal::already_linked());
        }
        let notice = Notice::Linked { provider: &arrival.settings.name };
        self.host.accounts().tell(&mut tx, &user, notice, arrival.info).await?;
        tx.commit(now).await
    }

    /// Puts the tokens of a sign-in in the place of those before. The row is held before it is read: another sign-in or a
    /// renewal may have written to it since it was found.
    async fn bring_tokens(&self, tx: &mut Tx, found: &LinkedAccount, tokens: &TokenSet) -> Result<()> {
        store::accounts::lock_all(tx, found.user_id).await?;
        match store::accounts::find_by_id(tx, found.id, found.user_id).await? {
            Some(mut account) => self.replace_tokens(tx, &mut account, tokens).await.map(drop),
            None => Ok(()),
        }
    }

    /// Puts other tokens in the place of those of an account, as it is in this transaction. Without a refresh token among
    /// them a renewal that is under way is let finish, since it holds the only one that is still good: `false` then.
    pub(super) async fn replace_tokens(
        &self,
        tx: &mut Tx,
        account: &mut LinkedAccount,
        tokens: &TokenSet,
    ) -> Result<bool> {
        let now = self.host.now();
        if tokens.refresh_token.is_none() && account.lease_until.is_some_and(|until| until > now) {
            return Ok(false);
        }
        self.put_tokens(account, tokens)?;
        store::accounts::set_tokens(tx, account, now).await?;
        account.updated_at = now;
        Ok(true)
    }

    pub(super) async fn insert_link(&self, tx: &mut Tx, arrival: &Arrival<'_>, user: &UserContext) -> Result<bool> {
        let link = Link {
            identity: arrival.identity,
            email: arrival.profile.email.as_deref(),
            tokens: arrival.tokens,
            used_at: Some(self.host.now()),
        };
        Ok(self.insert(tx, link, user, Some((user.id, arrival.info))).await?.is_some())
    }

    /// Adds the row, once every veto has agreed; `None` when somebody has the account elsewhere by now. `by`: who does so in
    /// which request; `None` for the application around the gateway.
    pub(super) async fn insert(
        &self,
        tx: &mut Tx,
        link: Link<'_>,
        user: &UserContext,
        by: By<'_>,
    ) -> Result<Option<LinkedAccount>> {
        let (now, provider) = (self.host.now(), &link.identity.provider);
        self.host.accounts().ask_vetoes(tx, Act::Link { user, provider }).await?;
        let mut account = LinkedAccount {
            id: LinkedAccountId::new(self.host.clock(), self.host.entropy()),
            user_id: user.id,
            provider: provider.clone(),
            issuer: link.identity.issuer.clone(),
            subject: link.identity.subject.clone(),
            email: link.email.map(str::to_owned),
            token_type: None,
            scope: None,
            access_token: None,
            refresh_token: None,
            id_token: None,
            access_expires_at: None,
            refresh_expires_at: None,
            created_at: now,
            updated_at: now,
            last_used_at: link.used_at,
            lease_until: None,
        };
        self.put_tokens(&mut account, link.tokens)?;
        if !store::accounts::insert(tx, &account).await? {
            return Ok(None);
        }
        tx.emit(Event::ProviderLinked { user: user.id, provider: provider.clone() });
        let entry = AuditEntry::done("account.linked")
            .to(user.id)
            .with(json!({ "provider": provider, "linked_account": account.id }));
        self.record(tx, entry, by).await?;
        Ok(Some(account))
    }

    pub(super) async fn record(&self, tx: &mut Tx, mut entry: AuditEntry, by: By<'_>) -> Result<()> {
        entry.actor = by.map(|(actor, _)| actor);
        let entry = match by.and_then(|(_, info)| info) {
            Some(info) => entry.during(info),
            None => entry,
        };
        self.host.audit().record(tx, &entry).await
    }
}
