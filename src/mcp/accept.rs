//! What kinds of answers a client takes.

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderValue};

const JSON: (&str, &str) = ("application", "json");
const STREAM: (&str, &str) = ("text", "event-stream");

/// Spells out ranges such as `*/*;q=0.8` in `Accept` (RFC 9110 section 12.5.1): rmcp understands weights, and looks for the names of
/// both kinds of answers.
pub(super) fn spell_out(headers: &mut HeaderMap) {
    let all = headers.get_all(ACCEPT);
    if !all.iter().any(|value| value.as_bytes().contains(&b'*')) {
        return;
    }
    let ranges: Vec<(&str, bool)> =
        all.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(read).collect();
    let spelled = match (takes(&ranges, JSON), takes(&ranges, STREAM)) {
        (true, true) => "application/json, text/event-stream",
        (true, false) => "application/json",
        (false, true) => "text/event-stream",
        (false, false) => "*/*;q=0",
    };
    headers.insert(ACCEPT, HeaderValue::from_static(spelled));
}

/// A range, and whether what it names is taken: not with the weight zero. A weight that is none counts as not said, as it does at
/// rmcp.
fn read(entry: &str) -> (&str, bool) {
    let mut parts = entry.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let weight = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    (range, !weight.is_some_and(|(_, value)| value.trim().parse() == Ok(0.0_f32)))
}

/// Whether a kind of answer is taken: what names it most closely says so.
fn takes(ranges: &[(&str, bool)], (kind, sort): (&str, &str)) -> bool {
    let closeness = |range: &str| {
        let (own_kind, own_sort) = range.split_once('/')?;
        match (own_kind.eq_ignore_ascii_case(kind), own_sort.eq_ignore_ascii_case(sort)) {
            (true, true) => Some(2),
            (true, false) if own_sort == "*" => Some(1),
            _ if range == "*/*" => Some(0),
            _ => None,
        }
    };
    let said = ranges.iter().filter_map(|(range, is_taken)| Some((closeness(range)?, *is_taken)));
    said.max().is_some_and(|(_, is_taken)| is_taken)
}

#[cfg(test)]
mod tests {
    use super::{JSON, STREAM, read, takes};

    #[test]
    fn what_names_an_answer_most_closely_decides() {
        let both = |accept: &str| {
            let ranges: Vec<_> = accept.split(',').map(read).collect();
            (takes(&ranges, JSON), takes(&ranges, STREAM))
        };
        for (accept, expected) in [
            ("*/*", (true, true)),
            ("*/*;q=0.8", (true, true)),
            ("text/html, */* ; Q=0.1", (true, true)),
            ("*/*;q=0", (false, false)),
            ("*/*;q=0.000", (false, false)),
            ("application/*, text/*;q=0.5", (true, true)),
            ("application/json, text/*;q=0", (true, false)),
            ("*/*;q=0, application/json, text/event-stream;q=0.001", (true, true)),
            ("application/json;q=0, */*", (false, true)),
            ("*/*;q=much", (true, true)),
            ("text/html", (false, false)),
            ("*", (false, false)),
        ] {
            assert_eq!(both(accept), expected, "{accept}");
        }
    }
}
