//! The one suite: everything through the front door, on both engines.
//!
//! A test is a sentence. It gets a gateway of its own with a database of its own, and plays actors against it: a
//! [`Browser`](support::Browser), an [`Agent`](support::Agent), a stranger. A missing Postgres prints `SKIPPED`; with
//! `BELGIE_TEST_REQUIRE=postgres` it fails.

mod support;

mod accounts;
mod architecture;
mod boot;
mod cli;
mod mcp;
mod schema;
mod surface;
