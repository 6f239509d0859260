//! Where a browser may be sent afterwards: nowhere but to ourselves.

use url::Url;

/// A longer one comes from nobody's form.
const LONGEST: usize = 2048;

/// Whether a browser that is redirected to `text` stays on the same site.
///
/// Browsers treat `//host` and `/\host` as other hosts and drop tabs and line breaks before they look, so a path is
/// one only if it starts with exactly one slash and has no backslash, space or control character. Paths of more than 2048
/// bytes are none.
#[must_use]
pub fn is_local_path(text: &str) -> bool {
    let stays = || {
        let here = Url::parse("http://here.invalid/").ok()?;
        let there = here.join(text).ok()?;
        Some(there.origin() == here.origin())
    };
    text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= LONGEST
        && !text.contains(|letter: char| letter == '\\' || letter.is_control() || letter.is_whitespace())
        && stays() == Some(true)
}
