//! News: what happened, told to everybody who keeps something that is no longer true.
//!
//! An event is written in the transaction that makes it true ([`Tx::emit`](crate::db::Tx::emit)), told to this process
//! right after the commit and before the answer, and reaches every other process through the database.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::id::{ClientId, GrantId, OrgId, SessionId, TokenId, UserId};
use crate::ports::BillingSubject;

/// Something that happened. Names are in the past tense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An account was deleted; everything it could do is over.
    UserDeleted {
        /// The account that was.
        user: UserId,
    },
    /// An account was banned; whatever it does now is over, and nothing begins while the ban lasts.
    UserBanned {
        /// The account.
        user: UserId,
    },
    /// Somebody has an account who had none.
    UserCreated {
        /// The new account.
        user: UserId,
    },
    /// Somebody proved who they are, and a browser session began.
    UserSignedIn {
        /// The account.
        user: UserId,
        /// The session that began.
        session: SessionId,
        /// How: `password`, `link`, `code`, or the id of a provider.
        method: String,
    },
    /// An account elsewhere became a way into an account here.
    ProviderLinked {
        /// The account here.
        user: UserId,
        /// The provider's id, such as `google`.
        provider: String,
    },
    /// An account elsewhere is no way into an account here any more.
    ProviderUnlinked {
        /// The account here.
        user: UserId,
        /// The provider's id.
        provider: String,
    },
    /// Profile, scopes or standing of an account changed.
    UserChanged {
        /// The account.
        user: UserId,
    },
    /// A browser session ended before its time.
    SessionRevoked {
        /// The session that was.
        session: SessionId,
    },
    /// The person behind a browser session proved once more to be there.
    SessionConfirmed {
        /// The session.
        session: SessionId,
    },
    /// One access token was revoked.
    TokenRevoked {
        /// The token's row.
        token: TokenId,
    },
    /// A grant was withdrawn, with every token that came from it.
    GrantRevoked {
        /// The grant that was.
        grant: GrantId,
    },
    /// A grant allows less than before, or lets act for fewer teams; its tokens go on, and are to be looked at anew.
    GrantNarrowed {
        /// The grant.
        grant: GrantId,
    },
    /// An OAuth client was deleted, with every grant given to it.
    ClientDeleted {
        /// The client that was.
        client: ClientId,
    },
    /// A person came into an organization, left it, or has other roles or teams in it.
    MembershipChanged {
        /// The organization.
        organization: OrgId,
        /// The person.
        user: UserId,
    },
    /// Something changed for everybody in an organization: its name, also in URLs, what one of its roles allows, what one of its
    /// teams is called or that the team is there, or that the organization is there at all.
    OrganizationChanged {
        /// The organization.
        organization: OrgId,
    },
    /// Somebody has another plan, or another right to the one they have.
    SubscriptionChanged {
        /// Who.
        subject: BillingSubject,
    },
    /// Somebody has used a part of what their plan includes of a meter in this period: told once for each part.
    QuotaReached {
        /// Who.
        subject: BillingSubject,
        /// The meter.
        meter: String,
        /// The part, in percent.
        percent: u16,
    },
    /// A key that tokens are signed with was made, began to sign, signs no more, or is gone.
    SigningKeysChanged,
    /// News of other processes may have been missed: whatever is remembered may be untrue.
    NewsMissed,
}

/// How many events of its own a process knows it has told; one that is forgotten is told twice.
const OWN_KNOWN: usize = 4_096;

/// How many events are known after they were told, for whoever asks what has happened meanwhile.
const RECENT: usize = 1_024;

/// Hears every event of this process and, with a short delay, of every other.
pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// Where events are told inside one process.
#[derive(Default)]
pub struct Bus {
    listeners: RwLock<Vec<Listener>>,
    heard: AtomicU64,
    told: AtomicU64,
    live: AtomicBool,
    /// The events told last, the newest at the end, each with the generation it began; a line that broke counts as missed news.
    recent: Mutex<VecDeque<(u64, Event)>>,
    /// Events of this process, by their place, that have not both been told and come back from the database.
    own: Mutex<BTreeMap<i64, Own>>,
}

