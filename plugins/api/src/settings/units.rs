//! Times and sizes written with their units.

use std::time::Duration;

use super::raw::Raw;

const TIMES: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

pub(super) fn duration(raw: &Raw) -> Option<Duration> {
    amount(raw, &TIMES).map(Duration::from_secs)
}

pub(super) fn bytes(raw: &Raw) -> Option<u64> {
    amount(raw, &SIZES)
}

pub(super) fn show_duration(value: Duration) -> String {
    let seconds = value.as_secs();
    let unit = TIMES.iter().find(|(_, size)| seconds >= *size && seconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{seconds}s"), |(name, size)| format!("{}{name}", seconds / size))
}

pub(super) fn show_bytes(value: u64) -> String {
    let unit = SIZES.iter().find(|(_, size)| value >= *size && value.is_multiple_of(*size));
    unit.map_or_else(|| format!("{value} B"), |(name, size)| format!("{} {name}", value / size))
}

/// A bare number counts in the smallest unit.
fn amount(raw: &Raw, units: &[(&str, u64)]) -> Option<u64> {
    if let Some(number) = raw.integer() {
        return u64::try_from(number).ok();
    }
    let text = raw.text()?.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim();
    let (_, size) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}
