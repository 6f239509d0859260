//! Gateways and the actors that visit them.

mod agent;
mod browser;
pub mod gateway;
mod html;
mod postgres;
mod rpc;

pub use self::browser::{Browser, Page};
pub use self::gateway::{Engine, Setup, TestGateway};
pub use self::rpc::{Modern, Reply};

/// Makes two tests of one: `name::sqlite` and `name::postgres`, each with a gateway of its own.
#[macro_export]
macro_rules! on_both_engines {
    (async fn $name:ident($gateway:ident: TestGateway $(, setup = $setup:expr)?) $body:block) => {
        async fn $name(engine: $crate::support::Engine) {
            let $gateway: TestGateway = $crate::on_both_engines!(@setup $($setup)?).start(engine).await;
            $body
        }

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
