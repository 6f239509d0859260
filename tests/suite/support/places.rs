//! Organizations and teams in memory, for tests of what depends on somebody's place.

use belgie::Builder;
use belgie_oauth_server::OAuthServer;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use belgie_api::clock::SystemClock;
use belgie_api::context::{OrgContext, TeamContext};
use belgie_api::entropy::SystemEntropy;
use belgie_api::plugin::{Manifest, Mount};
use belgie_api::ports::{OrgName, OrganizationContexts, TeamContexts};
use belgie_api::{Host, OrgId, Plugin, Result, TeamId, UserId};
use tokio::sync::Semaphore;

/// A plugin that knows two organizations, `acme` and `globex`, and whoever a test puts into them.
#[derive(Clone)]
pub struct Places(Arc<Inside>);

struct Inside {
    organizations: [OrgName; 2],
    members: Mutex<Vec<(UserId, Place)>>,
    looks: AtomicUsize,
    /// Whether whoever looks somebody up waits until they are let on.
    is_held: AtomicBool,
    gate: Semaphore,
}

/// What somebody is in an organization.
#[derive(Clone)]
pub struct Place {
    pub slug: &'static str,
    pub roles: &'static [&'static str],
    pub permissions: &'static [&'static str],
    pub teams: &'static [&'static str],
}

fn names(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The id of the team of this name, the same in every organization.
fn team_id(name: &str) -> TeamId {
    let digits = name.bytes().fold(0_u128, |digits, byte| digits << 8 | u128::from(byte));
    format!("tea_{digits:032x}").parse().expect("an id")
}

impl Places {
    /// A gateway in which these are the only organizations there are.
    pub fn alone(self, builder: Builder) -> Builder {
        builder.bare().plugin(OAuthServer::default()).plugin(self)
    }

    /// Two organizations without members.
    pub fn new() -> Self {
        let organization = |slug: &str| OrgName {
            id: OrgId::new(&SystemClock, &SystemEntropy),
            slug: slug.to_owned(),
            name: slug.to_uppercase(),
        };
        let organizations = [organization("acme"), organization("globex")];
        Self(Arc::new(Inside {
            organizations,
            members: Mutex::default(),
            looks: AtomicUsize::new(0),
            is_held: AtomicBool::new(false),
            gate: Semaphore::new(0),
        }))
    }

    /// Puts somebody into an organization.
    pub fn join(&self, user: UserId, place: Place) {
        self.0.members.lock().expect("no test panics in here").push((user, place));
    }

    /// Takes somebody out of every organization.
    pub fn leave(&self, user: UserId) {
        self.0.members.lock().expect("no test panics in here").retain(|(member, _)| *member != user);
    }

    /// How often somebody was looked up in an organization so far.
    pub fn looks(&self) -> usize {
        self.0.looks.load(Ordering::SeqCst)
    }

    /// From now on whoever looks somebody up waits until they are let on.
    pub fn hold(&self) {
        self.0.is_held.store(true, Ordering::SeqCst);
    }

    /// Lets so many look-ups on.
    pub fn let_on(&self, count: usize) {
        self.0.gate.add_permits(count);
    }

    /// The id of an organization.
    pub fn id(&self, slug: &str) -> OrgId {
        self.named(slug).expect("acme or globex").id
    }

    fn named(&self, slug: &str) -> Option<OrgName> {
        self.0.organizations.iter().find(|organization| organization.slug == slug).cloned()
    }

    fn place(&self, user: UserId, organization: OrgId) -> Option<Place> {
        let members = self.0.members.lock().expect("no test panics in here");
        let mut own = members.iter().filter(|(member, _)| *member == user).map(|(_, place)| place);
        own.find(|place| self.id(place.slug) == organization).cloned()
    }
}

impl Plugin for Places {
    fn manifest(&self) -> Manifest {
        Manifest { id: "places", version: "1", needs: Vec::new(), scopes: Vec::new() }
    }

    fn mount(&self, _host: &Host, mount: &mut Mount) -> Result<()> {
        mount.organizations(Arc::new(self.clone())).teams(Arc::new(self.clone()));
        Ok(())
    }
}

#[async_trait]
impl OrganizationContexts for Places {
    async fn list_of_user(&self, user: UserId) -> Result<Vec<OrgName>> {
        let all = self.0.organizations.iter();
        Ok(all.filter(|organization| self.place(user, organization.id).is_some()).cloned().collect())
    }

    async fn find(&self, user: UserId, organization: OrgId) -> Result<Option<OrgContext>> {
        self.0.looks.fetch_add(1, Ordering::SeqCst);
        if self.0.is_held.load(Ordering::SeqCst) {
            self.0.gate.acquire().await.expect("it is never closed").forget();
        }
        Ok(self.place(user, organization).map(|place| OrgContext {
            id: organization,
            slug: place.slug.to_owned(),
            former_slugs: BTreeSet::new(),
            roles: names(place.roles),
            permissions: names(place.permissions),
        }))
    }

    async fn find_by_slug(&self, slug: &str) -> Result<Option<OrgName>> {
        Ok(self.named(slug))
    }
}

#[async_trait]
impl TeamContexts for Places {
    async fn list_of_user(&self, user: UserId, organization: OrgId) -> Result<Vec<TeamContext>> {
        let teams = self.place(user, organization).map(|place| place.teams).unwrap_or_default();
        let context = |name: &&str| TeamContext {
            id: team_id(name),
            slug: (*name).to_owned(),
            name: name.to_uppercase(),
            roles: names(&["member"]),
        };
        Ok(teams.iter().map(context).collect())
    }
}
