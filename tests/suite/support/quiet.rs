//! Stretches of time in which nothing happened that would be a reason to look again at what is remembered.

use std::time::Instant;

use belgie_api::event::Bus;

use super::{PATIENCE, TestGateway};

/// What was heard by now, if the line over which news come is whole. The order counts: a line that breaks is first down
/// and then counted, so whoever met it down sees one or the other.
fn begin(bus: &Bus) -> Option<u64> {
    let heard = bus.generation();
    bus.is_live().then_some(heard)
}

/// See [`begin`]; the other way round.
fn end(bus: &Bus) -> Option<u64> {
    bus.is_live().then(|| bus.generation())
}

/// Does something until no news came meanwhile and the line was whole, which on a busy machine may take more than one time;
/// gives what came of it then.
pub async fn in_quiet<T>(gateway: &TestGateway, act: impl AsyncFn() -> T) -> T {
    let (bus, start) = (gateway.gateway.host().db().bus(), Instant::now());
    loop {
        let before = begin(bus);
        let outcome = act().await;
        if before.is_some() && before == end(bus) {
            return outcome;
        }
        assert!(start.elapsed() < PATIENCE, "no quiet within {PATIENCE:?}");
    }
}
