//! Everything a plugin adds is a value in here, so that the host sees it all before the socket opens.

use std::any::{Any, TypeId};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use axum::routing::MethodRouter;
use serde_json::Value;

use super::{Connections, Examined, InOrganizations, OrganizationConnections};
use crate::failure::{Failure, Result};
use crate::hooks::{Observer, Veto, WaysIn};
use crate::id::UserId;
use crate::ports::{
    Metering, Meters, OrganizationContexts, Organizations, Provided, ServiceTokens, Services, SubscriptionContexts,
    Subscriptions, TeamContexts, Teams, TokenVerifier, Use,
};
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
    /// Where other sites send a browser back to: as `Browser`, but a POST needs no forgery token, since another site
    /// makes it (OAuth 2.0 Form Post Response Mode). Whoever sends one is a stranger: cookies count with GET only.
    Return,
    /// Where other services tell us what has happened: no cookies, no other origins, the body as it was sent; errors as in
    /// `WellKnown`.
    Webhook,
    /// JSON for programs and scripts of our own pages: a cookie counts when the browser itself says that a page of ours
    /// made the request; errors are `{"error", "detail", "message", "hint"}`.
    Api,
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

    /// The section as HTML, from a template; nothing at all, and it is left out.
    async fn render(&self, visitor: &Visitor) -> Result<String>;

    /// Whether a form of it ends in a redirect to another host, which the policy of the page would stop (`form-action`
    /// holds for redirects, too).
    fn has_forms_that_leave(&self) -> bool {
        false
    }
}

/// A part of what people get when they ask for everything that is kept about them.
#[async_trait]
pub trait DataExport: Send + Sync {
    /// The name of the part: the plugin's id.
    fn id(&self) -> &'static str;

    /// Everything kept about this person, as JSON, without secrets.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn export(&self, user: UserId) -> Result<Value>;
}

/// Knows on whose behalf a page of ours was asked for, so that the sign-in page can say what one signs in for.
#[async_trait]
pub trait Purpose: Send + Sync {
    /// What the agent calls itself that asks for this path of ours; `None` when it is no request of an agent. The name is
    /// the agent's own claim.
    async fn client_name(&self, path: &str) -> Option<String>;
}

/// A way to sign in that a plugin brings, as a button under the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInButton {
    /// The provider's id; unique.
    pub id: String,
    /// What the button says: "Continue with Google".
    pub label: String,
    /// Where it leads: a path of ours. `return_to` is added as its query; on the page for new accounts
    /// `request_sign_up=true` as well.
    pub path: String,
    /// A picture as the inside of an `<svg viewBox="0 0 24 24">`, from the plugin's own source; empty for none.
    pub icon: &'static str,
}

/// What a job does each time it is due.
pub type Work = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// Work that comes round again, beside the requests: no answer waits for it.
pub struct Job {
    /// What the log calls it: `<plugin id>.<what it does>`.
    pub name: &'static str,
    /// From one beginning to the next. The first is when the gateway starts.
    pub period: Duration,
    /// What it does. A failure is logged, and the next round tries again.
    pub work: Work,
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
    /// Its work beside the requests.
    pub jobs: Vec<Job>,
    /// Its ways to sign in.
    pub sign_in_buttons: Vec<SignInButton>,
    /// What it may refuse.
    pub vetoes: Vec<Arc<dyn Veto>>,
    /// What it hears of.
    pub observers: Vec<Arc<dyn Observer>>,
    /// What it knows about ways into accounts.
    pub ways_in: Vec<Arc<dyn WaysIn>>,
    /// What it lets act for people.
    pub connections: Vec<Arc<dyn Connections>>,
    /// What it depends on outside.
    pub examined: Vec<Arc<dyn Examined>>,
    /// What it knows about people.
    pub data_exports: Vec<Arc<dyn DataExport>>,
    /// What it knows about who asks for a page.
    pub purposes: Vec<Arc<dyn Purpose>>,
    /// What it provides to others, by type.
    pub provided: Provided,
    /// Whether it is the authorization server that resources of this host announce.
    pub is_authorization_server: bool,
    /// Protected resources elsewhere for which it issues tokens: the absolute URI of each.
    pub resources_elsewhere: Vec<String>,
    /// What is wrong with what it added; any problem stops the boot.
    pub problems: Vec<String>,
}

/// Collects what a plugin adds.
#[derive(Default)]
pub struct Mount {
    parts: MountParts,
    needed: Provided,
}

impl Mount {
    /// A mount that sees what the plugins mounted before it provide.
    #[must_use]
    pub fn after(needed: Provided) -> Self {
        Self { parts: MountParts::default(), needed }
    }

    /// What a plugin that was mounted before provides: those that the manifest needs are there, with what they lend.
    ///
    /// # Errors
    /// When none provides this type.
    pub fn needed<T: Any + Send + Sync>(&self) -> Result<Use<T>> {
        let name = std::any::type_name::<T>;
        self.needed.find().ok_or_else(|| Failure::internal(format!("no plugin mounted before provides `{}`", name())))
    }

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

