//! Where a browser may be sent afterwards: nowhere but to ourselves.

use belgie_api::ports::Urls;
use belgie_api::web::is_local_path;
use url::Url;

/// The path behind a wanted target: a path of ours, or an address of our origin. The fragment is dropped; anything else
/// is no target.
#[must_use]
pub fn local_target(urls: &Urls, wanted: &str) -> Option<String> {
    let wanted = wanted.split('#').next().unwrap_or_default();
    if is_local_path(wanted) {
        return Some(wanted.to_owned());
    }
    let url = Url::parse(wanted).ok().filter(|url| url.origin() == urls.base().origin())?;
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    Some(path).filter(|path| url.username().is_empty() && is_local_path(path))
}

/// A path with a parameter more.
#[must_use]
pub fn with_parameter(path: &str, name: &str, value: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    format!("{path}{mark}{query}")
}

#[cfg(test)]
mod tests {
    use belgie_api::ports::Urls;
    use url::Url;

    use super::{local_target, with_parameter};

    #[test]
    fn nothing_leads_elsewhere() {
        let urls = Urls::new(Url::parse("https://belgie.example").unwrap());
        for (wanted, path) in [
            ("/a?b=c#d", Some("/a?b=c")),
            ("https://belgie.example/a?b=c#d", Some("/a?b=c")),
            ("https://belgie.example", Some("/")),
            ("https://evil.example/", None),
            ("http://belgie.example/", None),
            ("https://belgie.example:444/", None),
            ("https://x@belgie.example/", None),
            ("//evil.example/", None),
            ("https://belgie.example//evil.example/", None),
            ("/\\evil.example", None),
            ("/\t/evil.example", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(local_target(&urls, wanted).as_deref(), path, "{wanted}");
        }
    }

    #[test]
    fn a_parameter_joins_a_query() {
        assert_eq!(with_parameter("/a", "error", "x y"), "/a?error=x+y");
        assert_eq!(with_parameter("/a?b", "error", "x&y"), "/a?b&error=x%26y");
    }
}
