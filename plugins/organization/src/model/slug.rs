//! The name of an organization in URLs.

use belgie_api::Result;
use belgie_api::resource::LONGEST_SLUG;
pub use belgie_api::resource::is_slug;

use super::refusal;

/// Words that stand for something else where a slug may stand.
const RESERVED: [&str; 24] = [
    "account",
    "admin",
    "api",
    "assets",
    "auth",
    "create",
    "check-slug",
    "delete",
    "edit",
    "invitation",
    "invitations",
    "list",
    "mcp",
    "me",
    "members",
    "new",
    "o",
    "org",
    "organization",
    "organizations",
    "roles",
    "settings",
    "team",
    "teams",
];

/// Reads the slug somebody wants, in any case.
///
/// # Errors
/// 400 when it is none; 409 when it is reserved, as if somebody had it.
pub fn read_slug(text: &str) -> Result<String> {
    let slug = text.trim().to_lowercase();
    if !is_slug(&slug) {
        return Err(refusal::invalid_slug());
    }
    if RESERVED.contains(&slug.as_str()) {
        return Err(refusal::slug_taken());
    }
    Ok(slug)
}

/// A slug that suits a name, if any letter of it can stand in one.
#[must_use]
pub fn suggest(name: &str) -> Option<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let words: String = name.chars().map(plain).collect();
    let slug: String = words.split_whitespace().collect::<Vec<_>>().join("-").chars().take(LONGEST_SLUG).collect();
    let slug = slug.trim_matches('-').to_owned();
    read_slug(&slug).ok()
}

#[cfg(test)]
mod tests {
    use super::{is_slug, read_slug, suggest};

    #[test]
    fn slugs_are_plain_words() {
        for right in ["acme", "a1", "acme-research-2"] {
            assert_eq!(read_slug(&right.to_uppercase()).unwrap(), right);
        }
        for wrong in ["", "a", "-acme", "acme-", "a--b", "a_b", "a b", "äcme", "org_019a", "a/b", "a.b"] {
            assert!(!is_slug(wrong), "{wrong}");
        }
        assert!(!is_slug(&"a".repeat(49)));
        assert_eq!(read_slug("New").unwrap_err().code(), "organization.slug_taken");
    }

    #[test]
    fn a_name_suggests_a_slug() {
        assert_eq!(suggest("Acme & Sons, Ltd.").as_deref(), Some("acme-sons-ltd"));
        assert_eq!(suggest("株式会社"), None);
        assert_eq!(suggest("Settings"), None);
    }
}
