//! Medians.

/// The middle of the values; not a number when there are none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (_, None) => f64::NAN,
        (Some(lower), Some(upper)) if values.len().is_multiple_of(2) => f64::midpoint(*lower, *upper),
        (_, Some(value)) => *value,
    }
}

/// The value that so many percent of the values do not exceed; not a number when there are none.
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "counts of samples are small")]
    let rank = (percent / 100.0 * values.len() as f64).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the samples")]
    let index = (rank as usize).saturating_sub(1);
    values.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn a_percentile_is_a_value_that_so_many_do_not_exceed() {
        let values = || (1..=200).map(f64::from);
        assert!((percentile(values(), 50.0) - 100.0).abs() < f64::EPSILON);
        assert!((percentile(values(), 99.0) - 198.0).abs() < f64::EPSILON);
        assert!((percentile([7.0], 99.0) - 7.0).abs() < f64::EPSILON);
        assert!(percentile([], 50.0).is_nan());
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middles() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }
}
