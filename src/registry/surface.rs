//! Everything the gateway shows to the world, as one text: routes, tools, scopes, tables, commands.
//!
//! A snapshot test keeps it, so a reviewer sees every new one as a changed line.

use std::collections::BTreeSet;
use std::fmt::Write;

use belgie_api::Rule;
use belgie_api::plugin::{Room, ScopeGrant, ScopeInfo};
use belgie_api::tools::ToolEntry;

use super::conflicts::{Mounted, tables};
use crate::config::AccessEntry;
use crate::db::Ledger;

/// The rules that the operator's file adds, in its order; empty when it adds none.
#[must_use]
pub fn access(entries: &[AccessEntry]) -> String {
    let mut text = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let when = entry.when.as_ref().map(|when| format!(", when {when}")).unwrap_or_default();
        let title = if index == 0 { "access\n" } else { "" };
        let _written =
            writeln!(text, "{title}  access[{index}]  {}  {}{when}", entry.tools.join(" "), rule_text(&entry.rule));
    }
    text
}

/// The text, sorted within each part.
#[must_use]
pub fn surface(mounted: &[Mounted], core_tools: &[ToolEntry], core_scopes: &[ScopeInfo], ledgers: &[Ledger]) -> String {
    let mut routes: BTreeSet<String> =
        CORE_ROUTES.iter().map(|(methods, path, room)| format!("{methods} {path}  {room}  core")).collect();
    let mut tools: BTreeSet<String> = core_tools.iter().map(|tool| tool_line("core", tool)).collect();
    let mut scopes: BTreeSet<String> = core_scopes.iter().map(|scope| scope_line("core", scope)).collect();
    let mut commands: BTreeSet<String> = CORE_COMMANDS.iter().map(|noun| format!("{noun}  core")).collect();
    for plugin in mounted {
        let id = plugin.manifest.id;
        for route in &plugin.parts.routes {
            routes.insert(format!("{} {}  {}  {id}", route.method, route.path, room(route.room)));
        }
        tools.extend(plugin.parts.tools.iter().map(|tool| tool_line(id, tool)));
        scopes.extend(plugin.manifest.scopes.iter().map(|scope| scope_line(id, scope)));
        commands.extend(plugin.nouns.iter().map(|noun| format!("{noun}  {id}")));
    }
    let table_names = ledgers.iter().flat_map(|ledger| {
        tables(&ledger.texts("sqlite")).into_iter().map(|table| format!("{table}  {}", ledger.owner))
    });
    let mut text = String::new();
    for (title, lines) in [
        ("routes", routes),
        ("tools", tools),
        ("scopes", scopes),
        ("tables", table_names.collect()),
        ("commands", commands),
    ] {
        let _written = writeln!(text, "{title}");
        for line in lines {
            let _written = writeln!(text, "  {line}");
        }
    }
    text
}

