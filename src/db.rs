//! Opens, migrates and closes the database. What stores say to it stands in `belgie_api::db`.

mod migrate;
mod open;

pub use self::migrate::{Ledger, ledgers, migrate, pending};
pub use self::open::{OpenError, empty, open};
