//! `[[scope]]`: scopes beside those of code, each with its sentence, what it implies and where it counts.

use belgie_api::Scope;
use belgie_api::plugin::ScopeInfo;
use belgie_api::resource::{OF_ORGANIZATION, SHARED};
use belgie_api::settings::Section;
use url::Url;

/// The longest description, in characters.
const LONGEST: usize = 300;
const NAMES: &str = "write each scope on its own, such as \"reports:read\"";
const PLACES: &str = "write an address such as \"https://reports.example.com\", \"/mcp\" or \"/o/{slug}/mcp\"";

/// Reads one.
pub(super) fn read(section: &mut Section) -> ScopeInfo {
    let name = section.opt_parsed("name", "1 to 128 printable characters without space, \" and \\", scope);
    let name = section.require("name", name, "what clients ask for, such as \"reports:read\"").unwrap_or_default();
    let description = section.opt_string("description");
    let what = "what a client may do with it, as people read it at consent, such as \"Read your reports\"";
    let description = section.require("description", description, what).unwrap_or_default();
    if description.chars().count() > LONGEST || description.chars().any(char::is_control) {
        section.complain("description", "too long, or more than one line", "write one sentence");
    }
    let is_default = section.boolean("default", false);
    let implies = section.parsed_list("implies", scope, NAMES);
    let resources = section.parsed_list("resources", place, PLACES);
    let info =
        if is_default { ScopeInfo::by_default(name, description) } else { ScopeInfo::on_request(name, description) };
    let info = implies.into_iter().fold(info, ScopeInfo::implying);
    resources.into_iter().fold(info, ScopeInfo::only_at)
}

fn scope(text: &str) -> Result<String, String> {
    text.parse::<Scope>().map(String::from).map_err(|error| error.to_string())
}

fn place(text: &str) -> Result<String, String> {
    let is_ours = [SHARED, OF_ORGANIZATION].contains(&text);
    let is_address = || Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
    (is_ours || is_address()).then(|| text.to_owned()).ok_or_else(|| "not a resource".to_owned())
}
