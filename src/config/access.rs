//! `[[access]]`: rules for tools, prompts and resources by their names, beside those in code.

use std::cell::Cell;

use belgie_api::resource::is_slug;
use belgie_api::settings::{Origin, Section};
use belgie_api::{OrgId, Rule, access};

/// The longest name or pattern, in bytes.
const MAX_NAME: usize = 256;
/// The most units that one call costs.
const MOST_UNITS: u64 = 1_000_000;

/// One entry. It holds together with the rule beside the thing and every other entry that matches its name.
#[derive(Clone, Debug)]
pub struct AccessEntry {
    /// Names of tools, URIs of resources and names of prompts; each `*` stands for any characters.
    pub tools: Vec<String>,
    /// What it asks for.
    pub rule: Rule,
    /// An expression over caller and arguments that must hold besides; not compiled yet.
    pub when: Option<String>,
}

impl AccessEntry {
    pub(super) fn read(section: &mut Section) -> Self {
        let tools = section.parsed_list("tools", name, "write a name, or a pattern such as \"export_*\"");
        if tools.is_empty() && section.ledger().origin(&section.path_of("tools")).is_some() {
            section.complain("tools", "the entry is for nothing", "name the tools it is for, or \"*\" for all of them");
        }
        let scopes = asked(section, "scopes", scope, "write each scope on its own, such as \"notes:write\"");
        let organizations = asked(section, "organizations", organization, ORGANIZATION);
        let roles = asked(section, "roles", word, WORD);
        let permissions =
            asked(section, "permissions", permission, "write `resource:action`, such as \"notes:delete\"");
        let teams = asked(section, "teams", word, WORD);
        let plans = asked(section, "plans", word, WORD);
        let entitlements = asked(section, "entitlements", word, WORD);
        let (person, all_teams) = (section.boolean("person", false), section.boolean("all_teams", false));
        let meter = section.opt_string("meter");
        let units = section.opt_integer("units", 0..=MOST_UNITS);
        let when = section.opt_string("when");
        let is_denial = section.boolean("deny", false);
        let mut rule = all(access(), &scopes, Rule::scope);
        rule = all(rule, &organizations, Rule::organization_named);
        rule = all(rule, &roles, Rule::role);
        rule = all(rule, &permissions, Rule::permission);
        rule = all(rule, &teams, Rule::team);
        rule = all(rule, &plans, Rule::plan);
        rule = all(rule, &entitlements, Rule::entitlement);
        rule = if person { rule.by_person() } else { rule };
        rule = if all_teams { rule.all_teams() } else { rule };
        match (&meter, units) {
            (Some(name), units) => rule = rule.meter_units(name, units.unwrap_or(1)),
            (None, Some(_)) => section.complain("units", "there is no meter to count them on", "name the `meter`"),
            (None, None) => {}
        }
        if meter.is_some() && is_denial {
            section.complain("meter", "what is denied is not counted", "write an entry of its own for the meter");
        }
        let is_idle = rule == access() && when.is_none() && !is_denial;
        let is_read = |key: &str| section.ledger().origin(&section.path_of(key)).is_some();
        if is_idle && KEYS.iter().all(|key| is_read(key)) {
            let keys = KEYS.join(", ");
            section.complain("tools", "the entry asks for nothing", format!("add one of {keys}, or deny = true"));
        }
        Self { tools, rule: if is_denial { rule.deny() } else { rule }, when }
    }
}

const ORGANIZATION: &str = "write its id, `org_...`, or its name as it stands in URLs, such as \"acme\"";
const WORD: &str = "write a text that is not empty, without spaces around it";
const KEYS: [&str; 11] = [
    "scopes",
    "person",
    "organizations",
    "roles",
    "permissions",
    "teams",
    "all_teams",
    "plans",
    "entitlements",
    "meter",
    "when",
];

/// A list of what is asked for. An empty one could mean everybody as well as nobody, so it may not stand there.
fn asked(section: &mut Section, key: &str, parse: fn(&str) -> Result<String, String>, remedy: &str) -> Vec<String> {
    let is_empty = Cell::new(true);
    let read = |text: &str| {
        is_empty.set(false);
        parse(text)
    };
    let values = section.parsed_list(key, read, remedy);
    let origin = section.ledger().origin(&section.path_of(key));
    if is_empty.get() && origin.is_some_and(|origin| origin != Origin::Default) {
        section.complain(key, "the list is empty, so it asks for nothing", format!("{remedy}, or leave `{key}` out"));
    }
    values
}

fn all(rule: Rule, texts: &[String], add: fn(Rule, &str) -> Rule) -> Rule {
    texts.iter().fold(rule, |rule, text| add(rule, text))
}

fn name(text: &str) -> Result<String, String> {
    let is_fine = (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    is_fine.then(|| text.to_owned()).ok_or_else(|| format!("not a name of 1 to {MAX_NAME} bytes without spaces"))
}

fn scope(text: &str) -> Result<String, String> {
    let parsed: Result<belgie_api::Scope, _> = text.parse();
    parsed.map(|scope| scope.as_str().to_owned()).map_err(|_| "not a scope".to_owned())
}

fn organization(text: &str) -> Result<String, String> {
    match text.parse::<OrgId>() {
        Ok(id) => Ok(id.to_string()),
        Err(_) if is_slug(text) => Ok(text.to_owned()),
        Err(_) => Err("neither the id of an organization nor its name in URLs".to_owned()),
    }
}

fn permission(text: &str) -> Result<String, String> {
    let is_part = |part: &str| !part.is_empty() && !part.contains([':', ' ']);
    let is_fine = text.split_once(':').is_some_and(|(resource, action)| is_part(resource) && is_part(action));
    is_fine.then(|| text.to_owned()).ok_or_else(|| "not a permission".to_owned())
}

fn word(text: &str) -> Result<String, String> {
    let is_fine = !text.is_empty() && text.trim() == text;
    is_fine.then(|| text.to_owned()).ok_or_else(|| "empty, or with spaces around it".to_owned())
}
