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

/// The templates of the gateway itself.
pub(super) const CORE: [Template; 18] = [
    piece!("base"),
    piece!("parts"),
    piece!("admin_parts"),
    page!("account"),
    page!("admin"),
    page!("admin_audit"),
    page!("admin_ban"),
    page!("admin_delete"),
    page!("admin_impersonate"),
    page!("admin_scopes"),
    page!("admin_user"),
    page!("admin_users"),
    page!("error"),
    page!("home"),
    page!("message"),
    page!("setup"),
    page!("sign_in"),
    page!("sign_up"),
];

/// The name of the sheet in the override folder.
pub(super) const STYLESHEET_NAME: &str = "belgie.css";

/// The sheet all pages share.
pub(super) const STYLESHEET: &str = include_str!("assets/belgie.css");
