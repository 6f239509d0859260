//! The one table of what is compiled in.

use belgie_api::plugin::Template;

/// A page, with the samples of the same name.
macro_rules! page {
    ($name:literal) => {
        Template {
            name: concat!($name, ".html"),
            source: include_str!(concat!("templates/", $name, ".html")),
            samples: include_str!(concat!("samples/", $name, ".json")),
        }
    };
}

/// A piece that pages are built from; it is tried as part of them.
macro_rules! piece {
    ($name:literal) => {
        Template {
            name: concat!($name, ".html"),
            source: include_str!(concat!("templates/", $name, ".html")),
            samples: "[]",
        }
    };
}

/// A mail: its text, whose first line is the subject, and its HTML, with the same samples.
macro_rules! letter {
    ($name:literal, $ending:literal) => {
        Template {
            name: concat!("mail/", $name, $ending),
            source: include_str!(concat!("templates/mail/", $name, $ending)),
            samples: include_str!(concat!("samples/mail/", $name, ".json")),
        }
    };
}

/// The templates of the gateway itself.
pub(super) const CORE: &[Template] = &[
    piece!("base"),
    piece!("parts"),
    piece!("admin_parts"),
    page!("account"),
    page!("admin"),
    page!("admin_audit"),
    page!("admin_ban"),
    page!("admin_delete"),
    page!("admin_explain"),
    page!("admin_impersonate"),
    page!("admin_scopes"),
    page!("admin_user"),
    page!("admin_users"),
    page!("account_delete"),
    page!("account_email"),
    page!("account_password"),
    page!("account_profile"),
    page!("code"),
    page!("confirm"),
    page!("error"),
    page!("forgot"),
    page!("home"),
    page!("link"),
    page!("message"),
    page!("outbox"),
    page!("setup"),
    page!("sign_in"),
    page!("sign_up"),
    piece!("mail/base"),
    letter!("action", ".html"),
    letter!("action", ".txt"),
    letter!("code", ".html"),
    letter!("code", ".txt"),
    letter!("notice", ".html"),
    letter!("notice", ".txt"),
];

/// The name of the sheet in the override folder.
pub(super) const STYLESHEET_NAME: &str = "belgie.css";

/// The sheet all pages share.
pub(super) const STYLESHEET: &str = include_str!("assets/belgie.css");