/// How far an event of this process has come.
enum Own {
    /// Its commit is under way.
    Committing,
    /// It came back from the database before it was told here.
    CameBack(Event),
    /// It was told here.
    Told,
}

/// An event that this process is about to make true. Dropped without being told, because the commit failed or nobody waits
/// for it any more, it is told when it comes back from the database.
pub struct Announcement {
    bus: Arc<Bus>,
    seq: i64,
}

impl Announcement {
    /// Tells it, after the commit.
    pub fn tell(self, event: &Event) {
        let mut own = self.bus.own();
        if let Some(Own::Committing) = own.remove(&self.seq) {
            own.insert(self.seq, Own::Told);
        }
        drop(own);
        self.bus.publish(event);
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let mut own = self.bus.own();
        if let Some(Own::Told) = own.get(&self.seq) {
            return;
        }
        let left = own.remove(&self.seq);
        drop(own);
        if let Some(Own::CameBack(event)) = left {
            self.bus.publish(&event);
        }
    }
}

impl Bus {
    /// Adds somebody who wants to hear everything from now on.
    pub fn subscribe(&self, listener: Listener) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Tells one event to everybody. The generation moves first, so that whoever fills a cache meanwhile notices.
    pub fn publish(&self, event: &Event) {
        self.begin_generation(event);
        let _told = Told(&self.told);
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner).clone();
        for listener in listeners {
            listener(event);
        }
    }

    /// Says that this process is about to commit the event at this place in the order.
    #[must_use]
    pub fn announce(self: &Arc<Self>, seq: i64) -> Announcement {
        let mut own = self.own();
        own.insert(seq, Own::Committing);
        if own.len() > OWN_KNOWN {
            own.pop_first();
        }
        drop(own);
        Announcement { bus: Arc::clone(self), seq }
    }

    /// Tells an event that came from the database, unless this process has told it itself or is about to: to hear it again
    /// would end what began since, and what began since knows it already.
    pub fn relay(&self, seq: i64, event: &Event) {
        let mut own = self.own();
        match own.remove(&seq) {
            Some(Own::Told) => return,
            Some(Own::Committing | Own::CameBack(_)) => {
                own.insert(seq, Own::CameBack(event.clone()));
                return;
            }
            None => drop(own),
        }
        self.publish(event);
    }

    fn own(&self) -> MutexGuard<'_, BTreeMap<i64, Own>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The generation, unless an event is being told just now: then some have heard it and some have not, and what they
    /// say together may never have been true. Who reads the same twice has seen no event in between, not even half of one.
    #[must_use]
    pub fn settled_generation(&self) -> Option<u64> {
        // In this order: whatever begins between the two makes them differ.
        let told = self.told.load(Ordering::SeqCst);
        let heard = self.heard.load(Ordering::SeqCst);
        (told == heard).then_some(heard)
    }

    fn begin_generation(&self, event: &Event) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.heard.fetch_add(1, Ordering::SeqCst) + 1;
        recent.push_back((generation, event.clone()));
        if recent.len() > RECENT {
            recent.pop_front();
        }
    }

    /// Whether somebody was touched by what was told since a generation. When that is too long ago to know, they were.
    pub fn has_touched_since(&self, generation: u64, is_touched: impl Fn(&Event) -> bool) -> bool {
        if self.generation() == generation {
            return false;
        }
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = recent.front().is_some_and(|(first, _)| *first <= generation + 1);
        let mut since = recent.iter().rev().take_while(|(begun, _)| *begun > generation);
        !is_known || since.any(|(_, event)| is_touched(event))
    }

    /// How many events were told and how often the line broke so far. A cache fill asks with the value before its load what has
    /// happened since ([`has_touched_since`](Self::has_touched_since)).
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }

    /// Whether events of other processes reach this one now; while they do not, caches must be bypassed.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live.load(Ordering::SeqCst)
    }

    /// Set by whoever listens to the database: `true` only after everything that was missed has been told. A line that
    /// breaks moves the generation, so whoever fills a cache meanwhile notices even if it is whole again by then.
    pub fn set_live(&self, live: bool) {
        if self.live.swap(live, Ordering::SeqCst) && !live {
            self.begin_generation(&Event::NewsMissed);
            self.told.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Counts an event as told when everybody has heard it, or one of them has panicked.
struct Told<'a>(&'a AtomicU64);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{Bus, Event};

    #[test]
    fn what_was_told_here_is_not_told_again_whichever_way_it_comes_first() {
        let bus = Arc::new(Bus::default());
        bus.announce(7).tell(&Event::NewsMissed);
        bus.relay(7, &Event::NewsMissed);
        assert_eq!(bus.generation(), 1);
        let overtaken = bus.announce(8);
        bus.relay(8, &Event::NewsMissed);
        assert_eq!(bus.generation(), 1);
        overtaken.tell(&Event::NewsMissed);
        assert_eq!(bus.generation(), 2);
        // Read once more after the line broke: better twice than never.
        bus.relay(7, &Event::NewsMissed);
        assert_eq!(bus.generation(), 3);
    }

    #[test]
    fn what_nobody_waited_to_tell_is_told_when_it_comes_back() {
        let bus = Arc::new(Bus::default());
        drop(bus.announce(1));
        bus.relay(1, &Event::NewsMissed);
        assert_eq!(bus.generation(), 1);
        let given_up = bus.announce(2);
        bus.relay(2, &Event::NewsMissed);
        drop(given_up);
        assert_eq!(bus.generation(), 2);
        bus.relay(3, &Event::NewsMissed);
        assert_eq!(bus.generation(), 3);
    }

    #[test]
    fn whoever_asks_what_touched_them_meanwhile_hears_of_their_own_news_and_of_what_nobody_knows() {
        let bus = Bus::default();
        let gone = |seq| Event::ClientDeleted { client: crate::id::ClientId::from_wire(format!("cli_{seq}")) };
        let mine = |event: &Event| *event == gone(7) || *event == Event::NewsMissed;
        let before = bus.generation();
        assert!(!bus.has_touched_since(before, mine));
        bus.publish(&gone(1));
        assert!(!bus.has_touched_since(before, mine));
        bus.publish(&gone(7));
        assert!(bus.has_touched_since(before, mine));
        let after = bus.generation();
        (0..super::RECENT).for_each(|_| bus.publish(&gone(1)));
        assert!(!bus.has_touched_since(after, mine), "all of it is known");
        bus.publish(&gone(1));
        assert!(bus.has_touched_since(after, mine), "one too many");
        let before = bus.generation();
        bus.set_live(true);
        bus.set_live(false);
        assert!(bus.has_touched_since(before, mine), "a line that broke");
    }

    #[test]
    fn what_is_known_of_own_events_has_an_end() {
        let bus = Arc::new(Bus::default());
        let many = i64::try_from(super::OWN_KNOWN).unwrap() + 1;
        (0..many).for_each(|seq| bus.announce(seq).tell(&Event::NewsMissed));
        let told = bus.generation();
        bus.relay(many - 1, &Event::NewsMissed);
        assert_eq!(bus.generation(), told);
        bus.relay(0, &Event::NewsMissed);
        assert_eq!(bus.generation(), told + 1);
    }

    #[test]
    fn an_event_that_is_being_told_belongs_to_no_generation() {
        let bus = Arc::new(Bus::default());
        let seen: Arc<Mutex<Vec<Option<u64>>>> = Arc::default();
        for _ in 0..2 {
            let (inside, seen) = (Arc::downgrade(&bus), Arc::clone(&seen));
            bus.subscribe(Arc::new(move |_: &Event| {
                seen.lock().unwrap().push(inside.upgrade().unwrap().settled_generation());
            }));
        }
        assert_eq!(bus.settled_generation(), Some(0));
        bus.publish(&Event::NewsMissed);
        assert_eq!(*seen.lock().unwrap(), [None, None]);
        assert_eq!(bus.settled_generation(), Some(1));
        bus.set_live(true);
        bus.set_live(false);
        assert_eq!(bus.settled_generation(), Some(2));
    }
}
