//! People, their sessions, and single-use tokens.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::context::UserContext;
use crate::db::{Conn, Tx};
use crate::failure::{Failure, Result};
use crate::hooks::Act;
use crate::id::{SessionId, UserId};
use crate::scope::ScopeSet;
use crate::time::Timestamp;
use crate::token::PlainToken;
use crate::web::{RequestInfo, Visitor};

/// The one spelling under which an address is stored and looked up: trimmed and in lower case.
#[must_use]
pub fn normalize_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// An account that is to be made without a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewUser {
    /// The address it signs in with, in any spelling.
    pub email: String,
    /// Whether it is proven that the person reads mail sent there.
    pub email_verified: bool,
    /// What to call the person; may be empty.
    pub name: String,
    /// A picture: an https or `data:` URL.
    pub image: Option<String>,
    /// Scopes of the account itself.
    pub scopes: ScopeSet,
}

/// What is to be different about an account; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// Another address. It must not have an account; with it goes the proof of the old one.
    pub email: Option<String>,
    /// Whether the address, the new one if there is one, is proven. Everything in the account stays: only say `true` when
    /// whoever made the account is known to own the address, else a stranger who made it and waited keeps a way in.
    /// [`Accounts::prove_address`] is for every other proof.
    pub email_verified: Option<bool>,
    /// Another name.
    pub name: Option<String>,
    /// Another picture, or none.
    pub image: Option<Option<String>>,
    /// Other scopes of the account itself, all of them.
    pub scopes: Option<ScopeSet>,
}

/// Everything about an account that pages show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserProfile {
    /// The person.
    pub user: UserContext,
    /// A picture: an https or `data:` URL.
    pub image: Option<String>,
    /// When the address was proven.
    pub email_verified_at: Option<Timestamp>,
    /// Whether the account has a password.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a person is told by mail, because somebody else may have done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// An account elsewhere became a way in.
    Linked {
        /// What people call the provider.
        provider: &'a str,
    },
    /// An account elsewhere is a way in no more.
    Unlinked {
        /// What people call the provider.
        provider: &'a str,
    },
}

/// People. Whoever is banned is not there.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account, unless it is deleted or banned.
    async fn find(&self, user: UserId) -> Result<Option<UserContext>>;

    /// The account that signs in with this address, unless it is banned.
    async fn find_by_email(&self, email: &str) -> Result<Option<UserContext>>;

    /// Everything about an account, banned or not.
    async fn profile(&self, user: UserId) -> Result<Option<UserProfile>>;

    /// Makes an account inside a transaction, once every veto has agreed; `None` when the address is taken, also by
    /// somebody who is banned.
    ///
    /// # Errors
    /// When a veto refuses or the address is none.
    async fn create(&self, tx: &mut Tx, user: &NewUser, method: &str) -> Result<Option<UserContext>>;

    /// Changes an account inside a transaction, once every veto has agreed; `None` when there is none or another has the
    /// address.
    ///
    /// # Errors
    /// When a veto refuses or the address is none.
    async fn update(&self, tx: &mut Tx, user: UserId, changes: &UserChanges) -> Result<Option<UserContext>>;

    /// Notes that somebody has proved to own an address, as a provider that has checked it does, if it is the address of
    /// this account; `None`, and nothing is noted, when the account has another one by now, or is gone. `email`: what was
    /// proven, in any spelling. `is_theirs`: whether that somebody is also known to have made the account, being signed in
    /// to it. If not, and the address was never proven before, whatever was in the account ends
    /// ([`Act::Reclaim`](crate::hooks::Act::Reclaim)): a stranger may have made it and waited.
    ///
    /// # Errors
    /// When a veto refuses or the database does not answer. The default is for stand-ins in tests and always fails.
    async fn prove_address(
        &self,
        tx: &mut Tx,
        user: UserId,
        email: &str,
        is_theirs: bool,
    ) -> Result<Option<UserContext>> {
        let _not_here = (tx, user, email, is_theirs);
        Err(Failure::internal("these accounts cannot be proven"))
    }

    /// Writes to a person what happened to their account, in the transaction in which it does, where mail is sent at all;
    /// nothing otherwise. `user`: as the account is now. `info`: of the request in which it happened, if it was one.
    ///
    /// # Errors
    /// When the database does not answer. The default is for stand-ins in tests and always fails.
    async fn tell(
        &self,
        tx: &mut Tx,
        user: &UserContext,
        notice: Notice<'_>,
        info: Option<&RequestInfo>,
    ) -> Result<()> {
        let _not_here = (tx, user, notice, info);
        Err(Failure::internal("these people cannot be told"))
    }

    /// Holds an account until the transaction ends, and says how it stands then; `None` when there is none. Whoever decides
    /// by the state of an account and then writes holds it first, before anything that hangs on it: another transaction
    /// that does the same waits, or is over.
    ///
    /// # Errors
    /// When the database does not answer. The default is for stand-ins in tests and always fails.
    async fn hold(&self, tx: &mut Tx, user: UserId) -> Result<Option<UserContext>> {
        let _not_here = (tx, user);
        Err(Failure::internal("these accounts cannot be held"))
    }

    /// Asks every veto about an act that a plugin is about to do, inside its transaction.
    ///
    /// # Errors
    /// The first refusal.
    async fn ask_vetoes(&self, tx: &mut Tx, act: Act<'_>) -> Result<()>;

    /// How many ways into an account there are: its password, mail to a proven address, and what plugins know of. Read
    /// where the caller reads, so that whoever asks inside a transaction waits for no second connection.
    async fn ways_in(&self, conn: &mut Conn, user: UserId) -> Result<usize>;

    /// Whether a session may begin for this person, as far as the address goes: the operator may want it proven first.
    fn is_proven_enough(&self, user: &UserContext) -> bool {
        user.email_verified
    }

    /// Whether strangers may make an account here.
    fn is_sign_up_open(&self) -> bool;
}

