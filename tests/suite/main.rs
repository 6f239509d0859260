//! The one suite: everything through the front door, on both engines.
//!
//! A test is a sentence. It gets a gateway of its own with a database of its own, and plays actors against it: a
//! [`Browser`](support::Browser), an [`Agent`](support::Agent), a stranger. A missing Postgres prints `SKIPPED`; with
//! `BELGIE_TEST_REQUIRE=postgres` it fails. `BELGIE_TEST_BURST` is how many events from Stripe come in a burst: 400 without it. With
//! 10000 (`cargo test -p belgie --test suite -- burst`) both engines together took 143 s, and passed.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot go on stops, and a test is no part of the machine"
)]

mod support;

mod accounts;
mod admin;
mod application;
mod architecture;
mod audit;
mod boot;
mod cli;
mod connections;
mod embed;
mod endpoint;
mod hooks;
mod isolation;
mod mcp;
mod oauth;
mod organization;
mod people;
mod policy;
mod provider;
mod revocation;
mod schema;
mod stripe;
mod surface;
mod team;
