//! Where a browser may be sent afterwards: nowhere but to ourselves.

use url::Url;

/// The longest path, in bytes: a page that somebody wants to come back to may be an authorization request, whose query
/// has up to 8 KiB.
const MAX_BYTES: usize = 8 * 1024 + 64;

/// Whether a browser that is redirected to `text` stays on the same site, and `text` is short enough to be kept.
///
/// Browsers treat `//host` and `/\host` as other hosts and drop tabs and line breaks before they look, so a path is
/// one only if it starts with exactly one slash and has no backslash, space or control character.
#[must_use]
pub fn is_local_path(text: &str) -> bool {
    let stays = || {
        let here = Url::parse("http://here.invalid/").ok()?;
        Some(here.join(text).ok()?.origin() == here.origin())
    };
    text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= MAX_BYTES
        && !text.contains(|letter: char| letter == '\\' || letter.is_control() || letter.is_whitespace())
        && stays() == Some(true)
}
