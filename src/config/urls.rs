//! `[urls]`: where people go after signing in and out.

use belgie_api::settings::Section;
use belgie_api::web::is_local_path;

/// Pages of this gateway to go to. Never another site: a redirect that leaves would be an open door for phishing.
#[derive(Clone, Debug)]
pub struct Urls {
    /// After signing in, when no other page was asked for.
    pub signin_redirect: String,
    /// After signing out.
    pub signout_redirect: String,
}

impl Urls {
    pub(super) fn read(section: &mut Section) -> Self {
        let mut path = |key: &str, default: &str| {
            section.parsed(key, default.to_owned(), "a path on this site such as /account", |text| {
                let reason = || "not a path on this site".to_owned();
                is_local_path(text).then(|| text.to_owned()).ok_or_else(reason)
            })
        };
        Self { signin_redirect: path("signin_redirect", "/account"), signout_redirect: path("signout_redirect", "/") }
    }
}
