//! Which known name did the operator mean?

/// The known name most like `word`, if one is like it at all: a few letters away, or one containing the other.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .filter_map(|name| likeness(word, name).map(|distance| (distance, name)))
        .min()
        .map(|(_, name)| name)
}

/// Smaller is nearer. A name that merely contains the other (`max_age`, `max_age_seconds`) ranks behind misspellings.
fn likeness(word: &str, name: &str) -> Option<usize> {
    const CONTAINED: usize = 1_000;
    let letters = edits(word, name);
    if letters <= (word.len() / 4).max(2) && letters < word.len() {
        Some(letters)
    } else if word.len() >= 3 && (name.contains(word) || word.contains(name)) {
        Some(CONTAINED + letters)
    } else {
        None
    }
}

/// The Levenshtein distance: how many letters to insert, delete or replace.
fn edits(from: &str, to: &str) -> usize {
    let mut above: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut left = index + 1;
        let mut row = vec![left];
        for ((other, diagonal), up) in to.chars().zip(&above).zip(above.iter().skip(1)) {
            left = (diagonal + usize::from(letter != other)).min(up + 1).min(left + 1);
            row.push(left);
        }
        above = row;
    }
    above.last().copied().unwrap_or_default()
}
