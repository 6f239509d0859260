//! People, their sessions, their agents and acts as they are shown: without anything that opens a door, and with moments in
//! words beside them. Pages and applications get these and never a row.

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::context::UserContext;
use belgie_api::plugin::Connection;
use belgie_api::{Result, ScopeSet, SessionId, Timestamp, UserId};
use serde::Serialize;
use serde_json::Value;

use super::accounts::Identity;
use super::device_name::device_name;
use crate::store::audit::{self, AuditRow};
use crate::store::sessions::{self, SessionRow};
use crate::store::users::search;
use crate::store::users::{self, UserRow};

/// How many people one page shows.
pub const PAGE: usize = 50;

/// A live browser session. Its id opens nothing: only the secret in the cookie does, and that is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The browser in words: `Firefox on Linux`.
    pub device: String,
    /// What the browser calls itself, 300 characters at most.
    pub user_agent: String,
    /// The address it was opened from.
    pub ip: String,
    /// How the person last proved to be there: `password`, the id of a provider, a word of the application.
    pub method: String,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When the person last proved to be there.
    pub authenticated_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// The same in words: `5 minutes ago`.
    pub last_seen_ago: String,
    /// When it ends unless it is prolonged.
    pub expires_at: Timestamp,
    /// The operator who wears the session, if it is so.
    pub impersonator: Option<UserId>,
}

impl SessionInfo {
    fn new(row: SessionRow, now: Timestamp) -> Self {
        Self {
            id: row.id,
            user: row.user_id,
            device: device_name(&row.user_agent),
            user_agent: row.user_agent,
            ip: row.ip,
            method: row.method,
            created_at: row.created_at,
            authenticated_at: row.authenticated_at,
            last_seen_at: row.last_seen_at,
            last_seen_ago: row.last_seen_at.ago(now),
            expires_at: row.expires_at,
            impersonator: row.impersonator_id,
        }
    }
}

/// An account as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonInfo {
    /// The account.
    pub id: UserId,
    /// The address it signs in with.
    pub email: String,
    /// The name the person gave; may be empty.
    pub name: String,
    /// Scopes of the account itself.
    pub scopes: ScopeSet,
    /// Whether it is proven that the person reads mail sent there.
    pub is_verified: bool,
    /// Whether it has a password.
    pub has_password: bool,
    /// The ban that is in force, if one is.
    pub ban: Option<BanInfo>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A ban in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanInfo {
    /// Why; may be empty.
    pub reason: String,
    /// What the person is told besides; may be empty.
    pub notice: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ends by itself; `None` for never.
    pub until: Option<Timestamp>,
}

impl PersonInfo {
    fn new(row: UserRow, now: Timestamp) -> Self {
        let (since, until) = (row.banned_at.filter(|_| row.is_banned(now)), row.banned_until);
        let (reason, notice) = (row.ban_reason.unwrap_or_default(), row.ban_notice.unwrap_or_default());
        Self {
            id: row.id,
            email: row.email,
            name: row.name,
            scopes: row.scopes,
            is_verified: row.email_verified_at.is_some(),
            has_password: row.password_hash.is_some(),
            ban: since.map(|since| BanInfo { reason, notice, since, until }),
            created_at: row.created_at,
        }
    }
}

/// An agent or token that acts for a person, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// What it is.
    pub connection: Connection,
    /// When it was last used, in words; `None` for never.
    pub last_used_ago: Option<String>,
}

/// Somebody or something an act names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The address of a person who is still here, else the id.
    pub name: String,
    /// The person, if they are still here.
    pub user: Option<UserId>,
}

/// An act on record, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActInfo {
    /// What was done.
    pub action: String,
    /// Who did it; `None` for the host itself.
    pub actor: Option<Named>,
    /// The program of an organization's own that did it, with nobody behind it.
    pub service: Option<String>,
    /// The operator who wore the actor's session.
    pub impersonator: Option<Named>,
    /// Through which client; `web` for our own pages.
    pub client: Option<String>,
    /// To whom or what.
    pub target: Option<Named>,
    /// What came of it, where it was not done: why it was refused, or how it ended.
    pub verdict: Option<String>,
    /// How many entries are missing here.
    pub lost: Option<u64>,
    /// From which address.
    pub ip: Option<String>,
    /// Why, if somebody said so.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The same in words.
    pub ago: String,
}