/// A session that has just begun.
pub struct BegunSession {
    /// The session.
    pub session: SessionId,
    /// Hands it to the browser: the value of a `Set-Cookie` header.
    pub cookie: HeaderValue,
    /// The secret in that cookie, for programs that keep it themselves.
    pub token: PlainToken,
    /// When it began.
    pub began_at: Timestamp,
    /// When the session ends unless it is prolonged.
    pub expires_at: Timestamp,
}

/// Why somebody is believed to be a person: what must still be so at the moment a session begins, since seconds may have
/// passed since it was looked at.
#[async_trait]
pub trait Ground: Send + Sync {
    /// Whether it is still so. Asked inside the transaction, while the account is held; `user`: as it is now.
    async fn stands(&self, tx: &mut Tx, user: &UserContext) -> Result<bool>;

    /// When the person last proved to be there, as far as is known: the session is no fresher than that. Whoever proves it in
    /// the request itself leaves it at now; a provider may only repeat what it knows from yesterday.
    fn was_there_at(&self, now: Timestamp) -> Timestamp {
        now
    }
}

/// The ground of whoever answers for the person without anything that could change.
pub struct TheirWord;

#[async_trait]
impl Ground for TheirWord {
    async fn stands(&self, _tx: &mut Tx, _user: &UserContext) -> Result<bool> {
        Ok(true)
    }
}

/// Browser sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session for a person who has proved, by `method`, to be there, once every veto has agreed. The session
    /// the browser came with ends. `headers`: of the request, for the name of the browser.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure) with status 403 when the account is banned (`account.suspended`, which the person may
    /// read), gone, or a veto refuses.
    async fn begin(&self, visitor: &Visitor, headers: &HeaderMap, user: UserId, method: &str) -> Result<BegunSession> {
        self.begin_on(visitor, headers, (user, method), &TheirWord).await
    }

    /// As [`begin`](Self::begin), on a ground that is looked at once more.
    ///
    /// # Errors
    /// As `begin`, and 403 when the ground does not stand any more.
    async fn begin_on(
        &self,
        visitor: &Visitor,
        headers: &HeaderMap,
        (user, method): (UserId, &str),
        ground: &dyn Ground,
    ) -> Result<BegunSession>;

    /// Holds a person and one of their sessions until the transaction ends; `false` when the session was ended or is not
    /// theirs. Whoever acts in the name of a session does so first in the transaction of the act: the session may have
    /// ended since the request came.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn hold(&self, tx: &mut Tx, session: SessionId, user: UserId) -> Result<bool>;

    /// Whether a session of this person still stands: it was not ended, is not over, and the person may be here. For what goes
    /// on longer than the request it began with.
    ///
    /// # Errors
    /// When the database does not answer. The default is for stand-ins in tests and always fails.
    async fn is_live(&self, _session: SessionId, _user: UserId) -> Result<bool> {
        Err(Failure::internal("there are no sessions here"))
    }

    /// Ends the session the browser came with, as signing out does, and takes it from the browser: the values of `Set-Cookie`
    /// headers.
    ///
    /// # Errors
    /// 403 while an operator wears the session, and when the database does not answer. The default is for stand-ins in tests
    /// and always fails.
    async fn end(&self, _visitor: &Visitor) -> Result<Vec<HeaderValue>> {
        Err(Failure::internal("there are no sessions here"))
    }

    /// Notes that the person behind a session has just proved once more to be there, which makes it fresh.
    async fn confirm(&self, session: SessionId, method: &str) -> Result<()>;
}

/// What came with a single-use token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose it is, if it is somebody's.
    pub user: Option<UserId>,
    /// What was kept, sealed at rest.
    pub payload: Value,
}

/// Single-use tokens that something is kept under. Only the hash of a token is stored, and a token is used up in one
/// statement, so two uses cannot both win.
#[async_trait]
pub trait OneTime: Send + Sync {
    /// Keeps a thing for at most this long. `purpose`: `<plugin id>.<what for>`; a token is worth nothing for another.
    async fn keep(&self, tx: &mut Tx, purpose: &str, kept: &Kept, lifetime: Duration) -> Result<PlainToken>;

    /// Looks without using it up; `None` when it was used, has expired or never was.
    async fn look(&self, purpose: &str, token: &PlainToken) -> Result<Option<Kept>>;

    /// Uses it up; `None` when it was used, has expired or never was.
    async fn take(&self, tx: &mut Tx, purpose: &str, token: &PlainToken) -> Result<Option<Kept>>;
}
