//! News that put callers in doubt, and whose turn it is to be looked at. Whoever makes much news makes no more work than there is to
//! look at, and keeps nobody else waiting.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use belgie_api::ports::BillingSubject;
use belgie_api::{Event, OrgId, Principal, UserId};
use tokio::sync::Notify;

/// News from inside organizations, and of plans: they change what callers are, and end no credential. The same twice is once.
#[derive(Debug, Default)]
pub struct News {
    organizations: HashSet<OrgId>,
    members: HashSet<(OrgId, UserId)>,
    plans: HashSet<BillingSubject>,
}

/// Where news wait until they are looked at.
#[derive(Debug, Default)]
pub struct Doubts {
    news: Mutex<News>,
    bell: Notify,
}

/// Whose callers are looked at in turn: those of an organization, or one person who acts for themselves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Everybody who acts for it.
    Organization(OrgId),
    /// This one.
    Person(UserId),
}

/// What waits to be looked at. Each group has its turn; of one group, whoever waits longest.
#[derive(Debug)]
pub struct Turns<G, K, V> {
    turns: VecDeque<G>,
    groups: HashMap<G, VecDeque<K>>,
    all: HashMap<K, V>,
}

impl News {
    /// Takes it in, if it is of those; whether it is.
    pub fn add(&mut self, event: &Event) -> bool {
        match event {
            Event::OrganizationChanged { organization } => drop(self.organizations.insert(*organization)),
            Event::MembershipChanged { organization, user } => drop(self.members.insert((*organization, *user))),
            Event::SubscriptionChanged { subject } => drop(self.plans.insert(*subject)),
            _ => return false,
        }
        true
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.organizations.is_empty() && self.members.is_empty() && self.plans.is_empty()
    }

    /// Whether a caller with this principal may be another after them: as [`Principal::is_touched_by`] says of each, and found without
    /// going through all.
    pub fn touch(&self, principal: &Principal) -> bool {
        let user = principal.user().id;
        let is_of = |id: OrgId| self.organizations.contains(&id) || self.members.contains(&(id, user));
        principal.binding().organization.is_some_and(is_of)
            || self.plans.iter().any(|subject| subject.is_behind(principal))
    }
}

impl Doubts {
    /// Takes news in, if they are of those; whether they are.
    pub fn add(&self, event: &Event) -> bool {
        let is_taken = self.news.lock().unwrap_or_else(PoisonError::into_inner).add(event);
        if is_taken {
            self.bell.notify_one();
        }
        is_taken
    }

    /// All there are.
    pub fn take(&self) -> News {
        std::mem::take(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for some. One call too many at most comes back without.
    pub async fn wait(&self) {
        self.bell.notified().await;
    }
}

impl Group {
    /// The group of whoever has this principal.
    pub fn of(principal: &Principal) -> Self {
        principal.binding().organization.map_or(Self::Person(principal.user().id), Self::Organization)
    }
}

impl<G: Clone + Eq + Hash, K: Clone + Eq + Hash, V> Turns<G, K, V> {
    /// Nobody waits.
    pub fn new() -> Self {
        Self { turns: VecDeque::new(), groups: HashMap::new(), all: HashMap::new() }
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Lets `key` wait. One that waits already keeps its place, with `value` instead of what it had.
    pub fn put(&mut self, group: G, key: K, value: V) {
        if self.all.insert(key.clone(), value).is_some() {
            return;
        }
        let waiting = self.groups.entry(group.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(group);
        }
        waiting.push_back(key);
    }

    /// Those whose turn it is, `most` of them at most.
    pub fn take(&mut self, most: usize) -> Vec<V> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(group) = self.turns.pop_front()
        {
            let Some(waiting) = self.groups.get_mut(&group) else { continue };
            taken.extend(waiting.pop_front().and_then(|key| self.all.remove(&key)));
            if waiting.is_empty() {
                self.groups.remove(&group);
            } else {
                self.turns.push_back(group);
            }
        }
        taken
    }
}
