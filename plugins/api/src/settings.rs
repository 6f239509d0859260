//! Settings: from raw TOML and environment variables to checked values.
//!
//! The root's own sections and every `[plugins.<id>]` table are read with the same [`Section`], so a mistake reads
//! the same wherever it is made. Three promises hold for all of them:
//!
//! * **Nothing stops at the first mistake.** A reader that meets a bad value notes a [`Problem`] in the shared
//!   [`Ledger`], returns the default, and goes on. Whoever started the reading looks at the ledger at the end.
//! * **Nothing is ignored.** A key or a `BELGIE_*` variable that no reader asked for is a problem, with the nearest
//!   known name as its remedy.
//! * **Nothing secret is shown.** Messages never repeat a value given as text, and [`Effective`] masks secrets.
//!
//! A value comes from, in rising order: its default, the file, the environment, the command line. The variable of
//! `session.max_age_seconds` is `BELGIE_SESSION_MAX_AGE_SECONDS`; a leading `plugins.` is left out, so that of
//! `plugins.oauth-server.issuer` is `BELGIE_OAUTH_SERVER_ISSUER`. An empty variable counts as not set, and so does an
//! empty text in the file where the setting is optional.
//!
//! A switch that weakens security is read with [`Section::danger`], which puts `danger_` before its name: whoever
//! reads the file, or a diff of it, sees the word. Such a switch is always off by default.
//!
//! ```
//! use belgie_api::settings::{Ledger, Section};
//! use std::{collections::BTreeMap, time::Duration};
//!
//! let ledger = Ledger::new(BTreeMap::new());
//! let table = toml::from_str("max_age = 5").unwrap();
//! let mut section = Section::new("session", table, &ledger);
//! let max_age = section.seconds("max_age_seconds", 60..=86_400, Duration::from_secs(3600));
//! section.finish();
//!
//! assert_eq!(max_age.as_secs(), 3600);
//! let problems = ledger.verdict().unwrap_err();
//! assert!(problems.to_string().contains("did you mean `max_age_seconds`?"));
//! ```

mod ledger;
mod nearest;
mod problem;
mod raw;
mod secret;
mod section;
#[cfg(test)]
mod tests;
mod units;
mod values;

pub use ledger::{Effective, Ledger, Origin, environment_name};
pub use problem::{Problem, Problems};
pub use section::Section;
