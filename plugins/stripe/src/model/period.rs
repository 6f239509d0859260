//! For how long something is counted before it begins anew.

use belgie_api::Timestamp;
use belgie_api::context::SubscriptionContext;

use super::subscription::Subscription;

/// For how long something is counted before it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment of the next.
    pub end: Timestamp,
}

impl Period {
    /// What is counted in at a moment. What a plan includes is for a month, however often is paid: a month from the day on which its
    /// period began, or a month in UTC where nobody pays. Days that cost nothing are counted as a whole. Where nobody has heard of
    /// the next period yet, it is as long as this one.
    #[must_use]
    pub fn of(plan: &SubscriptionContext, now: Timestamp) -> Self {
        let Some((start, end)) = plan.period_start.zip(plan.period_end) else {
            let (start, end) = now.month();
            return Self { start, end };
        };
        let paid = Self { start, end };
        plan.counted_from.or_else(|| paid.anchor()).map_or_else(|| paid.at(now), |anchor| Self::month(anchor, now))
    }

    /// From where months are counted after news of a subscription, where that is not the period that is paid for. Whoever changes how
    /// often is paid begins a period in the middle of one: the months go on as before, so nothing is included twice and nothing is
    /// lost. After days that cost nothing they begin with what is paid.
    #[must_use]
    pub fn kept_anchor(before: &Subscription, after: &Subscription) -> Option<Timestamp> {
        let of = |one: &Subscription| Some(Self { start: one.period_start?, end: one.period_end? });
        let paid = of(after)?;
        paid.anchor()?;
        let is_first_paid = before.status == "trialing" && after.status != "trialing";
        let anchor = before.counted_from.or_else(|| of(before)?.anchor()).filter(|_| !is_first_paid)?;
        (Self::month(anchor, paid.start).start != paid.start).then_some(anchor)
    }

    /// The end of it from which months are counted, if it is some whole number of them: of the 28th of February and the 31st of March the
    /// latter says which day is meant.
    fn anchor(self) -> Option<Timestamp> {
        let months = self.end.months_after(self.start);
        let (is_of_start, is_of_end) =
            (self.start.plus_months(months) == self.end, self.end.plus_months(-months) == self.start);
        match (months > 0, is_of_start, is_of_end) {
            (true, true, _) => Some(self.start),
            (true, false, true) => Some(self.end),
            _ => None,
        }
    }

    /// The month that contains a moment, of those that begin so many months after or before the anchor.
    fn month(anchor: Timestamp, now: Timestamp) -> Self {
        let months = now.months_after(anchor);
        let months = if anchor.plus_months(months) > now { months - 1 } else { months };
        Self { start: anchor.plus_months(months), end: anchor.plus_months(months + 1) }
    }

    /// This one, or the one after it that contains a moment, each as long as this.
    fn at(self, now: Timestamp) -> Self {
        let span = self.end.since(self.start);
        if now < self.end || span.is_zero() {
            return self;
        }
        let passed = now.since(self.start).as_micros() / span.as_micros();
        let start = self.start.plus(span.saturating_mul(u32::try_from(passed).unwrap_or(u32::MAX)));
        Self { start, end: start.plus(span) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use belgie_api::Timestamp;
    use belgie_api::context::{SubscriptionContext, SubscriptionStatus};

    use super::Period;

    fn day(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(&format!("{text}T10:30:00Z")).expect("a day")
    }

    /// What is counted in on a day, of a plan that is paid for from day to day.
    fn counted(paid: (&str, &str), from: Option<&str>, now: &str) -> String {
        let plan = SubscriptionContext {
            period_start: Some(day(paid.0)),
            period_end: Some(day(paid.1)),
            counted_from: from.map(day),
            ..SubscriptionContext::of("pro".to_owned(), BTreeSet::new(), SubscriptionStatus::Active)
        };
        let Period { start, end } = Period::of(&plan, day(now));
        format!("{} - {}", start.day(), end.day())
    }

    #[test]
    fn months_go_on_by_the_calendar_for_as_long_as_nothing_is_heard() {
        let monthly = ("2027-01-31", "2027-02-28");
        assert_eq!(counted(monthly, None, "2027-02-27"), "31 January 2027 - 28 February 2027");
        assert_eq!(counted(monthly, None, "2027-02-28"), "28 February 2027 - 31 March 2027");
        assert_eq!(counted(monthly, None, "2027-03-30"), "28 February 2027 - 31 March 2027");
        assert_eq!(counted(monthly, None, "2027-03-31"), "31 March 2027 - 30 April 2027");
        assert_eq!(counted(monthly, None, "2028-03-01"), "29 February 2028 - 31 March 2028");
        // It began on the last day of a short month, and is paid on the 31st of others; or on the 28th.
        assert_eq!(counted(("2027-02-28", "2027-03-31"), None, "2027-05-01"), "30 April 2027 - 31 May 2027");
        assert_eq!(counted(("2027-02-28", "2027-03-28"), None, "2027-05-01"), "28 April 2027 - 28 May 2027");
        // Two weeks that cost nothing.
        assert_eq!(counted(("2027-01-20", "2027-02-03"), None, "2027-02-02"), "20 January 2027 - 3 February 2027");
        assert_eq!(counted(("2027-01-20", "2027-02-03"), None, "2027-03-10"), "3 March 2027 - 17 March 2027");
        assert_eq!(counted(("2027-01-20", "2027-01-20"), None, "2027-03-10"), "20 January 2027 - 20 January 2027");
    }

    #[test]
    fn a_year_is_counted_by_the_month_and_so_is_what_another_period_has_cut_short() {
        let year = ("2027-01-10", "2028-01-10");
        assert_eq!(counted(year, None, "2027-01-10"), "10 January 2027 - 10 February 2027");
        assert_eq!(counted(year, None, "2028-01-09"), "10 December 2027 - 10 January 2028");
        assert_eq!(counted(year, None, "2028-01-10"), "10 January 2028 - 10 February 2028");
        assert_eq!(counted(year, Some("2026-12-31"), "2027-01-10"), "31 December 2026 - 31 January 2027");
        assert_eq!(counted(year, Some("2026-12-31"), "2027-02-28"), "28 February 2027 - 31 March 2027");
    }
}
