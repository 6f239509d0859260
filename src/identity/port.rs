//! People, as plugins and applications are lent them.

use async_trait::async_trait;
use belgie_api::context::UserContext;
use belgie_api::db::{Conn, Tx};
use belgie_api::hooks::Act;
use belgie_api::ports::{Accounts, NewUser, Notice, UserChanges, UserProfile};
use belgie_api::web::RequestInfo;
use belgie_api::{Event, Failure, Result, UserId};
use serde_json::json;

use super::accounts::{Identity, context, is_email, shorten};
use super::notes::when;
use crate::mail::Letter;
use crate::store::users::lock::lock;
use crate::store::users::{self, UserRow};

pub(super) fn no_address() -> Failure {
    Failure::bad_request("email_missing", "This is not an e-mail address.").hint("Give an address mail can be sent to.")
}

#[async_trait]
impl Accounts for Identity {
    async fn find(&self, user: UserId) -> Result<Option<UserContext>> {
        let row = users::find(&mut self.db.read().await?, user).await?;
        Ok(row.filter(|row| !row.is_banned(self.clock.now())).map(context))
    }

    async fn find_by_email(&self, email: &str) -> Result<Option<UserContext>> {
        let row = users::find_by_email(&mut self.db.read().await?, email).await?;
        Ok(row.filter(|row| !row.is_banned(self.clock.now())).map(context))
    }

    async fn profile(&self, user: UserId) -> Result<Option<UserProfile>> {
        Ok(users::find(&mut self.db.read().await?, user).await?.map(profile))
    }

    async fn create(&self, tx: &mut Tx, user: &NewUser, method: &str) -> Result<Option<UserContext>> {
        if !is_email(&users::normalize_email(&user.email)) {
            return Err(no_address());
        }
        self.insert_user(tx, user, None, method).await
    }

    async fn update(&self, tx: &mut Tx, user: UserId, changes: &UserChanges) -> Result<Option<UserContext>> {
        if changes.scopes.as_ref().is_some_and(|scopes| !scopes.has_named(super::setup::ADMIN)) {
            self.keep_an_operator(tx, user).await?;
        }
        let Some(mut row) = lock(tx, user).await? else { return Ok(None) };
        self.veto(tx, Act::Update { user: &context(row.clone()), changes }).await?;
        if let Some(email) = &changes.email {
            let email = users::normalize_email(email);
            if !is_email(&email) {
                return Err(no_address());
            }
            if users::is_taken(tx, &email, user).await? {
                return Ok(None);
            }
            if email != row.email {
                row.email_verified_at = None;
            }
            row.email = email;
        }
        let now = self.clock.now();
        match changes.email_verified {
            Some(true) => row.email_verified_at = Some(now),
            Some(false) => row.email_verified_at = None,
            None => {}
        }
        if let Some(name) = &changes.name {
            row.name = shorten(name);
        }
        if let Some(image) = &changes.image {
            row.image.clone_from(image);
        }
        if let Some(scopes) = &changes.scopes {
            row.scopes.clone_from(scopes);
        }
        users::update(tx, &row, now).await?;
        tx.emit(Event::UserChanged { user });
        Ok(Some(context(row)))
    }

    async fn prove_address(
        &self,
        tx: &mut Tx,
        user: UserId,
        email: &str,
        is_theirs: bool,
    ) -> Result<Option<UserContext>> {
        // The account may have got another address since the proof was asked for.
        let is_proven = |row: &UserRow| row.email == users::normalize_email(email);
        match lock(tx, user).await?.filter(is_proven) {
            Some(row) => self.note_proof(tx, &row, is_theirs).await.map(Some),
            None => Ok(None),
        }
    }

    async fn tell(
        &self,
        tx: &mut Tx,
        user: &UserContext,
        notice: Notice<'_>,
        info: Option<&RequestInfo>,
    ) -> Result<()> {
        let (kind, provider) = match notice {
            Notice::Linked { provider } => ("linked", provider),
            Notice::Unlinked { provider } => ("unlinked", provider),
        };
        let ip = info.map(|info| info.ip.to_string()).unwrap_or_default();
        let letter = Letter {
            template: "notice",
            kind,
            name: if user.email_verified { &user.name } else { "" },
            path: None,
            facts: json!({ "when": when(self.clock.now()), "device": "", "ip": ip, "provider": provider }),
        };
        self.post.send_if_possible(tx, &user.email, &letter).await
    }

    async fn hold(&self, tx: &mut Tx, user: UserId) -> Result<Option<UserContext>> {
        let row = lock(tx, user).await?;
        Ok(row.filter(|row| !row.is_banned(self.clock.now())).map(context))
    }

    async fn ask_vetoes(&self, tx: &mut Tx, act: Act<'_>) -> Result<()> {
        self.veto(tx, act).await
    }

    async fn ways_in(&self, conn: &mut Conn, user: UserId) -> Result<usize> {
        self.count_ways_in(conn, user).await
    }

    fn is_proven_enough(&self, user: &UserContext) -> bool {
        Self::is_proven_enough(self, user)
    }

    fn is_sign_up_open(&self) -> bool {
        self.rules.sign_up_open
    }
}

fn profile(row: UserRow) -> UserProfile {
    UserProfile {
        image: row.image.clone(),
        email_verified_at: row.email_verified_at,
        has_password: row.password_hash.is_some(),
        created_at: row.created_at,
        updated_at: row.updated_at,
        user: context(row),
    }
}
