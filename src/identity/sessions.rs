//! Browser sessions: opened at sign-in, prolonged while in use, ended for good.

use std::net::IpAddr;
use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::db::{Conn, Tx};
use belgie_api::hooks::Act;
use belgie_api::ports::{AuditEntry, Ground};
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, Event, Failure, PlainToken, Result, SessionId, Timestamp, TokenKind, UserId};
use serde_json::json;

use super::accounts::{Identity, context};
use super::hold::outdated;
use super::notes::when;
use super::remembered::RememberedSession;
use crate::store::sessions::{self, SessionRow};
use crate::store::users::{self, UserRow, lock::lock};

/// A session's last use is noted at most this often, so that reading a page does not write.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// What waits in the queue, and what has left it, is remembered this long.
const MAILS_KEPT: Duration = Duration::from_hours(7 * 24);
const MAX_USER_AGENT_CHARACTERS: usize = 300;

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct SessionRules {
    /// How long a session lives after it was last prolonged.
    pub max_age: Duration,
    /// How long after that it is prolonged by being used.
    pub update_age: Duration,
    /// How long it can live at all.
    pub absolute_max_age: Duration,
    /// How long after proving to be there a person may make dangerous changes without proving it again.
    pub fresh_age: Duration,
}

/// A session just opened.
pub struct Started {
    /// The session.
    pub session: SessionRow,
    /// The value of the cookie; only its hash is kept.
    pub token: PlainToken,
}

/// A session a request came with.
pub struct Resumed {
    /// The session.
    pub session: SessionRow,
    /// Its person.
    pub user: UserContext,
    /// Whether it was prolonged just now, so that the cookie must be sent again.
    pub is_renewed: bool,
    /// How long it lives from now on unless it is prolonged: what a cookie that hands it over says.
    pub lifetime: Duration,
}

/// What somebody is told, having proved to be the person, whose account is banned: the operators' notice, and not their
/// reason.
pub(super) fn suspended(row: &UserRow) -> Failure {
    let message = match row.banned_until {
        Some(until) => format!("This account is suspended until {}.", when(until)),
        None => "This account is suspended.".to_owned(),
    };
    let mistake = "If you think that this is a mistake, write to whoever runs this service.";
    let hint = match row.ban_notice.as_deref().filter(|notice| !notice.is_empty()) {
        Some(notice) => format!("Whoever runs this service writes: “{notice}” {mistake}"),
        None => mistake.to_owned(),
    };
    Failure::forbidden("account.suspended", message).hint(hint)
}

/// What somebody is told whose account is not there any more: no more than that.
pub(super) fn closed() -> Failure {
    Failure::forbidden("account.closed", "This account cannot be used.").hint("Ask the operator of this service.")
}

pub(super) fn shorten_user_agent(text: &str) -> String {
    text.chars().take(MAX_USER_AGENT_CHARACTERS).collect()
}

