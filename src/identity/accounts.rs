//! Accounts: made, found, signed in to, deleted.

use std::sync::{Arc, OnceLock, Weak};

use belgie_api::context::UserContext;
use belgie_api::db::{Db, Tx};
use belgie_api::hooks::Act;
use belgie_api::ports::{Keys, NewUser};
use belgie_api::{Clock, Entropy, Event, Failure, Result, ScopeSet, Timestamp, UserId};

use super::breached::BreachedPasswords;
use super::hold::PasswordProof;
use super::hooks::Hooks;
use super::new_password::MAX_PASSWORD_BYTES;
use super::password::PasswordHasher;
use super::remembered::RememberedSessions;
use super::sessions::{SessionRules, suspended};
use crate::audit::AuditLog;
use crate::mail::Post;
use crate::store::users::{self, UserRow};

const MAX_NAME_CHARACTERS: usize = 200;
const MAX_EMAIL_BYTES: usize = 254;

/// What the operator decided about accounts.
#[derive(Clone, Debug)]
pub struct AccountRules {
    /// Whether strangers may make an account.
    pub sign_up_open: bool,
    /// The shortest password, in characters.
    pub min_password_length: usize,
    /// How long sessions live.
    pub sessions: SessionRules,
    /// Whether a password is a way in here.
    pub signs_in_by_password: bool,
    /// Whether a link sent by mail is.
    pub signs_in_by_link: bool,
    /// Whether a code sent by mail is.
    pub signs_in_by_code: bool,
    /// Whether an address must be proven before a session begins with its password.
    pub requires_verified_email: bool,
    /// Whether people are told of sign-ins from browsers they did not use before.
    pub notifies_of_new_devices: bool,
}

/// What the service works with.
pub struct IdentityParts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What secrets at rest are sealed with.
    pub keys: Arc<dyn Keys>,
    /// Letters to people.
    pub post: Post,
    /// Passwords nobody may choose.
    pub breached: BreachedPasswords,
    /// The operator's rules.
    pub rules: AccountRules,
}

/// The identity service of one gateway.
#[derive(Clone)]
pub struct Identity {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) hasher: PasswordHasher,
    pub(super) rules: AccountRules,
    pub(super) keys: Arc<dyn Keys>,
    pub(super) post: Post,
    pub(super) breached: BreachedPasswords,
    pub(super) audit: AuditLog,
    pub(super) hooks: Arc<OnceLock<Weak<Hooks>>>,
    pub(super) remembered: RememberedSessions,
}

/// An account somebody wants.
pub struct NewAccount {
    /// The address to sign in with.
    pub email: String,
    /// What to call the person; may be empty.
    pub name: String,
    /// The password in the clear.
    pub password: String,
    /// Scopes of the account itself.
    pub scopes: ScopeSet,
}

/// What is wrong with a wanted account, said beside the field it belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AccountProblems {
    /// About the address.
    pub email: Option<String>,
    /// About the password.
    pub password: Option<String>,
}

/// Why there is no new account.
#[derive(Debug)]
pub enum CreateError {
    /// The input is not right.
    Problems(AccountProblems),
    /// The address has an account already.
    Taken,
    /// Something failed.
    Failure(Failure),
}

impl From<Failure> for CreateError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Identity {
    /// Puts the service together.
    #[must_use]
    pub fn new(parts: IdentityParts) -> Self {
        let IdentityParts { db, clock, entropy, keys, post, breached, rules } = parts;
        let hasher = PasswordHasher::new(Arc::clone(&entropy));
        let audit = AuditLog::new(Arc::clone(&clock), Arc::clone(&entropy));
        let remembered = RememberedSessions::new(db.bus());
        Self { db, clock, entropy, hasher, rules, keys, post, breached, audit, hooks: Arc::default(), remembered }
    }

    /// The present moment, as everything about people sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The operator's rules.
    #[must_use]
    pub fn rules(&self) -> &AccountRules {
        &self.rules
    }

