//! The MCP endpoints of this host as protected resources (RFC 9728, RFC 8707): the shared one at `/mcp`, where the grant
//! says for whom a call is made, and one for each organization at `/o/{slug}/mcp`, where grant and address must agree.

/// The path of the shared endpoint.
pub const SHARED: &str = "/mcp";

/// The path of every organization's endpoint, in axum's syntax.
pub const OF_ORGANIZATION: &str = "/o/{slug}/mcp";

const SHORTEST_SLUG: usize = 2;
/// The most characters a slug has.
pub const LONGEST_SLUG: usize = 48;

/// Whether a text can be an organization's name in URLs: 2 to 48 of `a-z 0-9`, with single hyphens between them.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (SHORTEST_SLUG..=LONGEST_SLUG).contains(&text.len())
        && text.split('-').all(|word| !word.is_empty() && word.bytes().all(is_plain))
}

/// The path of an organization's endpoint.
#[must_use]
pub fn path_of(slug: &str) -> String {
    format!("/o/{slug}/mcp")
}

/// The slug in the path of an organization's endpoint, whether there is such an organization or not.
#[must_use]
pub fn slug_in_path(path: &str) -> Option<&str> {
    path.strip_prefix("/o/")?.strip_suffix("/mcp").filter(|slug| is_slug(slug))
}

/// The slug in the absolute address of an organization's endpoint.
#[must_use]
pub fn slug_in(uri: &str) -> Option<&str> {
    let (_scheme, rest) = uri.split_once("://")?;
    slug_in_path(rest.get(rest.find('/')?..)?)
}

#[cfg(test)]
mod tests {
    use super::{is_slug, path_of, slug_in, slug_in_path};

    #[test]
    fn a_slug_is_a_plain_word() {
        for right in ["ab", "acme", "a1", "acme-research-2", &"a".repeat(48)] {
            assert!(is_slug(right), "{right}");
        }
        for wrong in ["", "a", "-acme", "acme-", "a--b", "a_b", "a b", "Acme", "äcme", "a/b", "a.b", &"a".repeat(49)] {
            assert!(!is_slug(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_address_names_one_organization_or_none() {
        assert_eq!(slug_in_path(&path_of("acme")), Some("acme"));
        assert_eq!(slug_in("https://h.example/o/acme/mcp"), Some("acme"));
        assert_eq!(slug_in("http://127.0.0.1:80/o/acme/mcp"), Some("acme"));
        let others = ["https://h.example/mcp", "https://h.example/o/acme/mcp/", "https://h.example/o/a/b/mcp"];
        let more = ["https://h.example/x/o/acme/mcp", "/o/acme/mcp", "https://h.example/o/mcp", "https://h.example"];
        for other in others.into_iter().chain(more) {
            assert_eq!(slug_in(other), None, "{other}");
        }
    }
}