impl Identity {
    /// Opens a session with a token nobody has seen before, whatever cookie the browser came with, once every veto has
    /// agreed. `method`: how the person proved to be there; `ground`: what the proof was, looked at once more while nobody
    /// else can change the account.
    ///
    /// # Errors
    /// 403 when the account is banned or gone, the ground does not stand or a veto refuses; or when the database does not
    /// answer.
    pub async fn start_session(
        &self,
        user: UserId,
        (ip, user_agent): (IpAddr, &str),
        method: &str,
        ground: &dyn Ground,
    ) -> Result<Started> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let row = lock(&mut tx, user).await?.ok_or_else(closed)?;
        if row.is_banned(now) {
            return Err(suspended(&row));
        }
        let person = context(row);
        if !ground.stands(&mut tx, &person).await? {
            return Err(outdated());
        }
        self.veto(&mut tx, Act::SignIn { user: &person, method }).await?;
        let token = TokenKind::Session.mint(self.entropy.as_ref());
        let session = SessionRow {
            id: SessionId::new(self.clock.as_ref(), self.entropy.as_ref()),
            user_id: user,
            created_at: now,
            renewed_at: now,
            expires_at: now.plus(self.rules.sessions.max_age.min(self.rules.sessions.absolute_max_age)),
            last_seen_at: now,
            ip: ip.to_string(),
            user_agent: shorten_user_agent(user_agent),
            authenticated_at: ground.was_there_at(now).min(now),
            method: method.to_owned(),
            impersonator_id: None,
        };
        sessions::insert(&mut tx, &session, token.hash()).await?;
        tx.emit(Event::UserSignedIn { user, session: session.id, method: method.to_owned() });
        tx.commit(now).await?;
        Ok(Started { session, token })
    }

    /// The live session of a cookie, prolonged when it is time; `None` when it is unknown, expired or revoked.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resume_session(&self, token: &PlainToken) -> Result<Option<Resumed>> {
        let now = self.clock.now();
        match self.look_session_up(token, now).await? {
            Some(known) => self.resume(token, known, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// As [`resume_session`](Self::resume_session), for programs that ask often: what was looked up a moment ago, here, is
    /// believed until news come. One that was ended by another node is heard of within a second.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resume_remembered(&self, token: &PlainToken) -> Result<Option<Resumed>> {
        let now = self.clock.now();
        if let Some(known) = self.remembered.find(token.hash(), now) {
            return self.resume(token, known, now).await.map(Some);
        }
        let generation = self.remembered.generation();
        let Some(known) = self.look_session_up(token, now).await? else { return Ok(None) };
        self.remembered.remember(token.hash(), known.clone(), generation);
        self.resume(token, known, now).await.map(Some)
    }

    async fn look_session_up(&self, token: &PlainToken, now: Timestamp) -> Result<Option<RememberedSession>> {
        let mut conn = self.db.read().await?;
        let Some(session) = sessions::find(&mut conn, token.hash(), now).await? else { return Ok(None) };
        self.with_person(&mut conn, session, now).await
    }

    /// A live session with its person, if the person may be here.
    pub(super) async fn with_person(
        &self,
        conn: &mut Conn,
        session: SessionRow,
        now: Timestamp,
    ) -> Result<Option<RememberedSession>> {
        let user = users::find(conn, session.user_id).await?.filter(|user| !user.is_banned(now));
        // A worn session lasts no longer than the operator's own standing.
        if let Some(operator) = session.impersonator_id
            && !self.is_operator(conn, operator, now).await?
        {
            return Ok(None);
        }
        Ok(user.map(|user| RememberedSession { session, user: context(user) }))
    }

    /// Notes that a session is in use, and prolongs it when it is time.
    async fn resume(&self, token: &PlainToken, known: RememberedSession, now: Timestamp) -> Result<Resumed> {
        let RememberedSession { mut session, user } = known;
        let rules = self.rules.sessions;
        let end = session.created_at.plus(rules.absolute_max_age);
        let longer = now.plus(rules.max_age).min(end);
        let is_worn = session.impersonator_id.is_some();
        let is_renewed = !is_worn && now.since(session.renewed_at) >= rules.update_age && longer > session.expires_at;
        if is_renewed {
            let mut tx = self.db.begin().await?;
            sessions::renew(&mut tx, session.id, now, longer).await?;
            tx.commit(now).await?;
            self.remembered.forget(token.hash());
            (session.renewed_at, session.expires_at, session.last_seen_at) = (now, longer, now);
        } else if now.since(session.last_seen_at) >= SEEN_EVERY {
            // A session is no less good because its use could not be noted.
            match self.note_use(session.id).await {
                Ok(()) => {
                    self.remembered.forget(token.hash());
                    session.last_seen_at = now;
                }
                Err(failure) => tracing::warn!(error = ?failure, "the use of a session could not be noted"),
            }
        }
        let lifetime = session.expires_at.since(now);
        Ok(Resumed { session, user, is_renewed, lifetime })
    }

    /// Whether the person behind a session proved a moment ago to be there; never, when an operator wears it.
    #[must_use]
    pub fn is_fresh(&self, session: &SessionRow) -> bool {
        session.impersonator_id.is_none()
            && self.clock.now().since(session.authenticated_at) <= self.rules.sessions.fresh_age
    }

    /// Notes that the person behind a session has just proved once more to be there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn confirm_session(&self, session: SessionId, method: &str) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        sessions::confirm(&mut tx, session, now, method).await?;
        tx.emit(Event::SessionConfirmed { session });
        tx.commit(now).await
    }

    async fn note_use(&self, session: SessionId) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        sessions::touch(&mut tx, session, now).await?;
        tx.commit(now).await
    }

    /// Ends one session of a person, and every one the person wears; `false` when there is no such live session. Heard
    /// everywhere before this returns.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_session(&self, session: SessionId, user: UserId) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let is_ended = self.revoke_in(&mut tx, session, user).await?;
        if is_ended {
            tx.commit(self.clock.now()).await?;
        }
        Ok(is_ended)
    }

    /// As [`revoke_session`](Self::revoke_session), on the word of the person, who may be in another session.
    ///
    /// # Errors
    /// 403 when the session they are in has ended in the meantime, or when the database does not answer.
    pub async fn revoke_own_session(&self, caller: &Caller, info: &RequestInfo, session: SessionId) -> Result<bool> {
        let user = caller.user().id;
        let mut tx = self.db.begin().await?;
        self.hold_caller(&mut tx, caller).await?;
        if !self.revoke_in(&mut tx, session, user).await? {
            return Ok(false);
        }
        let entry = AuditEntry::done("session.ended").by(caller).during(info).to(user);
        self.record(&mut tx, &entry.with(json!({ "session": session }))).await?;
        tx.commit(self.clock.now()).await?;
        Ok(true)
    }

    async fn revoke_in(&self, tx: &mut Tx, session: SessionId, user: UserId) -> Result<bool> {
        let Some(ended) = sessions::revoke(tx, session, user, self.clock.now()).await? else { return Ok(false) };
        self.tell_of_ended(tx, &[ended]).await?;
        self.end_worn(tx, user).await?;
        Ok(true)
    }

    /// Ends every session of a person but the one they are in, and every one the person wears; says how many.
    ///
    /// # Errors
    /// 403 when the session they are in has ended in the meantime, or when the database does not answer.
    pub async fn revoke_other_sessions(&self, caller: &Caller, info: &RequestInfo) -> Result<usize> {
        let Some(keep) = caller.session() else { return Ok(0) };
        let (user, now) = (caller.user().id, self.clock.now());
        let mut tx = self.db.begin().await?;
        self.hold_caller(&mut tx, caller).await?;
        let ended = sessions::revoke_others(&mut tx, user, keep, now).await?;
        self.tell_of_ended(&mut tx, &ended).await?;
        let entry = AuditEntry::done("session.others_ended").by(caller).during(info).to(user);
        self.record(&mut tx, &entry.with(json!({ "count": ended.len() }))).await?;
        tx.commit(now).await?;
        Ok(ended.len())
    }

    /// Forgets sessions that ended long ago, and links as soon as they have ended: strangers can have some kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge(&self) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        sessions::purge(&mut tx, now.minus(Duration::from_hours(24))).await?;
        crate::store::links::purge(&mut tx, now).await?;
        crate::store::mails::purge(&mut tx, now.minus(MAILS_KEPT)).await?;
        self.purge_news(&mut tx).await?;
        tx.commit(now).await
    }
}
