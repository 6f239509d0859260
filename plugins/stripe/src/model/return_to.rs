//! Where a browser comes back to: to us and nowhere else.

use belgie_api::Result;
use belgie_api::ports::Urls;
use belgie_api::web::is_local_path;

use super::refusal;

/// The path of ours that an address leads to, which is a path already or an absolute address of this host.
///
/// # Errors
/// 400 when it leads elsewhere.
pub fn local(urls: &Urls, wanted: &str) -> Result<String> {
    let path = match wanted.strip_prefix(urls.issuer()) {
        Some("") => "/",
        Some(path) => path,
        None => wanted,
    };
    if is_local_path(path) { Ok(path.to_owned()) } else { Err(refusal::foreign_address()) }
}

#[cfg(test)]
mod tests {
    use belgie_api::ports::Urls;

    use super::local;

    #[test]
    fn nobody_is_sent_elsewhere() {
        let urls = Urls::new("https://mcp.example.com".parse().unwrap());
        for (wanted, path) in
            [("/billing", "/billing"), ("https://mcp.example.com", "/"), ("https://mcp.example.com/a?b=c", "/a?b=c")]
        {
            assert_eq!(local(&urls, wanted).ok().as_deref(), Some(path), "{wanted}");
        }
        for wanted in [
            "",
            "billing",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "https://mcp.example.com.evil.example/",
            "https://mcp.example.com@evil.example/",
            "https://mcp.example.com:8443/",
            "javascript:alert(1)",
        ] {
            assert!(local(&urls, wanted).is_err(), "{wanted}");
        }
    }
}