impl Identity {
    /// The live sessions of a person, the one used last first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_sessions(&self, user: UserId) -> Result<Vec<SessionInfo>> {
        let now = self.clock.now();
        let rows = sessions::list(&mut self.db.read().await?, user, now).await?;
        Ok(rows.into_iter().map(|row| SessionInfo::new(row, now)).collect())
    }

    /// The session of an id with its person, as long as its cookie would be let in; `None` when it is over or unknown, or
    /// the account is banned.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_session(&self, session: SessionId) -> Result<Option<(SessionInfo, UserContext)>> {
        let now = self.clock.now();
        let mut conn = self.db.read().await?;
        let Some(row) = sessions::find_by_id(&mut conn, session, now).await? else { return Ok(None) };
        let known = self.with_person(&mut conn, row, now).await?;
        Ok(known.map(|known| (SessionInfo::new(known.session, now), known.user)))
    }

    /// An account, banned or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_person(&self, user: UserId) -> Result<Option<PersonInfo>> {
        Ok(self.row(user).await?.map(|row| PersonInfo::new(row, self.clock.now())))
    }

    /// The account of an address however it is written, banned or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_person_by_email(&self, email: &str) -> Result<Option<PersonInfo>> {
        Ok(self.row_by_email(email).await?.map(|row| PersonInfo::new(row, self.clock.now())))
    }

    /// A page of people whose address or name begins with a text, behind an address, and whether there are more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_people(&self, prefix: &str, after: &str) -> Result<(Vec<PersonInfo>, bool)> {
        let now = self.clock.now();
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let mut rows = search::search(&mut self.db.read().await?, prefix, after, limit).await?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        Ok((rows.into_iter().map(|row| PersonInfo::new(row, now)).collect(), has_more))
    }

    /// The agents and tokens that act for a person, as the plugins know them.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_connections(&self, user: UserId) -> Result<Vec<ConnectionInfo>> {
        let now = self.clock.now();
        let found = self.connections_of(user).await?.into_iter();
        let shown = |connection: Connection| ConnectionInfo {
            last_used_ago: connection.last_used_at.map(|last| last.ago(now)),
            connection,
        };
        Ok(found.map(shown).collect())
    }

    /// The latest acts on record as they are shown, the last one first: all of them, or those by and to a person. Whoever is
    /// still here goes by their address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_acts(&self, about: Option<UserId>, limit: u32) -> Result<Vec<ActInfo>> {
        let now = self.clock.now();
        let acts = self.acts(about, limit).await?;
        let mut conn = self.db.read().await?;
        let mut names: BTreeMap<UserId, String> = BTreeMap::new();
        for user in people_in(&acts) {
            names.extend(users::find(&mut conn, user).await?.map(|row| (user, row.email)));
        }
        let person = |user: UserId| match names.get(&user) {
            Some(email) => Named { name: email.clone(), user: Some(user) },
            None => Named { name: user.to_string(), user: None },
        };
        let target = |text: String| match text.parse::<UserId>() {
            Ok(user) => person(user),
            Err(_) => Named { name: text, user: None },
        };
        let shown = |act: AuditRow| ActInfo {
            actor: act.actor_id.map(person),
            service: act.service_name,
            impersonator: act.impersonator_id.map(person),
            client: act.client_id,
            verdict: Some(act.outcome).filter(|outcome| outcome != "done"),
            lost: None,
            target: act.target.map(target),
            reason: reason(&act.details),
            action: act.action,
            ip: act.ip,
            ago: act.at.ago(now),
            at: act.at,
        };
        Ok(acts.into_iter().map(shown).collect())
    }

    /// The latest acts on record, the last one first: all of them, or those by and to a person.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn acts(&self, about: Option<UserId>, limit: u32) -> Result<Vec<AuditRow>> {
        let mut conn = self.db.read().await?;
        match about {
            Some(user) => audit::about(&mut conn, user, limit.into()).await,
            None => audit::latest(&mut conn, limit.into()).await,
        }
    }
}

pub(super) fn reason(details: &Value) -> Option<String> {
    details.get("reason").and_then(Value::as_str).filter(|reason| !reason.is_empty()).map(str::to_owned)
}

fn people_in(acts: &[AuditRow]) -> BTreeSet<UserId> {
    let mut people = BTreeSet::new();
    for act in acts {
        people.extend(act.actor_id);
        people.extend(act.impersonator_id);
        people.extend(act.target.as_ref().and_then(|target| target.parse::<UserId>().ok()));
    }
    people
}