    /// Whether the database answers.
    pub async fn is_database_there(&self) -> bool {
        match self.db.read().await {
            Ok(mut conn) => users::is_anybody_there(&mut conn).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Whether news of other processes are heard.
    #[must_use]
    pub fn hears_news(&self) -> bool {
        self.db.bus().is_live()
    }

    /// Whether letters to people go anywhere.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.post.is_available()
    }

    /// Whether this person may begin a session with a password, as far as the address goes.
    #[must_use]
    pub fn is_proven_enough(&self, user: &UserContext) -> bool {
        user.email_verified || !self.rules.requires_verified_email
    }

    async fn check(&self, account: &NewAccount) -> Result<(), CreateError> {
        let email = users::normalize_email(&account.email);
        let problems = AccountProblems {
            email: (!is_email(&email)).then(|| "This is not an e-mail address.".to_owned()),
            password: self.password_problem(&account.password, &email).await?,
        };
        if problems == AccountProblems::default() { Ok(()) } else { Err(CreateError::Problems(problems)) }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// When the input is not right, the address is taken, or the database does not answer.
    pub async fn create(&self, account: NewAccount) -> Result<UserContext, CreateError> {
        let (hash, mut tx) = self.prepare(&account).await?;
        let user = self.insert(&mut tx, account, hash, "password").await?;
        tx.commit(self.clock.now()).await?;
        Ok(user)
    }

    /// Checks the input and hashes the password before any lock is taken.
    pub(super) async fn prepare(&self, account: &NewAccount) -> Result<(String, Tx), CreateError> {
        self.check(account).await?;
        let hash = self.hasher.hash(account.password.clone()).await?;
        Ok((hash, self.db.begin().await?))
    }

    pub(super) async fn insert(
        &self,
        tx: &mut Tx,
        account: NewAccount,
        hash: String,
        method: &str,
    ) -> Result<UserContext, CreateError> {
        let NewAccount { email, name, scopes, .. } = account;
        let user = NewUser { email, name, scopes, ..NewUser::default() };
        self.insert_user(tx, &user, Some(hash), method).await?.ok_or(CreateError::Taken)
    }

    /// Adds an account once every veto has agreed; `None` when the address is taken.
    pub(super) async fn insert_user(
        &self,
        tx: &mut Tx,
        user: &NewUser,
        password_hash: Option<String>,
        method: &str,
    ) -> Result<Option<UserContext>> {
        let now = self.clock.now();
        self.veto(tx, Act::SignUp { user, method }).await?;
        let row = UserRow {
            id: UserId::new(self.clock.as_ref(), self.entropy.as_ref()),
            email: users::normalize_email(&user.email),
            email_verified_at: user.email_verified.then_some(now),
            name: shorten(&user.name),
            image: user.image.clone(),
            password_hash,
            scopes: user.scopes.clone(),
            banned_at: None,
            banned_until: None,
            ban_reason: None,
            ban_notice: None,
            secured_at: None,
            created_at: now,
            updated_at: now,
        };
        if !users::insert(tx, &row).await? {
            return Ok(None);
        }
        tx.emit(Event::UserCreated { user: row.id });
        Ok(Some(context(row)))
    }

    /// The account behind an address and its password; `None` when either is wrong. Takes the same time in every case.
    ///
    /// # Errors
    /// 403 when the password is right and the account is banned: nobody else learns of the ban. Or when the database does
    /// not answer.
    pub async fn check_password(&self, email: &str, password: String) -> Result<Option<PasswordProof>> {
        let row = users::find_by_email(&mut self.db.read().await?, email).await?;
        let hash = row.as_ref().and_then(|row| row.password_hash.clone());
        let password = if password.len() > MAX_PASSWORD_BYTES { String::new() } else { password };
        let fits = self.hasher.is_right(password, hash.clone()).await?;
        let Some(row) = row.filter(|_| fits) else { return Ok(None) };
        if row.is_banned(self.clock.now()) {
            return Err(suspended(&row));
        }
        Ok(Some(PasswordProof { user: context(row), hash }))
    }

    /// When the account was made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn created_at(&self, user: UserId) -> Result<Option<Timestamp>> {
        Ok(users::find(&mut self.db.read().await?, user).await?.map(|row| row.created_at))
    }

    /// Everybody, by address; at most 1,000.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self) -> Result<Vec<(UserContext, Timestamp)>> {
        let rows = users::list(&mut self.db.read().await?).await?;
        Ok(rows.into_iter().map(|row| (row.created_at, context(row))).map(|(at, user)| (user, at)).collect())
    }

    /// Deletes an account with its sessions and everything plugins hung on it; `false` when there was none.
    ///
    /// # Errors
    /// 409 when it is the last operator's; a veto's refusal; or when the database does not answer.
    pub async fn delete(&self, user: UserId) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let is_gone = self.delete_in(&mut tx, user).await?;
        tx.commit(self.clock.now()).await?;
        Ok(is_gone)
    }

    /// Deletes an account inside a transaction, once every veto has agreed.
    pub(super) async fn delete_in(&self, tx: &mut Tx, user: UserId) -> Result<bool> {
        self.keep_an_operator(tx, user).await?;
        let Some(row) = users::find(tx, user).await? else { return Ok(false) };
        self.veto(tx, Act::Delete { user: &context(row) }).await?;
        if !users::delete(tx, user).await? {
            return Ok(false);
        }
        tx.emit(Event::UserDeleted { user });
        Ok(true)
    }
}

pub(super) fn context(row: UserRow) -> UserContext {
    let email_verified = row.email_verified_at.is_some();
    UserContext { id: row.id, email: row.email, email_verified, name: row.name, scopes: row.scopes }
}

pub(super) fn shorten(name: &str) -> String {
    name.trim().chars().take(MAX_NAME_CHARACTERS).collect()
}

/// The shape of an address: something, an `@`, a dotted or single-label domain, no spaces or control characters. Whether
/// it exists only a mail can tell.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
    text.len() <= MAX_EMAIL_BYTES
        && is_plain(local)
        && is_plain(domain)
        && !local.contains('@')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}
