//! Secrets of clients: which of them are good now, and how long a new one is.

use std::fmt;
use std::time::Duration;

use belgie_api::crypto::{constant_time_eq, sha256};
use belgie_api::{Timestamp, TokenHash};

/// What a client's row says of its secrets beside the hash of the present one.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct SecretColumns {
    /// When the present secret ends; `None` for never.
    pub secret_expires_at: Option<Timestamp>,
    /// SHA-256 of the one before, while it goes on.
    pub previous_secret_hash: Option<Vec<u8>>,
    /// When that one ends.
    pub previous_secret_ends_at: Option<Timestamp>,
}

impl SecretColumns {
    /// Whether `presented` is a good secret now: the present one or, while they overlap, the one before.
    pub fn accept(&self, present: &[u8], presented: &str, now: Timestamp) -> bool {
        let hash = sha256(presented.as_bytes());
        let is_present = constant_time_eq(&hash, present) && self.secret_expires_at.is_none_or(|end| end > now);
        let is_previous = self.previous_secret_hash.as_ref().is_some_and(|known| constant_time_eq(&hash, known))
            && self.previous_ends(now).is_some();
        is_present || is_previous
    }

    /// When the secret before the present one ends, while it goes on.
    pub fn previous_ends(&self, now: Timestamp) -> Option<Timestamp> {
        self.previous_secret_ends_at.filter(|end| *end > now && self.previous_secret_hash.is_some())
    }
}

/// Secrets as they stand after a rotation.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// What is kept of the new secret.
    pub hash: TokenHash,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// Until when the one before goes on; `None` when it ends at once.
    pub previous_ends_at: Option<Timestamp>,
}

/// When a secret ends that is made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretExpiry {
    /// Never.
    Never,
    /// After this time.
    After(Duration),
    /// At a moment that is the same for all of them.
    At(Timestamp),
}

/// What an expiry can be written as.
pub const EXPIRY_FORMS: &str =
    "\"never\", a number of seconds, a time such as \"30 days\", or a date such as \"2027-01-31\"";

const UNITS: [(&str, u64); 5] = [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400), ("week", 7 * 86_400)];

impl SecretExpiry {
    /// Reads `never`, `0`, seconds, `30 days` or a date, in UTC.
    ///
    /// # Errors
    /// What is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("never") {
            return Ok(Self::Never);
        }
        if let Ok(seconds) = text.parse::<u64>() {
            return Self::after(seconds);
        }
        let moment = Timestamp::from_rfc3339(text).or_else(|| Timestamp::from_rfc3339(&format!("{text}T00:00:00Z")));
        if let Some(moment) = moment {
            return Ok(Self::At(moment));
        }
        let (number, unit) = text.split_once(' ').ok_or_else(|| format!("it is none of {EXPIRY_FORMS}"))?;
        let unit = unit.trim().to_ascii_lowercase();
        let known = UNITS.iter().find(|(name, _)| unit == *name || unit.strip_suffix('s') == Some(name));
        match (number.parse::<u64>(), known) {
            (Ok(number), Some((_, size))) => Self::after(number.saturating_mul(*size)),
            _ => Err(format!("it is none of {EXPIRY_FORMS}")),
        }
    }

    fn after(seconds: u64) -> Result<Self, String> {
        const MOST: u64 = 3650 * 86_400;
        match seconds {
            // Zero: it does not expire (RFC 7591 section 3.2.1).
            0 => Ok(Self::Never),
            1..=MOST => Ok(Self::After(Duration::from_secs(seconds))),
            _ => Err("a secret that ends does so within ten years".to_owned()),
        }
    }

    /// When a secret ends that is made now; `Err` when that is over already.
    ///
    /// # Errors
    /// The moment, when it has passed.
    pub fn end(self, now: Timestamp) -> Result<Option<Timestamp>, Timestamp> {
        match self {
            Self::Never => Ok(None),
            Self::After(span) => Ok(Some(now.plus(span))),
            Self::At(moment) if moment > now => Ok(Some(moment)),
            Self::At(moment) => Err(moment),
        }
    }
}

impl fmt::Display for SecretExpiry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => formatter.write_str("never"),
            Self::After(span) => write!(formatter, "{}", span.as_secs()),
            Self::At(moment) => write!(formatter, "{moment}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretColumns, SecretExpiry};
    use belgie_api::Timestamp;
    use belgie_api::crypto::sha256;
    use std::time::Duration;

    #[test]
    fn an_expiry_is_a_number_a_date_or_a_time_in_words() {
        let after = |seconds| Ok(SecretExpiry::After(Duration::from_secs(seconds)));
        let date = Timestamp::from_rfc3339("2027-01-31T00:00:00Z").unwrap();
        assert_eq!(SecretExpiry::read("never"), Ok(SecretExpiry::Never));
        assert_eq!(SecretExpiry::read("0"), Ok(SecretExpiry::Never));
        assert_eq!(SecretExpiry::read("3600"), after(3600));
        assert_eq!(SecretExpiry::read(" 30 days "), after(30 * 86_400));
        assert_eq!(SecretExpiry::read("1 Week"), after(7 * 86_400));
        assert_eq!(SecretExpiry::read("2027-01-31"), Ok(SecretExpiry::At(date)));
        assert_eq!(SecretExpiry::read("2027-01-31T01:00:00+01:00"), Ok(SecretExpiry::At(date)));
        for wrong in ["", "soon", "30 moons", "-1", "2027-13-01", "9999999999999", "99999 days", "30days"] {
            assert!(SecretExpiry::read(wrong).is_err(), "{wrong}");
        }
        assert!(SecretExpiry::At(date).end(date).is_err());
    }

    #[test]
    fn two_secrets_are_good_while_they_overlap_and_each_until_its_end() {
        let at = |text: &str| Timestamp::from_rfc3339(text).unwrap();
        let (begin, middle, end) = (at("2027-01-01T00:00:00Z"), at("2027-01-02T00:00:00Z"), at("2027-01-03T00:00:00Z"));
        let (new, old) = (sha256(b"new"), sha256(b"old"));
        let columns = SecretColumns {
            secret_expires_at: Some(end),
            previous_secret_hash: Some(old.to_vec()),
            previous_secret_ends_at: Some(middle),
        };
        assert!(columns.accept(&new, "new", begin) && columns.accept(&new, "old", begin));
        assert!(columns.accept(&new, "new", middle) && !columns.accept(&new, "old", middle));
        assert!(!columns.accept(&new, "new", end) && !columns.accept(&new, "other", begin));
    }
}
