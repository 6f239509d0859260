//! Gateways and the actors that visit them.

mod agent;
mod browser;
pub mod gateway;
mod html;
mod postgres;
mod rpc;

pub use self::agent::{Agent, Tokens};
pub use self::browser::{Browser, Page};
pub use self::gateway::{Engine, Setup, TestGateway};
pub use self::rpc::{LegacySession, Modern, Reply, rpc};

/// Makes two tests of one: `name::sqlite` and `name::postgres`, each with a gateway of its own.
#[macro_export]
macro_rules! on_both_engines {
    ($(#[$meta:meta])* async fn $name:ident($gateway:ident: TestGateway $(, setup = $setup:expr)?) $body:block) => {
        $(#[$meta])*
        mod $name {
            #[expect(unused_imports, reason = "not every test uses everything of its file")]
            use super::*;

            async fn play($gateway: TestGateway) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let setup = $crate::on_both_engines!(@setup $($setup)?);
                play(setup.start($crate::support::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let Some(engine) = $crate::support::Engine::postgres().await else { return };
                let setup = $crate::on_both_engines!(@setup $($setup)?);
                play(setup.start(engine).await).await;
            }
        }
    };
    (@setup $setup:expr) => { $setup };
    (@setup) => { $crate::support::Setup::default() };
}
