//! Money as people read it.

/// Currencies without a smaller unit (docs.stripe.com, "Supported currencies", zero-decimal).
const WHOLE: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies with a thousand smaller units (three-decimal).
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];
/// Signs that say which currency it is by themselves.
const SIGNS: [(&str, &str); 4] = [("eur", "€"), ("gbp", "£"), ("inr", "₹"), ("usd", "$")];

/// An amount in the smallest unit of a currency: `$1,234.50`, `CHF 20.00`, `JPY 500`.
#[must_use]
pub fn shown(amount: i64, currency: &str) -> String {
    let digits = match currency {
        whole if WHOLE.contains(&whole) => 0,
        thousandths if THOUSANDTHS.contains(&thousandths) => 3,
        _ => 2_usize,
    };
    let text = format!("{:0>width$}", amount.unsigned_abs(), width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let minus = if amount < 0 { "-" } else { "" };
    let number = if part.is_empty() { grouped } else { format!("{grouped}.{part}") };
    match SIGNS.iter().find(|(code, _)| *code == currency) {
        Some((_, sign)) => format!("{minus}{sign}{number}"),
        None => format!("{} {minus}{number}", currency.to_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn amounts_are_read_in_their_own_unit() {
        for (amount, currency, expected) in [
            (2_000, "usd", "$20.00"),
            (5, "eur", "€0.05"),
            (123_456_789, "usd", "$1,234,567.89"),
            (500, "jpy", "JPY 500"),
            (12_345, "kwd", "KWD 12.345"),
            (-150, "gbp", "-£1.50"),
            (100_000, "chf", "CHF 1,000.00"),
            (0, "usd", "$0.00"),
        ] {
            assert_eq!(shown(amount, currency), expected);
        }
    }
}
