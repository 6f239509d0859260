//! Everything the gateway shows to the world stands in one text file. A change of it is read like code.

use crate::support::{Engine, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn the_surface_is_the_one_that_was_reviewed() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let reviewed = include_str!("surface.txt");
    let real = gateway.gateway.surface();
    assert!(real == reviewed, "the surface changed. If it should have, put this into tests/suite/surface.txt:\n{real}");
}
