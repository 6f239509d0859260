//! Web addresses of others: resources (RFC 8707) and sites that clients name.

use std::collections::BTreeSet;

use belgie_api::ports::Catalog;
use belgie_api::resource::slug_in;
use url::{Host, Url};

/// The longest address, in bytes: as it comes, and as it is written here, where what has no place in an address takes three.
const MAX_LENGTH: usize = 2048;

/// Whether an address is one of the machine the browser runs on, whatever its scheme.
pub fn is_own_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
        None => false,
    }
}

/// One spelling for all spellings of a resource: scheme and host in lower case, no default port, no slash at the end.
/// `None` for what is no resource identifier (RFC 8707 section 2): relative, with a fragment or with a user name.
pub fn normalize_resource(text: &str) -> Option<String> {
    if text.contains('#') || text.len() > MAX_LENGTH {
        return None;
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let text = Some(url.as_str()).filter(|text| text.len() <= MAX_LENGTH)?;
    // One slash at the end of the path says nothing; a second one, or one at the end of a query, does.
    let is_idle = url.query().is_none() && !url.path().ends_with("//");
    Some(text.strip_suffix('/').filter(|_| is_idle).unwrap_or(text).to_owned())
}

/// Finds each asked resource among those of this host and `others` and gives back the known spelling, each once; `None` when
/// one is unknown.
pub fn find_resources<'a>(
    asked: impl Iterator<Item = &'a str>,
    catalog: &Catalog,
    others: &[String],
) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for text in asked {
        let wanted = normalize_resource(text)?;
        let known = catalog
            .resources
            .iter()
            .chain(others)
            .find(|known| normalize_resource(known).as_ref() == Some(&wanted))
            .cloned();
        let resource = known.or_else(|| Some(wanted).filter(|wanted| catalog.is_resource(wanted)))?;
        if !found.contains(&resource) {
            found.push(resource);
        }
    }
    Some(found)
}

/// The organizations whose own endpoints are among these resources.
pub fn slugs_in(resources: &[String]) -> BTreeSet<&str> {
    resources.iter().filter_map(|uri| slug_in(uri)).collect()
}

/// A web site as a client names it, if it is one.
pub fn read_site(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    let is_short = text.len() <= MAX_LENGTH && url.as_str().len() <= MAX_LENGTH;
    (is_short && url.username().is_empty() && url.password().is_none()).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use belgie_api::ports::Catalog;

    use super::{find_resources, normalize_resource, read_site, slugs_in};

    #[test]
    fn one_resource_has_one_spelling() {
        let table = [
            ("https://h.example/mcp", Some("https://h.example/mcp")),
            ("HTTPS://H.Example/mcp", Some("https://h.example/mcp")),
            ("https://h.example:443/mcp/", Some("https://h.example/mcp")),
            ("https://h.example", Some("https://h.example")),
            ("https://h.example/", Some("https://h.example")),
            ("https://h.example/MCP", Some("https://h.example/MCP")),
            ("https://h.example:8443/mcp", Some("https://h.example:8443/mcp")),
            ("http://127.0.0.1:3000/mcp", Some("http://127.0.0.1:3000/mcp")),
            ("https://h.example/mcp//", Some("https://h.example/mcp//")),
            ("https://h.example/mcp?x=/", Some("https://h.example/mcp?x=/")),
            ("https://h.example/mcp#x", None),
            ("https://me@h.example/mcp", None),
            ("/mcp", None),
            ("urn:x", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(normalize_resource(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_is_no_longer_as_it_is_written_than_as_it_may_come() {
        let long = |count: usize| format!("https://h.example/{}", "\u{fffd}".repeat(count));
        for count in [100, 225, 226, 400, 676, 677, 1000] {
            let once = normalize_resource(&long(count));
            assert_eq!(once.is_some(), 18 + 9 * count <= 2048, "{count}");
            assert_eq!(once.as_deref().and_then(normalize_resource), once, "{count}");
            assert_eq!(read_site(&long(count)).is_some(), 18 + 9 * count <= 2048, "{count}");
        }
    }

    #[test]
    fn every_asked_resource_must_be_known() {
        let known = ["https://h.example/mcp".to_owned(), "https://h.example/mcp/notes".to_owned()];
        let mut catalog = Catalog { resources: known.to_vec(), ..Catalog::default() };
        let others = ["https://api.example".to_owned()];
        let find = |catalog: &Catalog, asked: &[&str]| find_resources(asked.iter().copied(), catalog, &others);
        let organization = "https://h.example/o/acme/mcp";
        assert_eq!(find(&catalog, &[organization]), None);
        catalog.organizations_under = Some("https://h.example".to_owned());
        assert_eq!(find(&catalog, &["https://H.example/o/acme/mcp/"]), Some(vec![organization.to_owned()]));
        assert_eq!(find(&catalog, &["https://h.example/o/Acme/mcp"]), None);
        assert_eq!(find(&catalog, &["https://evil.example/o/acme/mcp"]), None);
        let find = |asked: &[&str]| find(&catalog, asked);
        assert_eq!(find(&[]), Some(vec![]));
        assert_eq!(find(&["https://H.example/mcp/", "https://h.example/mcp"]), Some(vec![known[0].clone()]));
        assert_eq!(find(&["https://h.example/mcp/notes", "https://h.example/mcp"]).unwrap().len(), 2);
        assert_eq!(find(&["https://h.example/mcp", "https://evil.example/mcp"]), None);
        assert_eq!(find(&["https://h.example/mcp/note"]), None);
        assert_eq!(find(&["https://h.example"]), None);
        assert_eq!(find(&["https://API.example/"]), Some(others.to_vec()));
    }

    #[test]
    fn endpoints_of_organizations_are_told_from_the_shared_one() {
        let uris = ["https://h.example/mcp", "https://h.example/o/acme/mcp"].map(str::to_owned);
        assert_eq!(slugs_in(&uris), BTreeSet::from(["acme"]));
        assert!(slugs_in(&uris[..1]).is_empty());
    }
}
