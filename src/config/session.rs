//! `[session]`: how long a sign-in lasts.

use std::time::Duration;

use belgie_api::settings::Section;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The lifetimes of a session.
#[derive(Clone, Debug)]
pub struct Session {
    /// How long a session lives without being used.
    pub max_age: Duration,
    /// A session in use is prolonged once this much time has passed since it last was, so that not every request writes.
    pub update_age: Duration,
    /// How long a session lives at most, however much it is used.
    pub absolute_max_age: Duration,
    /// How long after proving to be there a person may make dangerous changes without proving it again.
    pub fresh_age: Duration,
}

impl Session {
    pub(super) fn read(section: &mut Section) -> Self {
        // The seed's names, still accepted.
        section.alias("max_age_seconds", "BELGIE_SESSION_MAX_AGE");
        section.alias("update_age_seconds", "BELGIE_SESSION_UPDATE_AGE");
        let session = Self {
            max_age: section.seconds("max_age_seconds", 60..=400 * DAY, Duration::from_secs(7 * DAY)),
            update_age: section.seconds("update_age_seconds", 1..=400 * DAY, Duration::from_secs(DAY)),
            absolute_max_age: section.seconds(
                "absolute_max_age_seconds",
                60..=400 * DAY,
                Duration::from_secs(30 * DAY),
            ),
            fresh_age: section.seconds("fresh_age_seconds", 30..=DAY, Duration::from_secs(600)),
        };
        session.check(section);
        session
    }

    fn check(&self, section: &Section) {
        let Self { max_age, update_age, absolute_max_age, .. } = self;
        if update_age >= max_age {
            let message = format!("{} is not less than max_age_seconds, {}", update_age.as_secs(), max_age.as_secs());
            section.complain("update_age_seconds", message, "lower it, or raise max_age_seconds");
        }
        if max_age > absolute_max_age {
            let most = absolute_max_age.as_secs();
            let message = format!("{} is more than absolute_max_age_seconds, {most}", max_age.as_secs());
            section.complain("max_age_seconds", message, "lower it, or raise absolute_max_age_seconds");
        }
    }
}
