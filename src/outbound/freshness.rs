//! How long an answer may be kept.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};

/// The largest number of seconds that has to be told apart (RFC 9111 section 1.2.2).
const FOREVER: u64 = 1 << 31;

/// What is left of `max-age` (RFC 9111 section 4.2), zero when the answer must not be used again without asking, `None`
/// when nothing is said. `Expires` is not read: it compares two clocks, and nobody we ask needs it.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let mut max_age: Option<u64> = None;
    for value in headers.get_all(CACHE_CONTROL) {
        // A value we cannot read may forbid what we are about to do.
        let Ok(value) = value.to_str() else { return Some(Duration::ZERO) };
        for directive in value.split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Some(Duration::ZERO),
                // Of two that disagree the shorter counts; one that is no number counts as stale (section 4.2.1).
                "max-age" => {
                    let seconds = seconds(argument).unwrap_or(0);
                    max_age = Some(max_age.map_or(seconds, |other| other.min(seconds)));
                }
                _ => {}
            }
        }
    }
    let age = headers.get(AGE).and_then(|value| seconds(value.to_str().ok()?)).unwrap_or(0);
    max_age.map(|max_age| Duration::from_secs(max_age.saturating_sub(age)))
}

/// Whole seconds; some senders put them in quotation marks, which a recipient is asked to accept (section 5.2).
fn seconds(text: &str) -> Option<u64> {
    let digits = text.trim().trim_matches('"');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().map_or(FOREVER, |seconds: u64| seconds.min(FOREVER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh_for(lines: &[(&'static str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        of(&headers).map(|span| span.as_secs())
    }

    #[test]
    fn the_server_says_how_long_its_answer_may_be_kept() {
        assert_eq!(fresh_for(&[]), None);
        assert_eq!(fresh_for(&[("expires", "Thu, 01 Dec 2094 16:00:00 GMT")]), None);
        assert_eq!(fresh_for(&[("cache-control", "public")]), None);
        assert_eq!(fresh_for(&[("cache-control", "public, Max-Age=60")]), Some(60));
        assert_eq!(fresh_for(&[("cache-control", "max-age=\"60\"")]), Some(60));
        assert_eq!(fresh_for(&[("cache-control", "max-age=60"), ("age", "45")]), Some(15));
        assert_eq!(fresh_for(&[("cache-control", "max-age=60"), ("age", "90")]), Some(0));
        assert_eq!(fresh_for(&[("cache-control", "max-age=60"), ("cache-control", "max-age=30")]), Some(30));
        assert_eq!(fresh_for(&[("cache-control", "max-age=soon")]), Some(0));
        assert_eq!(fresh_for(&[("cache-control", "max-age=-1")]), Some(0));
        assert_eq!(fresh_for(&[("cache-control", "max-age=99999999999999999999999")]), Some(FOREVER));
        assert_eq!(fresh_for(&[("cache-control", "max-age=60, no-store")]), Some(0));
        assert_eq!(fresh_for(&[("cache-control", "no-cache"), ("cache-control", "max-age=60")]), Some(0));
    }
}
