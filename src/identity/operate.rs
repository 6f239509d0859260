//! What operators do to accounts. Every act is put on record in its own transaction, which begins with one more look at who
//! acts (403 when that is no operator any more, or was signed out). None of them can leave the host without an operator.

use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::Act;
use belgie_api::ports::{Accounts, AuditEntry, UserChanges};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Event, Failure, Result, ScopeSet, SessionId, Timestamp, UserId};
use serde_json::{Value, json};

use super::accounts::{CreateError, Identity, NewAccount, context};
use super::setup::ADMIN;
use crate::audit;
use crate::store::users::lock::lock;
use crate::store::users::standing;
use crate::store::{sessions, users};

const MAX_REASON_CHARACTERS: usize = 500;

/// Who acts.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// An operator in a browser, in this request.
    Operator(&'a Caller, &'a RequestInfo),
    /// The command line, or the application around the gateway.
    Host,
}

/// A ban.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ban {
    /// Why, for operators; may be empty.
    pub reason: String,
    /// What the person is told besides, in the operators' words; may be empty.
    pub notice: String,
    /// How long until it ends by itself; `None` for never.
    pub lasts: Option<Duration>,
}

impl By<'_> {
    /// An entry of the record about an act of theirs.
    #[must_use]
    pub fn entry(&self, action: &'static str) -> AuditEntry {
        match self {
            Self::Operator(caller, info) => AuditEntry::done(action).by(caller).during(info),
            Self::Host => AuditEntry::done(action),
        }
    }

    /// Refuses what operators do to others only.
    fn not_to_self(&self, user: UserId) -> Result<()> {
        match self {
            Self::Operator(caller, _) if caller.user().id == user => {
                Err(Failure::conflict("admin.yourself", "You cannot do this to your own account.")
                    .hint("Ask another administrator."))
            }
            _ => Ok(()),
        }
    }
}

/// What is said about an account that is not there.
pub fn unknown() -> Failure {
    Failure::not_found("user.not_found", "There is no such account any more.").hint("Look for the person again.")
}

/// What an operator is told who stopped being one while they asked.
fn no_operator() -> Failure {
    Failure::forbidden("admin.ended", "You are not an administrator any more. Nothing was changed.")
        .hint("Ask another administrator.")
}

impl Identity {
    /// Looks once more at who acts: an operator must still be one, in a session that has not ended since the request came.
    /// Takes the line of all operators, who come before a single person.
    async fn hold_actor(&self, tx: &mut Tx, by: By<'_>) -> Result<()> {
        let By::Operator(caller, _) = by else { return Ok(()) };
        let (user, now) = (caller.user().id, self.clock.now());
        let operators = standing::lock_holders(tx, ADMIN).await?;
        if !operators.iter().any(|holder| holder.id == user && holder.is_active(ADMIN, now)) {
            return Err(no_operator());
        }
        self.hold_caller(tx, caller).await
    }

    /// Puts an act on record, in its own transaction.
    ///
    /// # Errors
    /// When the database does not answer; then the act must not happen either.
    pub async fn record(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<()> {
        audit::record(tx, (self.clock.as_ref(), self.entropy.as_ref()), entry).await
    }

    /// Puts an act on record that changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note(&self, action: &'static str, about: UserId, details: Value, by: By<'_>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        self.record(&mut tx, &by.entry(action).to(about).with(details)).await?;
        tx.commit(self.clock.now()).await
    }

    /// Refuses to go on when this account is the last operator who can sign in. Takes the line of all who ask.
    pub(super) async fn keep_an_operator(&self, tx: &mut Tx, leaving: UserId) -> Result<()> {
        let now = self.clock.now();
        let operators = standing::lock_holders(tx, ADMIN).await?;
        let mut active = operators.iter().filter(|holder| holder.is_active(ADMIN, now)).peekable();
        let has_any = active.peek().is_some();
        if !has_any || active.any(|holder| holder.id != leaving) {
            return Ok(());
        }
        Err(Failure::conflict("admin.last", "This is the last administrator of this host.")
            .hint("Make somebody else an administrator first."))
    }

    /// Bans an account: its sessions end, its tokens are refused from the next call on, open streams end. Says when the ban
    /// ends by itself, if it does.
    ///
    /// # Errors
    /// 404 when there is no such account; 409 when it is the operator's own or the last operator's; 400 when it would be over
    /// at once.
    pub async fn ban(&self, user: UserId, ban: &Ban, by: By<'_>) -> Result<Option<Timestamp>> {
        by.not_to_self(user)?;
        let now = self.clock.now();
        if ban.lasts.is_some_and(|lasts| lasts.is_zero()) {
            return Err(Failure::bad_request("admin.past", "The ban would be over at once.")
                .hint("Say how long it is to last, or nothing for a ban without an end."));
        }
        let until = ban.lasts.map(|lasts| now.plus(lasts));
        let short = |text: &str| text.trim().chars().take(MAX_REASON_CHARACTERS).collect::<String>();
        let (reason, notice) = (short(&ban.reason), short(&ban.notice));
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        self.keep_an_operator(&mut tx, user).await?;
        if !standing::ban(&mut tx, user, now, until, (&reason, &notice)).await? {
            return Err(unknown());
        }
        self.end_all(&mut tx, user, now).await?;
        tx.emit(Event::UserBanned { user });
        let entry =
            by.entry("user.banned").to(user).with(json!({ "reason": reason, "notice": notice, "until": until }));
        self.record(&mut tx, &entry).await?;
        tx.commit(now).await?;
        Ok(until)
    }

