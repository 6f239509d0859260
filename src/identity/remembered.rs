//! Sessions that were looked up a moment ago.
//!
//! The cache `sessions` holds 10,000 entries for at most 60 s. Whatever ends or changes a session or its person empties
//! the entries it touches, here at once and on other nodes with the news; while these are not heard, it is bypassed.

use std::sync::Arc;
use std::time::Duration;

use belgie_api::context::UserContext;
use belgie_api::event::Bus;
use belgie_api::{Event, SessionId, Timestamp, TokenHash};
use moka::sync::Cache;

use crate::store::sessions::SessionRow;

const REMEMBERED: u64 = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// A session and its person, as they were.
#[derive(Clone)]
pub(super) struct RememberedSession {
    pub(super) session: SessionRow,
    pub(super) user: UserContext,
}

/// Remembers sessions. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct RememberedSessions {
    known: Cache<TokenHash, Arc<RememberedSession>>,
    bus: Arc<Bus>,
}

impl RememberedSessions {
    pub(super) fn new(bus: &Arc<Bus>) -> Self {
        let known: Cache<TokenHash, Arc<RememberedSession>> =
            Cache::builder().name("sessions").max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        let forgetful = known.clone();
        bus.subscribe(Arc::new(move |event: &Event| forget(&forgetful, event)));
        Self { known, bus: Arc::clone(bus) }
    }

    /// To be read before a look-up and handed to [`remember`](Self::remember) after it.
    pub(super) fn generation(&self) -> u64 {
        self.bus.generation()
    }

    /// A session that is still good as far as anybody knows.
    pub(super) fn find(&self, token: TokenHash, now: Timestamp) -> Option<RememberedSession> {
        if !self.bus.is_live() {
            return None;
        }
        // Another node may have prolonged one that seems to be over: the database knows.
        self.known.get(&token).filter(|known| known.session.expires_at > now).map(|known| known.as_ref().clone())
    }

    /// Remembers what was looked up, unless news of it came in between: then it may be untrue already. The second look
    /// catches news that came while it was being written down.
    pub(super) fn remember(&self, token: TokenHash, known: RememberedSession, generation: u64) {
        let known = Arc::new(known);
        let is_touched = || self.bus.has_touched_since(generation, |event| is_touched(&known, event));
        if !self.bus.is_live() || is_touched() {
            return;
        }
        self.known.insert(token, Arc::clone(&known));
        if is_touched() {
            self.known.invalidate(&token);
        }
    }

    /// Forgets one; the next request looks it up.
    pub(super) fn forget(&self, token: TokenHash) {
        self.known.invalidate(&token);
    }
}

fn is_touched(known: &RememberedSession, event: &Event) -> bool {
    let is_session = |session: &SessionId| known.session.id == *session;
    match event {
        Event::SessionRevoked { session } | Event::SessionConfirmed { session } => is_session(session),
        Event::UserDeleted { user } | Event::UserBanned { user } | Event::UserChanged { user } => {
            known.user.id == *user || known.session.impersonator_id == Some(*user)
        }
        Event::NewsMissed => true,
        _ => false,
    }
}

fn forget(known: &Cache<TokenHash, Arc<RememberedSession>>, event: &Event) {
    let touched: Vec<TokenHash> =
        known.iter().filter(|(_, entry)| is_touched(entry, event)).map(|(token, _)| *token).collect();
    for token in touched {
        known.invalidate(&token);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use belgie_api::clock::SystemClock;
    use belgie_api::context::UserContext;
    use belgie_api::entropy::SystemEntropy;
    use belgie_api::event::Bus;
    use belgie_api::{Event, ScopeSet, SessionId, Timestamp, TokenHash, UserId};

    use super::{RememberedSession, RememberedSessions, SessionRow};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_432_200);
    const LATER: Timestamp = Timestamp::from_unix_seconds(1_795_435_800);

    fn session() -> RememberedSession {
        let id = UserId::new(&SystemClock, &SystemEntropy);
        RememberedSession {
            session: SessionRow {
                id: SessionId::new(&SystemClock, &SystemEntropy),
                user_id: id,
                created_at: NOW,
                renewed_at: NOW,
                expires_at: LATER,
                last_seen_at: NOW,
                ip: String::new(),
                user_agent: String::new(),
                authenticated_at: NOW,
                method: "password".to_owned(),
                impersonator_id: None,
            },
            user: UserContext {
                id,
                email: "ada@example.org".to_owned(),
                email_verified: true,
                name: String::new(),
                scopes: ScopeSet::new(),
            },
        }
    }

    #[test]
    fn only_ones_own_news_keep_what_was_looked_up_meanwhile_from_being_remembered() {
        let (bus, own, others) = (Arc::new(Bus::default()), session(), session());
        bus.set_live(true);
        let remembered = RememberedSessions::new(&bus);
        let token = TokenHash::of("a session");
        for (news, is_remembered) in [
            (Event::UserChanged { user: others.user.id }, true),
            (Event::SessionRevoked { session: others.session.id }, true),
            (Event::UserChanged { user: own.user.id }, false),
            (Event::SessionRevoked { session: own.session.id }, false),
            (Event::NewsMissed, false),
        ] {
            let generation = remembered.generation();
            bus.publish(&news);
            remembered.remember(token, own.clone(), generation);
            assert_eq!(remembered.find(token, NOW).is_some(), is_remembered, "{news:?}");
        }
    }
}
