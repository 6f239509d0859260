//! Everything a plugin adds is a value in here, so that the host sees it all before the socket opens.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use axum::routing::MethodRouter;

use crate::failure::Result;
use crate::ports::TokenVerifier;
use crate::tools::{Guarded, ToolEntry, ToolSet};
use crate::web::Visitor;

/// Who a route is for. The room decides CORS, whether cookies count, forgery protection and how errors look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Room {
    /// Public metadata: open to every origin, no credentials.
    WellKnown,
    /// OAuth endpoints for programs: open to every origin, cookies do not count, errors as RFC 6749 section 5.2 JSON.
    OAuth,
    /// Pages for people: cookies count, every POST needs the forgery token, errors are pages.
    Browser,
}

/// One route of a plugin.
#[derive(Clone)]
pub struct Route {
    /// Where it belongs.
    pub room: Room,
    /// Its method.
    pub method: Method,
    /// Its path, in axum's syntax.
    pub path: &'static str,
    /// What answers.
    pub handler: MethodRouter,
}

/// A part of the account page.
#[async_trait]
pub trait AccountSection: Send + Sync {
    /// Anchor of the section, unique on the page.
    fn id(&self) -> &'static str;

    /// Heading of the section.
    fn title(&self) -> &'static str;

    /// The section as HTML, from a template.
    async fn render(&self, visitor: &Visitor) -> Result<String>;
}

/// What a plugin has added.
#[derive(Default)]
pub struct MountParts {
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its tools.
    pub tools: Vec<ToolEntry>,
    /// Servers it wraps.
    pub guarded: Vec<Guarded>,
    /// Credentials it can check.
    pub verifiers: Vec<Arc<dyn TokenVerifier>>,
    /// Its parts of the account page.
    pub account_sections: Vec<Arc<dyn AccountSection>>,
    /// Whether it is the authorization server that resources of this host announce.
    pub is_authorization_server: bool,
    /// What is wrong with what it added; any problem stops the boot.
    pub problems: Vec<String>,
}

/// Collects what a plugin adds.
#[derive(Default)]
pub struct Mount {
    parts: MountParts,
}

impl Mount {
    /// Adds a route. Two routes of one method and path stop the boot.
    pub fn route(&mut self, room: Room, method: Method, path: &'static str, handler: MethodRouter) -> &mut Self {
        self.parts.routes.push(Route { room, method, path, handler });
        self
    }

    /// Adds tools. Two tools of one name, or one without a rule, stop the boot.
    pub fn tools<S: Send + Sync + 'static>(&mut self, set: ToolSet<S>) -> &mut Self {
        let (entries, problems) = set.into_any();
        self.parts.tools.extend(entries);
        self.parts.problems.extend(problems);
        self
    }

    /// Adds somebody else's server, behind a rule.
    pub fn guarded(&mut self, guarded: Guarded) -> &mut Self {
        self.parts.guarded.push(guarded);
        self
    }

    /// Adds a way to check bearer tokens.
    pub fn verifier(&mut self, verifier: Arc<dyn TokenVerifier>) -> &mut Self {
        self.parts.verifiers.push(verifier);
        self
    }

    /// Adds a part of the account page.
    pub fn account_section(&mut self, section: Arc<dyn AccountSection>) -> &mut Self {
        self.parts.account_sections.push(section);
        self
    }

    /// Says that this plugin is the authorization server of this host (RFC 8414); there can be one.
    pub fn authorization_server(&mut self) -> &mut Self {
        self.parts.is_authorization_server = true;
        self
    }

    /// What was added, for the host.
    #[must_use]
    pub fn into_parts(self) -> MountParts {
        self.parts
    }
}
