//! Moments in time, with one meaning on both database engines.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type, encode::IsNull, error::BoxDynError};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

/// A moment: whole microseconds since 1970-01-01T00:00:00Z.
///
/// Stored as `timestamptz` in Postgres and as an INTEGER of microseconds in SQLite, where texts with optional
/// fractions would sort wrongly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds since the epoch, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment, later by `span`; the end of time when it does not fit.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment, earlier by `span`.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `earlier` until this moment; zero when `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, with any offset; `None` when it is none.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).map(Self).ok()
    }

    /// The day as people write it, in UTC, such as `12 November 2026`.
    #[must_use]
    pub fn day(self) -> String {
        match OffsetDateTime::from_unix_timestamp(self.unix_seconds()) {
            Ok(moment) => format!("{} {} {}", moment.day(), moment.month(), moment.year()),
            Err(_) => self.to_string(),
        }
    }

    /// How long before `now` it was, such as `5 minutes ago`; beyond a month, the day.
    #[must_use]
    pub fn ago(self, now: Self) -> String {
        const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3600, "hour"), (60, "minute")];
        let span = now.since(self);
        if span > Duration::from_hours(30 * 24) {
            return self.day();
        }
        let unit = UNITS.into_iter().find(|(seconds, _)| span.as_secs() >= *seconds);
        match unit.map(|(seconds, name)| (span.as_secs() / seconds, name)) {
            None => "just now".to_owned(),
            Some((1, name)) => format!("1 {name} ago"),
            Some((count, name)) => format!("{count} {name}s ago"),
        }
    }

    /// The first moments of its month and of the next one, in UTC.
    #[must_use]
    pub fn month(self) -> (Self, Self) {
        let day = OffsetDateTime::from_unix_timestamp(self.unix_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
        let first = |date: time::Date| Self::from_unix_seconds(date.midnight().assume_utc().unix_timestamp());
        let begin = day.replace_day(1).unwrap_or(day);
        let next = time::Duration::days(i64::from(day.month().length(day.year())));
        (first(begin), first(begin.checked_add(next).unwrap_or(begin)))
    }

    /// How many months its month comes after that of another moment; less than nothing where it comes before.
    #[must_use]
    pub fn months_after(self, other: Self) -> i64 {
        let number = |moment: Self| moment.to_offset().map_or(0, month_of);
        number(self) - number(other)
    }

    /// This moment, later by so many months, or earlier where that is less than nothing: at the same time of day on the same day of the
    /// month, or on its last where it has no such day. The end of time when it does not fit.
    #[must_use]
    pub fn plus_months(self, months: i64) -> Self {
        let other = || {
            let moment = self.to_offset().ok()?;
            let all = month_of(moment).checked_add(months)?;
            let year = i32::try_from(all.div_euclid(12)).ok()?;
            let month = Month::try_from(u8::try_from(all.rem_euclid(12) + 1).ok()?).ok()?;
            let date = Date::from_calendar_date(year, month, moment.day().min(month.length(year))).ok()?;
            i64::try_from(moment.replace_date(date).unix_timestamp_nanos().div_euclid(1_000)).ok()
        };
        Self(other().unwrap_or(i64::MAX))
    }

    fn to_offset(self) -> Result<OffsetDateTime, BoxDynError> {
        Ok(OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)?)
    }
}

/// Months since the beginning of the calendar.
fn month_of(moment: OffsetDateTime) -> i64 {
    i64::from(moment.year()) * 12 + i64::from(u8::from(moment.month())) - 1
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_offset().ok().and_then(|moment| moment.format(&Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("out of range"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Type<Sqlite> for Timestamp {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode_by_ref(&self.0, buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Timestamp {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        <i64 as Decode<Sqlite>>::decode(value).map(Self)
    }
}

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        <OffsetDateTime as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.to_offset()?, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let moment = <OffsetDateTime as Decode<Postgres>>::decode(value)?;
        Ok(Self(i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000))?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Timestamp;

    #[test]
    fn a_month_has_its_own_length() {
        let of = |text: &str| Timestamp::from_rfc3339(text).expect("a moment").month();
        let shown = |text: &str| {
            let (begin, end) = of(text);
            format!("{begin} {end}")
        };
        assert_eq!(shown("2026-11-30T23:59:59.9Z"), "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z");
        assert_eq!(shown("2026-12-01T00:00:00Z"), "2026-12-01T00:00:00Z 2027-01-01T00:00:00Z");
        assert_eq!(shown("2028-02-29T12:00:00Z"), "2028-02-01T00:00:00Z 2028-03-01T00:00:00Z");
    }

    #[test]
    fn months_are_counted_by_the_calendar() {
        let of = |text: &str| Timestamp::from_rfc3339(text).expect("a moment");
        let later = |months| of("2027-01-31T08:00:00.5Z").plus_months(months).to_string();
        assert_eq!([later(1), later(11)], ["2027-02-28T08:00:00.5Z", "2027-12-31T08:00:00.5Z"]);
        assert_eq!([later(-1), later(-2)], ["2026-12-31T08:00:00.5Z", "2026-11-30T08:00:00.5Z"]);
        assert_eq!(of("2027-01-31T08:00:00Z").plus_months(i64::MAX), Timestamp::from_unix_micros(i64::MAX));
        let months = |one: &str, other: &str| of(one).months_after(of(other));
        assert_eq!(months("2027-02-01T00:00:00Z", "2026-12-31T23:00:00Z"), 2);
        assert_eq!(months("2026-12-31T23:00:00Z", "2027-02-01T00:00:00Z"), -2);
    }

    #[test]
    fn moments_read_as_people_write_them() {
        let now = Timestamp::from_unix_seconds(1_795_432_200);
        assert_eq!(now.day(), "23 November 2026");
        let before = |seconds| now.minus(Duration::from_secs(seconds)).ago(now);
        assert_eq!(before(59), "just now");
        assert_eq!(before(60), "1 minute ago");
        assert_eq!(before(3599), "59 minutes ago");
        assert_eq!(before(7200), "2 hours ago");
        assert_eq!(before(86_400 * 30), "30 days ago");
        assert_eq!(before(86_400 * 31), "23 October 2026");
        assert_eq!(now.plus(Duration::from_secs(5)).ago(now), "just now");
    }
}
