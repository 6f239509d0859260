//! `[audit]`: what is kept on record, and for how long.

use std::time::Duration;

use belgie_api::settings::Section;

const DAY: u64 = 86_400;
/// A hundred years, which is as good as for ever.
const MAX_DAYS: u64 = 36_500;
const DECISIONS: [(&str, Decisions); 3] =
    [("all", Decisions::All), ("denied", Decisions::Denied), ("off", Decisions::Off)];
const ON_FULL: [(&str, OnFull); 2] = [("wait", OnFull::Wait), ("drop", OnFull::Drop)];

/// Which decisions are put on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decisions {
    /// Every one.
    All,
    /// Those that refused.
    Denied,
    /// None.
    Off,
}

/// What happens to a call when its entry finds no room, since the database does not take the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// It waits a while and is then refused: nothing runs that would not be on record.
    Wait,
    /// It runs; the entry is lost, and the record says that so many are missing.
    Drop,
}

/// What is kept on record.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Which decisions.
    pub decisions: Decisions,
    /// How long decisions are kept; `None`: for good.
    pub keep_decisions: Option<Duration>,
    /// How long acts are kept; `None`: for good.
    pub keep_acts: Option<Duration>,
    /// What happens when there is no room.
    pub on_full: OnFull,
    /// How many entries may wait for the database, those of calls that still run among them.
    pub queue_entries: usize,
    /// Through how many batches of decisions one page of the record looks.
    pub search_batches: usize,
}

impl Audit {
    pub(super) fn read(section: &mut Section) -> Self {
        let days = |section: &mut Section, key: &str, default: u64| {
            let days = section.integer(key, 0..=MAX_DAYS, default);
            (days > 0).then(|| Duration::from_secs(days * DAY))
        };
        Self {
            decisions: section.one_of("decisions", &DECISIONS, Decisions::All),
            keep_decisions: days(section, "retention_days", 90),
            keep_acts: days(section, "acts_retention_days", 0),
            on_full: section.one_of("on_full", &ON_FULL, OnFull::Wait),
            queue_entries: section.integer("queue_entries", 1..=1_000_000, 65_536),
            search_batches: section.integer("search_batches", 1..=1_000_000, 2_000),
        }
    }
}
