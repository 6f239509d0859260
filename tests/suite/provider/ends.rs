//! A gateway that has ended leaves nothing behind.

use std::sync::Arc;

use super::open;
use crate::support::{Engine, Idp, Setup, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_has_ended_is_gone_with_everything_plugins_lent() {
    let idp = Idp::start().await;
    let setup: Setup = open(&idp.table(""));
    let gateway = setup.start(Engine::Sqlite).await;
    super::arrived(&gateway, &idp).await;
    let bus = Arc::downgrade(gateway.gateway.host().db().bus());
    drop(gateway);
    eventually("nobody holds the database any more", || bus.upgrade().is_none()).await;
}