    /// Adds work that is done when the gateway starts and once every `period` from then on. A period of zero stops the
    /// boot.
    pub fn job<F, J>(&mut self, name: &'static str, period: Duration, work: F) -> &mut Self
    where
        F: Fn() -> J + Send + Sync + 'static,
        J: Future<Output = Result<()>> + Send + 'static,
    {
        if period.is_zero() {
            self.parts.problems.push(format!("the job `{name}` has a period of zero"));
        }
        self.parts.jobs.push(Job { name, period, work: Box::new(move || Box::pin(work())) });
        self
    }

    /// Adds a way to sign in. Two of one id stop the boot.
    pub fn sign_in_button(&mut self, button: SignInButton) -> &mut Self {
        self.parts.sign_in_buttons.push(button);
        self
    }

    /// Adds somebody who may refuse what is about to happen to people.
    pub fn veto(&mut self, veto: Arc<dyn Veto>) -> &mut Self {
        self.parts.vetoes.push(veto);
        self
    }

    /// Adds somebody who hears of what has happened. Two of one name stop the boot.
    pub fn observer(&mut self, observer: Arc<dyn Observer>) -> &mut Self {
        self.parts.observers.push(observer);
        self
    }

    /// Adds knowledge about ways into accounts.
    pub fn ways_in(&mut self, ways: Arc<dyn WaysIn>) -> &mut Self {
        self.parts.ways_in.push(ways);
        self
    }

    /// Adds what acts for people, for operators to see and cut off.
    pub fn connections(&mut self, connections: Arc<dyn Connections>) -> &mut Self {
        self.parts.connections.push(connections);
        self
    }

    /// Adds what the plugin depends on outside, for `belgie doctor` to look at.
    pub fn examined(&mut self, thing: Arc<dyn Examined>) -> &mut Self {
        self.parts.examined.push(thing);
        self
    }

    /// Adds a part to what people get when they ask for everything that is kept about them.
    pub fn data_export(&mut self, part: Arc<dyn DataExport>) -> &mut Self {
        self.parts.data_exports.push(part);
        self
    }

    /// Adds knowledge about who asks for a page.
    pub fn purpose(&mut self, purpose: Arc<dyn Purpose>) -> &mut Self {
        self.parts.purposes.push(purpose);
        self
    }

    /// Lends a thing to other plugins and to the application, who ask for it by its type
    /// ([`Host::provided`](crate::Host::provided), [`Use`](crate::ports::Use)). Two of one type stop the boot.
    pub fn provide<T: Any + Send + Sync>(&mut self, thing: Arc<T>) -> &mut Self {
        if !self.parts.provided.insert(TypeId::of::<T>(), thing) {
            self.parts.problems.push(format!("`{}` is provided twice", std::any::type_name::<T>()));
        }
        self
    }

    /// Says that this plugin knows organizations: agents can then be let act for one, and callers have it. There can be
    /// one such plugin.
    pub fn organizations(&mut self, contexts: Arc<dyn OrganizationContexts>) -> &mut Self {
        self.provide(Arc::new(Organizations(contexts)))
    }

    /// Says that this plugin knows the teams of organizations; there can be one.
    pub fn teams(&mut self, contexts: Arc<dyn TeamContexts>) -> &mut Self {
        self.provide(Arc::new(Teams(contexts)))
    }

    /// Says that this plugin knows what acts for people in organizations; there can be one.
    pub fn organization_connections(&mut self, connections: Arc<dyn OrganizationConnections>) -> &mut Self {
        self.provide(Arc::new(InOrganizations(connections)))
    }

    /// Says that this plugin keeps services of organizations; there can be one.
    pub fn services(&mut self, services: Arc<dyn ServiceTokens>) -> &mut Self {
        self.provide(Arc::new(Services(services)))
    }

    /// Says that this plugin knows who has which plan; there can be one.
    pub fn subscriptions(&mut self, contexts: Arc<dyn SubscriptionContexts>) -> &mut Self {
        self.provide(Arc::new(Subscriptions(contexts)))
    }

    /// Says that this plugin counts calls; there can be one.
    pub fn metering(&mut self, metering: Arc<dyn Metering>) -> &mut Self {
        self.provide(Arc::new(Meters(metering)))
    }

    /// Says that this plugin is the authorization server of this host (RFC 8414); there can be one.
    pub fn authorization_server(&mut self) -> &mut Self {
        self.parts.is_authorization_server = true;
        self
    }

    /// Says that the authorization server issues tokens for protected resources (RFC 9728) beside those of this host, so that scopes
    /// can name them: the absolute URI of each.
    pub fn resources_elsewhere(&mut self, resources: impl IntoIterator<Item = String>) -> &mut Self {
        self.parts.resources_elsewhere.extend(resources);
        self
    }

    /// What was added, for the host.
    #[must_use]
    pub fn into_parts(self) -> MountParts {
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::Mount;

    #[tokio::test]
    async fn a_job_can_be_done_again_and_again_but_not_without_a_pause() {
        let mut mount = Mount::default();
        let rounds = AtomicUsize::new(0);
        mount.job("test.count", Duration::from_secs(1), move || {
            let round = rounds.fetch_add(1, Ordering::Relaxed);
            std::future::ready(if round < 2 { Ok(()) } else { Err(crate::Failure::internal("three")) })
        });
        mount.job("test.hurry", Duration::ZERO, || std::future::ready(Ok(())));
        let parts = mount.into_parts();
        let job = &parts.jobs[0];
        assert!((job.work)().await.is_ok());
        assert!((job.work)().await.is_ok());
        assert!((job.work)().await.is_err());
        assert_eq!(parts.problems, ["the job `test.hurry` has a period of zero"]);
    }
}
