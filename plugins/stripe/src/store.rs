//! The tables of this plugin.

pub mod checkouts;
pub mod chores;
pub mod customers;
pub mod events;
pub mod meter_alerts;
pub mod meter_calls;
pub mod meter_usage;
pub mod sold;
pub mod subscriptions;
pub mod trials;
