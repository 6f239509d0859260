//! Gateways and the actors that visit them.

mod agent;
mod browser;
mod connected;
mod documents;
pub mod gateway;
pub mod holder;
mod html;
pub mod idp;
mod locks;
mod outbox;
mod places;
mod postgres;
mod probe;
mod program;
mod quiet;
mod rpc;
mod smtp;
mod stream;
pub mod stripe;
mod told;

use std::time::{Duration, Instant};

pub use self::agent::{Agent, Tokens, changed};
pub use self::browser::{Browser, Page};
pub use self::connected::Connected;
pub use self::documents::{DocumentServer, Published};
pub use self::gateway::{Engine, Setup, TestGateway};
pub use self::holder::Holder;
pub use self::html::{Form, forms, unescape};
pub use self::idp::Idp;
pub use self::locks::waits_for_lock;
pub use self::outbox::Letter;
pub use self::places::{Place, Places};
pub use self::probe::Probe;
pub use self::program::Program;
pub use self::quiet::in_quiet;
pub use self::rpc::{LegacySession, Modern, Reply, rpc};
pub use self::smtp::SmtpServer;
pub use self::stream::EventStream;
pub use self::stripe::Stripe;
pub use self::told::ToldClient;

/// How long a test waits for something that happens at once on a machine with time on its hands.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Says something on the real standard error: what a test prints is shown only when it fails.
pub fn say(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}\n").as_bytes());
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not yet after {PATIENCE:?}");
        looks.tick().await;
    }
}

/// Makes two tests of one: `name::sqlite` and `name::postgres`, each with a gateway of its own, or with an engine for a
/// test that starts its gateway itself.
#[macro_export]
macro_rules! on_both_engines {
    (async fn $name:ident($gateway:ident: TestGateway $(, setup = $setup:expr)?) $body:block) => {
        $crate::on_both_engines! {
            async fn $name(engine: Engine) {
                let $gateway: TestGateway = $crate::on_both_engines!(@setup $($setup)?).start(engine).await;
                $body
            }
        }
    };
    (async fn $name:ident($engine:ident: Engine) $body:block) => {
        async fn $name($engine: $crate::support::Engine) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name($crate::support::Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(engine) = $crate::support::Engine::postgres().await {
                    super::$name(engine).await;
                }
            }
        }
    };
    (@setup $setup:expr) => { $setup };
    (@setup) => { $crate::support::Setup::default() };
}

/// A test of what happens while somebody waits for a row. On SQLite writers come one after the other from their first statement
/// on, and nobody can be seen waiting: there such a test would be about nothing.
#[macro_export]
macro_rules! on_postgres {
    (async fn $name:ident($gateway:ident: TestGateway $(, setup = $setup:expr)?) $body:block) => {
        async fn $name(engine: $crate::support::Engine) {
            let $gateway: TestGateway = $crate::on_both_engines!(@setup $($setup)?).start(engine).await;
            $body
        }

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(engine) = $crate::support::Engine::postgres().await {
                    super::$name(engine).await;
                }
            }
        }
    };
}
