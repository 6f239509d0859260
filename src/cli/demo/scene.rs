//! Who takes part in the play, and what they hold in their hands.

use std::sync::Arc;

use belgie_api::Entropy;
use belgie_api::crypto::base64url;
use reqwest::RequestBuilder;
use url::Url;

use super::agent::Agent;
use super::browser::{Browser, Page};
use super::expect::{Broken, need};
use super::report::Notes;
use super::wire::{Reply, Wire};

/// Everybody on the stage. Steps work on it and note what they see.
pub struct Scene {
    /// The MCP client.
    pub agent: Agent,
    /// The browser of the person.
    pub browser: Browser,
    /// The person.
    pub person: Person,
    /// Whoever is invited, until they come on.
    colleague: Option<Person>,
    /// What the current step has seen.
    pub notes: Notes,
    /// Where the endpoint said that its metadata is.
    pub metadata_url: Option<Url>,
    /// Whom the endpoint named as its authorization server.
    pub issuer: Option<String>,
    /// The scopes an agent asks for in the beginning.
    pub scopes: Vec<String>,
    /// The page the person looks at.
    pub page: Option<Page>,
    /// The code the browser brought back.
    pub code: Option<String>,
    /// The browser of the person who owns the organization, once a colleague has taken their place.
    pub owner: Option<Browser>,
    /// The page of the organization.
    pub organization: Option<Url>,
    /// Where a refused call said that its plan can be had.
    pub upgrade: Option<Url>,
    /// Where that is paid.
    pub pay: Option<Url>,
    /// Where the browser goes once it is paid.
    pub landing: Option<Url>,
    /// The first refresh token, which somebody else may have seen.
    pub first_refresh_token: Option<String>,
    wire: Wire,
}

/// A person who is about to make an account.
pub struct Person {
    /// What to call them.
    pub name: &'static str,
    /// The address they sign in with.
    pub email: &'static str,
    /// Their password.
    pub password: String,
}

impl Scene {
    /// Everybody before the first word: the agent knows the endpoint, the person has no account.
    pub fn new(wire: Wire, entropy: &Arc<dyn Entropy>, mcp_url: Url) -> Self {
        Self {
            browser: Browser::new(wire.clone(), &mcp_url),
            agent: Agent::new(wire.clone(), Arc::clone(entropy), mcp_url),
            person: Person::new(&FIRST, entropy.as_ref()),
            colleague: Some(Person::new(&COLLEAGUE, entropy.as_ref())),
            notes: Notes::default(),
            metadata_url: None,
            issuer: None,
            scopes: Vec::new(),
            page: None,
            code: None,
            owner: None,
            organization: None,
            upgrade: None,
            pay: None,
            landing: None,
            first_refresh_token: None,
            wire,
        }
    }

    /// Gives the person another browser, which knows nothing of them.
    pub fn take_another_browser(&mut self) {
        self.browser = Browser::new(self.wire.clone(), &self.agent.mcp_url);
        self.page = None;
    }

    /// The colleague comes on, with a browser of their own; the other person keeps theirs, as the owner.
    pub fn hand_over_to_colleague(&mut self) {
        let browser = std::mem::replace(&mut self.browser, Browser::new(self.wire.clone(), &self.agent.mcp_url));
        self.owner = Some(browser);
        self.page = None;
        if let Some(colleague) = self.colleague.take() {
            self.person = colleague;
        }
    }

    /// A browser that was never at this other site, and keeps nothing of it: what the person does there takes one page.
    pub fn browser_at(&self, site: &Url) -> Browser {
        Browser::new(self.wire.clone(), site)
    }

    /// Sends a request that comes from neither the agent nor the browser.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn knock_as_stranger(&self, build: impl FnOnce(&Wire) -> RequestBuilder) -> Result<Reply, Broken> {
        self.wire.ask(build(&self.wire)).await
    }

    /// The browser of the owner.
    ///
    /// # Errors
    /// When nobody has taken the owner's place yet.
    pub fn owner(&mut self) -> Result<&mut Browser, Broken> {
        self.owner
            .as_mut()
            .ok_or_else(|| Broken::new("the owner's browser, from an earlier step", "no step has brought it"))
    }

    /// The page the person looks at.
    ///
    /// # Errors
    /// When no page is open yet.
    pub fn page(&self) -> Result<Page, Broken> {
        need(self.page.as_ref(), "an open page").cloned()
    }
}

impl Person {
    fn new(role: &Role, entropy: &dyn Entropy) -> Self {
        let mut password = [0; 18];
        entropy.fill(&mut password);
        Self { name: role.name, email: role.email, password: base64url(&password) }
    }
}

/// What everybody knows of a person of the play.
pub struct Role {
    /// What to call them.
    pub name: &'static str,
    /// Their address; the domain belongs to nobody (RFC 2606).
    pub email: &'static str,
}

/// The person who comes first.
pub const FIRST: Role = Role { name: "Ada Example", email: "ada@example.com" };
/// Whom they work with.
pub const COLLEAGUE: Role = Role { name: "Grace Example", email: "grace@example.com" };
/// What both work for.
pub const ORGANIZATION: &str = "Analytical Engines";
