//! Accounts: made, found, signed in to, deleted.

use std::sync::Arc;

use async_trait::async_trait;
use belgie_api::context::UserContext;
use belgie_api::db::{Db, Tx};
use belgie_api::ports::Accounts;
use belgie_api::{Clock, Entropy, Event, Failure, Result, ScopeSet, Timestamp, UserId};

use super::password::PasswordHasher;
use super::sessions::SessionRules;
use crate::store::users::{self, UserRow};

/// The longest password, in bytes: enough for any passphrase, too little to keep a hasher busy.
const MAX_PASSWORD_BYTES: usize = 1024;
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
}

/// The identity service of one gateway.
#[derive(Clone)]
pub struct Identity {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) hasher: PasswordHasher,
    pub(super) rules: AccountRules,
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
    pub fn new(db: Db, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, rules: AccountRules) -> Self {
        let hasher = PasswordHasher::new(Arc::clone(&entropy));
        Self { db, clock, entropy, hasher, rules }
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

    fn check(&self, account: &NewAccount) -> Result<(), CreateError> {
        let email = users::normalize_email(&account.email);
        let mut problems = AccountProblems::default();
        if !is_email(&email) {
            problems.email = Some("This is not an e-mail address.".to_owned());
        }
        if account.password.chars().count() < self.rules.min_password_length {
            problems.password = Some(format!("Use at least {} characters.", self.rules.min_password_length));
        } else if account.password.len() > MAX_PASSWORD_BYTES {
            problems.password = Some(format!("Use at most {MAX_PASSWORD_BYTES} characters."));
        } else if users::normalize_email(&account.password) == email {
            problems.password = Some("Do not use your address as the password.".to_owned());
        }
        if problems == AccountProblems::default() { Ok(()) } else { Err(CreateError::Problems(problems)) }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// When the input is not right, the address is taken, or the database does not answer.
    pub async fn create(&self, account: NewAccount) -> Result<UserContext, CreateError> {
        let mut tx = self.prepare(&account).await?;
        let user = self.insert(&mut tx.1, account, tx.0).await?;
        tx.1.commit(self.clock.now()).await?;
        Ok(user)
    }

    /// Checks the input and hashes the password before any lock is taken.
    pub(super) async fn prepare(&self, account: &NewAccount) -> Result<(String, Tx), CreateError> {
        self.check(account)?;
        let hash = self.hasher.hash(account.password.clone()).await?;
        Ok((hash, self.db.begin().await?))
    }

    pub(super) async fn insert(
        &self,
        tx: &mut Tx,
        account: NewAccount,
        hash: String,
    ) -> Result<UserContext, CreateError> {
        let row = UserRow {
            id: UserId::new(self.clock.as_ref(), self.entropy.as_ref()),
            email: users::normalize_email(&account.email),
            name: account.name.trim().chars().take(MAX_NAME_CHARACTERS).collect(),
            password_hash: Some(hash),
            scopes: account.scopes,
            created_at: self.clock.now(),
        };
        if !users::insert(tx, &row).await? {
            return Err(CreateError::Taken);
        }
        Ok(context(row))
    }

    /// The account behind an address and its password; `None` when either is wrong. Takes the same time in both cases.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn check_password(&self, email: &str, password: String) -> Result<Option<UserContext>> {
        let row = users::find_by_email(&mut self.db.read().await?, email).await?;
        let hash = row.as_ref().and_then(|row| row.password_hash.clone());
        let password = if password.len() > MAX_PASSWORD_BYTES { String::new() } else { password };
        let fits = self.hasher.is_right(password, hash).await?;
        Ok(row.filter(|_| fits).map(context))
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
    /// When the database does not answer.
    pub async fn delete(&self, user: UserId) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if !users::delete(&mut tx, user).await? {
            return Ok(false);
        }
        tx.emit(Event::UserDeleted { user });
        tx.commit(self.clock.now()).await?;
        Ok(true)
    }
}

#[async_trait]
impl Accounts for Identity {
    async fn find(&self, user: UserId) -> Result<Option<UserContext>> {
        Ok(users::find(&mut self.db.read().await?, user).await?.map(context))
    }

    async fn find_by_email(&self, email: &str) -> Result<Option<UserContext>> {
        Ok(users::find_by_email(&mut self.db.read().await?, email).await?.map(context))
    }
}

fn context(row: UserRow) -> UserContext {
    UserContext { id: row.id, email: row.email, name: row.name, scopes: row.scopes }
}

/// The shape of an address: something, an `@`, a dotted or single-label domain, no spaces or control characters. Whether
/// it exists only a mail can tell.
fn is_email(text: &str) -> bool {
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
