//! The one table of what is compiled in, with the contexts it is tried with when the gateway starts.

use belgie_api::plugin::Template;

macro_rules! page {
    ($file:literal) => {
        Template {
            name: concat!("organization/", $file, ".html"),
            source: include_str!(concat!("../../templates/", $file, ".html")),
            samples: include_str!(concat!("../../templates/samples/", $file, ".json")),
        }
    };
}

macro_rules! letter {
    ($ending:literal) => {
        Template {
            name: concat!("mail/organization_invitation", $ending),
            source: include_str!(concat!("../../templates/mail_invitation", $ending)),
            samples: include_str!("../../templates/samples/mail_invitation.json"),
        }
    };
}

/// Every template of this plugin.
pub fn templates() -> Vec<Template> {
    vec![
        Template { name: "organization/parts.html", source: include_str!("../../templates/parts.html"), samples: "[]" },
        page!("list"),
        page!("new"),
        page!("one"),
        page!("settings"),
        page!("member"),
        page!("role"),
        page!("confirm"),
        page!("agents"),
        page!("agent"),
        page!("services"),
        page!("new_service"),
        page!("invitation"),
        page!("record"),
        page!("section"),
        letter!(".html"),
        letter!(".txt"),
    ]
}
