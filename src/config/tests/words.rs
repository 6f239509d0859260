//! Single values: what they accept and refuse.

use belgie_api::web::is_local_path;

use super::{BaseUrl, Cidr, IpAddr, STRONG, load, strength};

#[test]
fn a_base_url_is_an_origin_and_its_issuer_has_no_trailing_slash() {
    let url = BaseUrl::parse("https://MCP.example.com:443/").unwrap();
    assert_eq!(url.issuer(), "https://mcp.example.com");
    assert_eq!(url.join("/mcp"), "https://mcp.example.com/mcp");
    assert_eq!(BaseUrl::parse("https://a.example:8443").unwrap().to_string(), "https://a.example:8443");
    for bad in
        ["https://a/x", "https://a/?q", "https://a/#f", "https://u@a", "https://u:p@a", "ftp://a", "a.example", ""]
    {
        assert!(BaseUrl::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_paths_of_this_site_are_local() {
    for good in ["/", "/account", "/a/b?c=d#e", "/a:b", "/%2F%2Fx"] {
        assert!(is_local_path(good), "{good}");
    }
    for bad in [
        "",
        "account",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "/a b",
        "javascript:x",
    ] {
        assert!(!is_local_path(bad), "{bad}");
    }
    assert!(!is_local_path(&format!("/{}", "a".repeat(9000))), "a path is short enough to be kept");
}

#[test]
fn networks_contain_their_addresses() {
    let contains =
        |network: &str, address: &str| Cidr::parse(network).unwrap().contains(address.parse::<IpAddr>().unwrap());
    assert!(contains("10.0.0.0/8", "10.200.3.4"));
    assert!(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert!(!contains("10.0.0.0/8", "11.0.0.1"));
    assert!(contains("192.168.0.7", "192.168.0.7"));
    assert!(!contains("192.168.0.7", "192.168.0.8"));
    assert!(contains("fd00::/8", "fd12::1"));
    assert!(!contains("fd00::/8", "2001:db8::1"));
    for bad in ["10.0.0.0/33", "10.0.0.0/0", "::/0", "ten", "10.0.0.0/", "10.0.0.0/-1"] {
        assert!(Cidr::parse(bad).is_err(), "{bad}");
    }
    let config = load("[server]\ntrusted_proxies = ['10.0.0.0/8', '::1']");
    assert!(config.server.is_trusted_proxy("10.9.9.9".parse().unwrap()));
}

#[test]
fn obviously_weak_secrets_are_refused_and_random_ones_are_not() {
    for weak in [
        "short",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabcabcabcabcabcabcabcabc",
        "0123456789abcdefghijklmnopqrstuvwxyz",
        "please-changeme-before-you-go-live-1234",
        "k9!fk9!fk9!gk9!fk9!fk9!fk9!fk9!fk9!f",
        "correct-horse-9secret9-battery-staple",
    ] {
        assert!(strength::weakness(weak).is_some(), "{weak}");
    }
    for strong in [STRONG, "3f9a1c07e5b24d8896ab70c4f1de2359", "Zk1Jt3v0qkE8mS0yD5l2nXw7cQhUaRbPjV4gLoT6iNs="] {
        assert_eq!(strength::weakness(strong), None, "{strong}");
    }
}
