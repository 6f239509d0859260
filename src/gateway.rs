//! The builder: plugins, tools and configuration in, a checked [`Gateway`] out.

mod assemble;
mod builder;
mod error;
mod hooks;
mod host;
mod keys;
mod policy;
mod record;
mod settings;
mod signals;

use std::sync::Arc;

use axum::Router;
use belgie_api::plugin::{Checkup, Examined, Route};
use belgie_api::{Caller, Host, OrgId, PlainToken, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access::{Bench, Policy, Question, Replay, Simulation};
use crate::audit::Archive;
use crate::config::Config;
use crate::identity::Identity;
use crate::mail::Sender;
use crate::tasks::Tasks;
use crate::web::explain::Explanation;
use crate::web::{self, ServeRules, Web};

pub use self::builder::{Belgie, Builder, Checked};
pub use self::error::BootError;
pub use self::hooks::SignIn;

/// A gateway that is ready to answer. Made by [`Belgie::builder`].
pub struct Gateway {
    config: Config,
    host: Host,
    identity: Identity,
    sender: Option<Sender>,
    archive: Archive,
    policy: Policy,
    web: Arc<Web>,
    routes: Vec<Route>,
    examined: Vec<Arc<dyn Examined>>,
    owns_pools: bool,
    tasks: Tasks,
    surface: String,
    pending: Vec<String>,
    warnings: Vec<String>,
}

impl Drop for Gateway {
    /// Whoever told it to end and does not wait for it wants nothing watched any more. One that was not told may have left
    /// its routes to an application, for which everything goes on.
    fn drop(&mut self) {
        if self.tasks.stopping().is_cancelled() {
            self.tasks.watch().give_up();
        }
    }
}

impl Gateway {
    /// What the gateway runs with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What plugins are lent.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// People and sessions.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The way to the mail server, if there is one.
    #[must_use]
    pub fn mail_sender(&self) -> Option<&Sender> {
        self.sender.as_ref()
    }

    /// Looks at what the plugins depend on outside, such as providers people sign in with.
    pub async fn examine(&self) -> Vec<Checkup> {
        let mut findings = Vec::new();
        for thing in &self.examined {
            findings.extend(thing.examine().await);
        }
        findings
    }

    /// The record of acts and decisions.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Judges the decisions on record anew, by the rules this gateway has: what would be different.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn simulate(&self, replay: Replay) -> Result<Simulation> {
        let Self { archive, identity, policy, web, .. } = self;
        let bench = Bench { archive, identity, policy, callers: &web.callers };
        let find = |caller: Caller, action: String, name: String| async move {
            self.web.mcp.find_guard_of(&caller, Arc::clone(&self.web.challenge), &action, &name).await
        };
        bench.judge(replay, find).await
    }

    /// The organization of this name in URLs.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn find_organization(&self, slug: &str) -> Result<Option<OrgId>> {
        self.web.callers.find_organization(slug).await
    }

    /// Routes, tools, scopes, tables and commands, as text.
    #[must_use]
    pub fn surface(&self) -> &str {
        &self.surface
    }

    /// Migrations that have not run; a gateway with any does not serve.
    #[must_use]
    pub fn pending_migrations(&self) -> &[String] {
        &self.pending
    }

    /// Explains whether somebody may call a tool, and why: with the deciding itself, so with what would be decided.
    ///
    /// # Errors
    /// When there is no such person, organization or tool.
    pub async fn explain(&self, question: &Question) -> Result<Explanation> {
        web::explain::explain(&self.web, question).await
    }

    /// What is no mistake and yet hardly meant, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// All routes, to be merged into an application's own router: `app.merge(gateway.router())`. They bring their own
    /// state and no fallback. Serve the application with `into_make_service_with_connect_info::<SocketAddr>()`, so that
    /// rate limits know the address of the client.
    pub fn router(&self) -> Router {
        web::router(&self.web, self.routes.clone())
    }

    /// Puts the gateway's extractors into the application's own routes: `Router::new().route(..).layer(gateway.layer())`.
    /// Behind it handlers take [`SignedIn`](belgie_api::web::SignedIn), [`Session`](belgie_api::web::Session),
    /// [`Present`](belgie_api::web::Present), [`Visitor`](belgie_api::web::Visitor), [`Client`](crate::web::Client) and
    /// [`Use<T>`](belgie_api::ports::Use), beside the application's own state.
    ///
    /// A session cookie counts for what changes nothing; for anything else only when the browser itself says that a page of
    /// this address made the request, so the application's forms need no token.
    #[must_use]
    pub fn layer(&self) -> web::ApplicationLayer {
        web::ApplicationLayer::new(Arc::clone(&self.web))
    }

    /// What a plugin provides under this type, such as the client of a provider; `None` when none does.
    #[must_use]
    pub fn provided<T: std::any::Any + Send + Sync>(&self) -> Option<belgie_api::ports::Use<T>> {
        self.host.provided()
    }

    /// Answers on this listener until [`shutdown`](Self::shutdown) is called, then lets requests in hand finish.
    pub async fn serve(&self, listener: TcpListener) {
        let server = &self.config.server;
        let rules = ServeRules {
            header_timeout: server.header_timeout,
            max_connections: server.max_connections,
            shutdown_grace: server.shutdown_grace,
        };
        let front = Arc::new(web::Front::new(&self.web, self.routes.clone()));
        web::serve(listener, front, rules, &self.tasks, self.tasks.stopping()).await;
    }

    /// Answers on this listener until the process is told to end by SIGTERM or an interrupt, and then does as
    /// [`shutdown`](Self::shutdown) says. Told a second time, it cuts what still runs.
    pub async fn run(&self, listener: TcpListener) {
        let work = async {
            self.serve(listener).await;
            self.shutdown().await;
        };
        tokio::select! {
            () = work => {}
            never = signals::obey(&self.tasks) => match never {},
        }
    }

    /// Waits for SIGTERM or an interrupt and begins the end: what waits for news is over. For applications that serve by
    /// themselves: `axum::serve(..).with_graceful_shutdown(gateway.stop_on_signal())`, and [`shutdown`](Self::shutdown)
    /// afterwards.
    pub fn stop_on_signal(&self) -> impl Future<Output = ()> + Send + use<> {
        let tasks = self.tasks.clone();
        async move { signals::begin(&tasks).await }
    }

    /// Ends what waits for news, and background work; lets calls in hand finish within the grace, which begins when
    /// [`serve`](Self::serve) was told to end; then closes the database, unless it is the application's.
    pub async fn shutdown(&self) {
        self.tasks.shutdown(self.config.server.shutdown_grace).await;
        // Nothing runs any more that could leave another one.
        if let Err(failure) = self.archive.flush().await {
            tracing::error!(error = ?failure, "the last decisions could not be put on record");
        }
        if self.owns_pools {
            self.host.db().close().await;
        }
    }

    /// What asks [`serve`](Self::serve) to end when it is cancelled.
    #[must_use]
    pub fn stopper(&self) -> CancellationToken {
        self.tasks.stopping()
    }

    /// Ends the grace: what still runs is cut. For whoever is told a second time to end.
    pub fn cut(&self) {
        self.tasks.cutting().cancel();
    }

    /// A fresh one-time set-up link while nobody is an administrator.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn offer_setup(&self) -> Result<Option<String>> {
        let token = self.identity.offer_setup().await?;
        let link = |token: &PlainToken| self.host.urls().absolute(&format!("/auth/setup?token={}", token.expose()));
        Ok(token.as_ref().map(link))
    }
}