/// The core's own routes: methods, path, room.
pub const CORE_ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/", "browser"),
    ("GET", "/.well-known/oauth-protected-resource", "well-known"),
    ("GET", "/.well-known/oauth-protected-resource/mcp", "well-known"),
    ("GET", "/account", "browser"),
    ("GET", "/admin", "operators"),
    ("GET", "/admin/audit", "operators"),
    ("GET POST", "/admin/explain", "operators"),
    ("GET", "/admin/users", "operators"),
    ("GET", "/admin/users/{id}", "operators"),
    ("GET", "/admin/users/{id}/ban", "operators"),
    ("GET", "/admin/users/{id}/delete", "operators"),
    ("GET", "/admin/users/{id}/impersonate", "operators"),
    ("GET", "/admin/users/{id}/scopes", "operators"),
    ("GET", "/admin/users/{id}/verify", "operators"),
    ("POST", "/admin/impersonation/end", "browser"),
    ("POST", "/admin/users/{id}/ban", "operators"),
    ("POST", "/admin/users/{id}/connections/end", "operators"),
    ("POST", "/admin/users/{id}/delete", "operators"),
    ("POST", "/admin/users/{id}/impersonate", "operators"),
    ("POST", "/admin/users/{id}/scopes", "operators"),
    ("POST", "/admin/users/{id}/sessions/end", "operators"),
    ("POST", "/admin/users/{id}/unban", "operators"),
    ("POST", "/admin/users/{id}/verify", "operators"),
    ("GET", "/account/delete", "browser"),
    ("GET", "/account/email", "browser"),
    ("GET", "/account/export", "browser"),
    ("GET", "/account/password", "browser"),
    ("GET", "/account/password/remove", "browser"),
    ("GET", "/account/profile", "browser"),
    ("GET", "/assets/belgie-{hash}.css", "well-known"),
    ("GET", "/auth/code", "browser"),
    ("GET", "/auth/confirm", "browser"),
    ("GET", "/auth/email/confirm", "browser"),
    ("GET", "/auth/email/undo", "browser"),
    ("GET", "/auth/forgot", "browser"),
    ("GET", "/auth/link", "browser"),
    ("GET", "/auth/link/open", "browser"),
    ("GET", "/auth/reset", "browser"),
    ("GET", "/auth/session", "api"),
    ("GET", "/auth/setup", "browser"),
    ("GET", "/auth/signin", "browser"),
    ("GET", "/auth/signup", "browser"),
    ("GET", "/auth/signup/finish", "browser"),
    ("GET", "/auth/verify", "browser"),
    ("GET", "/dev/outbox", "browser"),
    ("GET", "/dev/outbox/{id}", "browser"),
    ("GET", "/healthz", "machine"),
    ("GET", "/readyz", "machine"),
    ("GET POST DELETE", "/mcp", "mcp"),
    ("POST", "/account/delete", "browser"),
    ("POST", "/account/email", "browser"),
    ("POST", "/account/email/verify", "browser"),
    ("POST", "/account/password", "browser"),
    ("POST", "/account/password/remove", "browser"),
    ("POST", "/account/profile", "browser"),
    ("POST", "/account/sessions/revoke", "browser"),
    ("POST", "/account/sessions/revoke-others", "browser"),
    ("POST", "/auth/code", "browser"),
    ("POST", "/auth/confirm", "browser"),
    ("POST", "/auth/email/confirm", "browser"),
    ("POST", "/auth/email/undo", "browser"),
    ("POST", "/auth/forgot", "browser"),
    ("POST", "/auth/link", "browser"),
    ("POST", "/auth/link/open", "browser"),
    ("POST", "/auth/reset", "browser"),
    ("POST", "/auth/setup", "browser"),
    ("POST", "/auth/signin", "browser"),
    ("POST", "/auth/signout", "browser"),
    ("POST", "/auth/signup", "browser"),
    ("POST", "/auth/signup/finish", "browser"),
    ("POST", "/auth/verify", "browser"),
];

const CORE_COMMANDS: [&str; 11] =
    ["audit", "check", "demo", "doctor", "explain", "migrate", "serve", "session", "simulate", "surface", "user"];

fn room(room: Room) -> &'static str {
    match room {
        Room::WellKnown => "well-known",
        Room::OAuth => "oauth",
        Room::Browser => "browser",
        Room::Return => "return",
        Room::Webhook => "webhook",
        Room::Api => "api",
    }
}

fn tool_line(owner: &str, entry: &ToolEntry) -> String {
    let rule = entry.rule.as_ref().map_or_else(|| "NO RULE".to_owned(), rule_text);
    format!("{}  {rule}  {owner}", entry.tool.name)
}

fn rule_text(rule: &Rule) -> String {
    let mut needs = vec![if rule.is_denial() { "denied to" } else { "signed in" }.to_owned()];
    needs.extend(rule.needs_person().then(|| "a person".to_owned()));
    needs.extend(rule.needs_all_teams().then(|| "no chosen teams".to_owned()));
    let mut add = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            needs.push(format!("{name} {}", values.join(" ")));
        }
    };
    add("scope", rule.scopes().iter().map(ToString::to_string).collect());
    let any = || if rule.needs_organization() { vec!["any".to_owned()] } else { Vec::new() };
    let named: Vec<String> = rule.organizations().iter().cloned().collect();
    add("organization", if named.is_empty() { any() } else { named });
    add("role", rule.roles().iter().cloned().collect());
    add("permission", rule.permissions().iter().cloned().collect());
    add("permission if any", rule.permissions_there().iter().cloned().collect());
    add("team", rule.teams().iter().cloned().collect());
    add("plan", rule.plans().iter().cloned().collect());
    add("entitlement", rule.entitlements().iter().cloned().collect());
    add("meter", rule.meters().iter().map(|(meter, units)| format!("{meter}={units}")).collect());
    needs.join(", ")
}

fn scope_line(owner: &str, scope: &ScopeInfo) -> String {
    let grant = match scope.grant {
        ScopeGrant::ByDefault => "by default",
        ScopeGrant::OnRequest => "on request",
    };
    let list = |title: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("  {title} {}", names.join(" ")),
    };
    let implied: Vec<String> = scope.implies.iter().map(|name| name.clone().into_owned()).collect();
    let rest = list("implies", &implied) + &list("at", &scope.resources);
    format!("{}  {grant}  {owner}{rest}", scope.name)
}
