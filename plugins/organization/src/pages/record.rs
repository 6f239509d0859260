//! What is on record about an organization, in words.

use std::collections::BTreeMap;

use belgie_api::axum::response::Response;
use belgie_api::ports::{AuditPage, AuditRecord, RecordKind, Stretch};
use belgie_api::web::Visitor;
use belgie_api::{Result, Timestamp, UserId};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::faces::face;
use crate::service::{Details, Organizations, Sought, person_in};

const RECORD: &str = "organization/record.html";

/// The client of our own pages.
const PAGES: &str = "web";
/// The client of personal access tokens.
const PERSONAL: &str = "personal";

/// What the page shows.
pub struct Record<'a> {
    /// What was asked for.
    pub sought: &'a Sought,
    /// What there is of it.
    pub found: &'a AuditPage,
    /// The names of members.
    pub names: &'a BTreeMap<UserId, String>,
}

/// The record of an organization.
///
/// # Errors
/// When the page cannot be rendered.
pub fn record(
    organizations: &Organizations,
    visitor: &Visitor,
    details: &Details,
    shown: &Record<'_>,
    error: Option<&str>,
) -> Result<Response> {
    let Record { sought, found, names } = shown;
    let home = format!("/organizations/{}/audit", details.organization.slug);
    let now = organizations.now();
    let query = query_of(sought);
    let older = found.rest.and_then(Stretch::place).map(|place| {
        let before = format!("before={place}");
        if query.is_empty() { format!("{home}?{before}") } else { format!("{home}?{query}&{before}") }
    });
    let with_query = |path: String| if query.is_empty() { path } else { format!("{path}?{query}") };
    let context = json!({
        "organization": face(&details.organization),
        "action": home,
        "user": sought.user,
        "client": sought.client,
        "tool": sought.tool,
        "result": sought.result,
        "kind": sought.kind,
        "since": sought.since,
        "is_narrowed": !query.is_empty(),
        "entries": found.records.iter().map(|record| entry(record, names, &home, now)).collect::<Vec<_>>(),
        "older": older,
        "looked_to": found.looked_to().map(|at| json!({ "ago": at.ago(now), "iso": at })),
        "newest": (!sought.before.is_empty()).then(|| with_query(home.clone())),
        "download": with_query(format!("{home}.jsonl")),
        "error": error,
    });
    organizations.host().pages().page(visitor, RECORD, "Record", context)
}

/// The query that asks for the same, from the beginning.
fn query_of(sought: &Sought) -> String {
    let Sought { user, client, tool, result, kind, since, until, .. } = sought;
    let pairs = [
        ("user", user),
        ("client", client),
        ("tool", tool),
        ("result", result),
        ("type", kind),
        ("since", since),
        ("until", until),
    ];
    let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}

fn entry(record: &AuditRecord, names: &BTreeMap<UserId, String>, home: &str, now: Timestamp) -> Value {
    let somebody = |user: UserId| match names.get(&user) {
        Some(name) => json!({ "name": name, "is_known": true }),
        None => json!({ "name": user.to_string(), "is_known": false }),
    };
    // A service is its own client.
    let agent = record.client.as_ref().filter(|client| client.as_str() != PAGES && record.service.is_none());
    let agent = agent.map(|client| {
        let own = || if client.as_str() == PERSONAL { "a personal token".to_owned() } else { client.to_string() };
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("client", client.as_str()).finish();
        json!({ "name": record.client_name.clone().unwrap_or_else(own), "href": format!("{home}?{query}") })
    });
    let lost = record.details.get("lost").and_then(Value::as_u64);
    let (verdict, tone) = verdict(record);
    // To the organization itself nobody needs to be told.
    let is_telling = |target: &&String| !target.starts_with("org_");
    json!({
        "icon": match record.kind { RecordKind::Act => "check", RecordKind::Decision => "key", RecordKind::Gap => "warning" },
        "actor": record.actor.map(somebody),
        "service": record.service.as_ref().map(|own| json!({ "name": own.name, "id": own.id })),
        "is_worn": record.impersonator.is_some(),
        "agent": agent,
        "words": words(record),
        "person": person_in(record).filter(|person| Some(*person) != record.actor).map(somebody),
        "target": record.target.as_ref().filter(is_telling),
        "verdict": verdict,
        "tone": tone,
        "reason": record.details.get("code").and_then(Value::as_str).filter(|_| record.outcome == "refused"),
        "lost": lost,
        "at": record.at.ago(now),
        "at_iso": record.at,
        "took": record.took_us.filter(|_| record.decision.as_deref() == Some("allowed")).map(duration),
        "action": record.action,
        "request": record.request_id,
    })
}

