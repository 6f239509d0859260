//! `[urls]`: where people go after signing in and out, and what they can read elsewhere.

use belgie_api::ports::SiteLinks;
use belgie_api::settings::Section;
use belgie_api::web::is_local_path;
use url::Url;

/// Pages of this gateway to go to, and pages to read. Redirects never lead to another site: one that leaves would be an open door for phishing.
#[derive(Clone, Debug)]
pub struct Urls {
    /// After signing in, when no other page was asked for.
    pub signin_redirect: String,
    /// After signing out.
    pub signout_redirect: String,
    /// Documentation, terms and privacy, elsewhere or here.
    pub links: SiteLinks,
}

impl Urls {
    pub(super) fn read(section: &mut Section) -> Self {
        let mut path = |key: &str, default: &str| {
            section.parsed(key, default.to_owned(), "a path on this site such as /account", |text| {
                let reason = || "not a path on this site".to_owned();
                is_local_path(text).then(|| text.to_owned()).ok_or_else(reason)
            })
        };
        let (signin_redirect, signout_redirect) = (path("signin_redirect", "/account"), path("signout_redirect", "/"));
        let mut link = |key: &str| section.opt_parsed(key, "an address such as https://example.com/terms", address);
        let links = SiteLinks { documentation: link("documentation"), terms: link("terms"), privacy: link("privacy") };
        Self { signin_redirect, signout_redirect, links }
    }
}

fn address(text: &str) -> Result<String, String> {
    let is_web = |url: &Url| matches!(url.scheme(), "https" | "http") && url.has_host();
    let url = Url::parse(text).ok().filter(is_web);
    url.map(String::from).ok_or_else(|| "not an address of the web".to_owned())
}
