//! The tables of this plugin.

pub mod checkouts;
pub mod customers;
pub mod events;
pub mod subscriptions;