/// What came of it, and how that sounds.
fn verdict(record: &AuditRecord) -> (&'static str, &'static str) {
    match (record.kind, record.decision.as_deref(), record.outcome.as_str()) {
        (RecordKind::Gap, ..) => ("Missing", "badge-danger"),
        (_, Some("hidden"), _) => ("Refused: not for them", "badge-danger"),
        (_, Some("unknown"), _) => ("Refused: no such thing", "badge-warning"),
        (_, Some("scope_missing"), _) => ("Refused: scope missing", "badge-warning"),
        (_, Some("plan_too_small"), _) => ("Refused: not in the plan", "badge-warning"),
        (_, Some("arguments_refused"), _) => ("Refused: not with these arguments", "badge-danger"),
        (_, Some("arguments_too_large"), _) => ("Refused: arguments too large", "badge-danger"),
        (_, Some("undecided"), _) => ("Refused: undecided", "badge-danger"),
        (_, _, "quota_exceeded") => ("Refused: used up", "badge-warning"),
        (_, _, "rate_exceeded") => ("Refused: too many at once", "badge-warning"),
        (_, _, "refused") => ("Refused", "badge-danger"),
        (_, _, "failed") => ("Failed", "badge-warning"),
        (_, _, "error") => ("Error", "badge-warning"),
        (_, _, "cut_off") => ("Cut off", "badge-warning"),
        _ => ("Done", ""),
    }
}

fn duration(micros: i64) -> String {
    match micros {
        ..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// An act in words that stand between whoever did it and whom it was done to; one of others speaks for itself.
fn words(record: &AuditRecord) -> &str {
    match record.action.as_str() {
        "tool.call" => "called",
        "prompt.get" => "asked for the prompt",
        "resource.read" => "read",
        "completion.ask" => "asked for completions of",
        "task.use" => "looked after the task",
        "server.use" => "spoke to",
        "organization.created" => "made the organization",
        "organization.updated" => "changed the settings",
        "organization.deleted" => "deleted the organization",
        "organization.invited" => "invited somebody",
        "organization.invitation_accepted" => "accepted an invitation",
        "organization.invitation_rejected" => "declined an invitation",
        "organization.invitation_canceled" => "took an invitation back",
        "organization.member_added" => "added",
        "organization.member_removed" => "removed",
        "organization.roles_set" => "set the roles of",
        "organization.left" => "left",
        "organization.ownership_transferred" => "handed the organization on to",
        "organization.role_created" => "made a role",
        "organization.role_updated" => "changed a role",
        "organization.role_deleted" => "deleted a role",
        "organization.service_created" => "made a service",
        "organization.service_revoked" => "ended a service",
        "team.created" => "made a team",
        "team.renamed" => "renamed a team",
        "team.deleted" => "deleted a team",
        "team.member_added" => "brought somebody into a team",
        "team.member_removed" => "removed somebody from a team",
        "team.roles_set" => "set roles in a team",
        "team.left" => "left a team",
        "organization.member_sought" | "team.member_sought" => "looked for somebody",
        "consent.given" => "let an agent act for the organization:",
        "consent.remembered" => "let an agent act for the organization again, as remembered:",
        "grant.made" => "is connected:",
        "grant.ended" => "ended a connection",
        "connection.revoked" | "organization.agent_cut" => "cut off an agent",
        "connection.narrowed" | "organization.agent_narrowed" => "let an agent do less",
        "token.created" => "made a token",
        "token.revoked" => "ended a token",
        "token.exchanged" => "handed less of a token on to another program",
        "record.exported" => "took the record along",
        other => other,
    }
}
