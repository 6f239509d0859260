//! The one table of what is compiled in, with the contexts it is tried with when the gateway starts.

use belgie_api::plugin::Template;

macro_rules! page {
    ($file:literal) => {
        Template {
            name: concat!("team/", $file, ".html"),
            source: include_str!(concat!("../../templates/", $file, ".html")),
            samples: include_str!(concat!("../../templates/samples/", $file, ".json")),
        }
    };
}

/// Every template of this plugin.
pub fn templates() -> Vec<Template> {
    vec![
        Template { name: "team/parts.html", source: include_str!("../../templates/parts.html"), samples: "[]" },
        page!("list"),
        page!("new"),
        page!("one"),
        page!("member"),
        page!("settings"),
        page!("confirm"),
    ]
}
