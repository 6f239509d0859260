//! The endpoints from the outside, on a real database: always on SQLite, and on Postgres too when
//! `BELGIE_TEST_POSTGRES_URL` names one.

mod authorize;
mod clients;
mod commands;
mod connections;
mod keys;
mod proof;
mod stand_ins;
mod support;
mod token;