    /// Takes a ban back; `false` when there was none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unban(&self, user: UserId, by: By<'_>) -> Result<bool> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        if !standing::unban(&mut tx, user, now).await? {
            return Ok(false);
        }
        tx.emit(Event::UserChanged { user });
        self.record(&mut tx, &by.entry("user.unbanned").to(user)).await?;
        tx.commit(now).await?;
        Ok(true)
    }

    /// Makes an account on the operator's word, scopes included, once every veto has agreed.
    ///
    /// # Errors
    /// When the input is not right, the address is taken, a veto refuses or the database does not answer.
    pub async fn create_by(&self, account: NewAccount, by: By<'_>) -> Result<UserContext, CreateError> {
        let (hash, mut tx) = self.prepare(&account).await?;
        self.hold_actor(&mut tx, by).await?;
        let user = self.insert(&mut tx, account, hash, "operator").await?;
        let details = json!({ "scopes": user.scopes.to_string() });
        self.record(&mut tx, &by.entry("user.created").to(user.id).with(details)).await?;
        tx.commit(self.clock.now()).await?;
        Ok(user)
    }

    /// Deletes somebody's account with everything that hangs on it, once every veto has agreed; `false` when there was
    /// none.
    ///
    /// # Errors
    /// 409 when it is the operator's own or the last operator's; a veto's refusal; or when the database does not answer.
    pub async fn delete_by(&self, user: UserId, by: By<'_>) -> Result<bool> {
        by.not_to_self(user)?;
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        if !self.delete_in(&mut tx, user).await? {
            return Ok(false);
        }
        self.record(&mut tx, &by.entry("user.deleted").to(user)).await?;
        tx.commit(self.clock.now()).await?;
        Ok(true)
    }

    /// Gives an account these scopes of its own and no others, once every veto has agreed. Whoever stops being an operator
    /// stops wearing other people's sessions.
    ///
    /// # Errors
    /// 404 when there is no such account; 409 when the last operator would go; a veto's refusal.
    pub async fn set_scopes(&self, user: UserId, scopes: ScopeSet, by: By<'_>) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        let before = users::find(&mut tx, user).await?.ok_or_else(unknown)?.scopes;
        let changes = UserChanges { scopes: Some(scopes.clone()), ..UserChanges::default() };
        Accounts::update(self, &mut tx, user, &changes).await?.ok_or_else(unknown)?;
        if !scopes.has_named(ADMIN) {
            self.end_worn(&mut tx, user).await?;
        }
        let details = json!({ "before": before.to_string(), "after": scopes.to_string() });
        self.record(&mut tx, &by.entry("user.scopes_set").to(user).with(details)).await?;
        tx.commit(now).await
    }

    /// Marks the address of an account as proven, on the operator's word. What was in the account ends as it does when its
    /// owner proves the address, unless the operator also knows that the owner made it (`is_theirs`): see `proof`.
    ///
    /// # Errors
    /// 404 when there is no such account; a veto's refusal.
    pub async fn mark_verified(&self, user: UserId, is_theirs: bool, by: By<'_>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        let row = lock(&mut tx, user).await?.ok_or_else(unknown)?;
        let changes = UserChanges { email_verified: Some(true), ..UserChanges::default() };
        self.veto(&mut tx, Act::Update { user: &context(row.clone()), changes: &changes }).await?;
        self.note_proof(&mut tx, &row, is_theirs).await?;
        let entry = by.entry("user.verified").to(user).with(json!({ "kept": is_theirs }));
        self.record(&mut tx, &entry).await?;
        tx.commit(self.clock.now()).await
    }

    /// Ends one session, whoever's it is, and every one its person wears; `false` when there is no such live session.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_session_by(&self, session: SessionId, by: By<'_>) -> Result<bool> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        let Some(ended) = sessions::end(&mut tx, session, now).await? else { return Ok(false) };
        self.tell_of_ended(&mut tx, &[ended]).await?;
        self.end_worn(&mut tx, ended.user_id).await?;
        let entry = by.entry("session.ended").to(ended.user_id).with(json!({ "session": session }));
        self.record(&mut tx, &entry).await?;
        tx.commit(now).await?;
        Ok(true)
    }

    /// Cuts off an agent or token that acts for a person: it is refused from its next call on, and what runs for it ends.
    ///
    /// # Errors
    /// 404 when nothing of this id acts for this person.
    pub async fn end_connection_by(&self, user: UserId, connection: &str, by: By<'_>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        if !self.end_connection(&mut tx, user, connection).await? {
            return Err(Failure::not_found("connection.unknown", "Nothing like this acts for this person any more.")
                .hint("Reload the page of the person."));
        }
        let entry = by.entry("connection.ended").to(user).with(json!({ "connection": connection }));
        self.record(&mut tx, &entry).await?;
        tx.commit(self.clock.now()).await
    }

    /// Ends every session of a person, and every one the person wears; says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_sessions_by(&self, user: UserId, by: By<'_>) -> Result<usize> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        self.hold_actor(&mut tx, by).await?;
        lock(&mut tx, user).await?;
        let count = self.end_all(&mut tx, user, now).await?;
        let entry = by.entry("session.all_ended").to(user).with(json!({ "count": count }));
        self.record(&mut tx, &entry).await?;
        tx.commit(now).await?;
        Ok(count)
    }

    /// Ends every session an operator wears; nothing, when it is not one.
    pub(super) async fn end_worn(&self, tx: &mut Tx, operator: UserId) -> Result<()> {
        let ended = sessions::end_worn(tx, operator, self.clock.now()).await?;
        self.tell_of_ended(tx, &ended).await
    }

    async fn end_all(&self, tx: &mut Tx, user: UserId, now: Timestamp) -> Result<usize> {
        let ended = sessions::end_all(tx, user, now).await?;
        self.tell_of_ended(tx, &ended).await?;
        Ok(ended.len())
    }
}
