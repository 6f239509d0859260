//! The record: acts, calls and what came of them.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use belgie_api::ports::{AuditFilter, AuditPage, Place, RecordKind, Stretch};
use belgie_api::{ClientId, Failure, OrgId, Result, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::operator::Operator;
use crate::identity::{ActInfo, Named};
use crate::web::Web;

const SHOWN: u32 = 100;

/// Which part is asked for, as the command line asks for it. What is empty asks for nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RecordQuery {
    user: String,
    org: String,
    client: String,
    tool: String,
    result: String,
    #[serde(rename = "type")]
    kind: String,
    since: String,
    until: String,
    before: String,
}

impl RecordQuery {
    async fn read(&self, web: &Web) -> Result<(AuditFilter, Stretch)> {
        let moment = |text: &str| match given(text) {
            None => Ok(None),
            Some(text) => web.identity.moment_in(text).map(Some).ok_or_else(|| unreadable("moment")),
        };
        let user = match given(&self.user).map(|text| (text, text.parse::<UserId>())) {
            None => None,
            // Of who is gone, only the id is left.
            Some((_, Ok(user))) => Some(user),
            Some((email, Err(_))) => {
                let found = web.identity.find_person_by_email(email).await?;
                Some(found.ok_or_else(|| unknown("Nobody has this address or id."))?.id)
            }
        };
        let organization = match given(&self.org).map(|text| (text, text.parse::<OrgId>())) {
            None => None,
            Some((_, Ok(id))) => Some(id),
            Some((slug, Err(_))) => {
                let found = web.callers.find_organization(slug).await?;
                Some(found.ok_or_else(|| unknown("There is no such organization."))?)
            }
        };
        let only = match self.kind.as_str() {
            "" => None,
            "act" => Some(RecordKind::Act),
            "decision" => Some(RecordKind::Decision),
            _ => return Err(unreadable("type")),
        };
        let filter = AuditFilter {
            organization,
            user,
            client: given(&self.client).map(ClientId::from_wire),
            grant: None,
            name: given(&self.tool).map(str::to_owned),
            only,
            result: self.result.parse().map_err(|()| unreadable("result"))?,
            since: moment(&self.since)?,
            until: moment(&self.until)?,
        };
        let before = given(&self.before).map(str::parse::<Place>).transpose().map_err(|()| unreadable("place"))?;
        Ok((filter, Stretch::Before(before, SHOWN)))
    }

    /// The query that asks for the same, from the newest on.
    fn text(&self) -> String {
        let Self { user, org, client, tool, result, kind, since, until, .. } = self;
        let pairs = [
            ("user", user),
            ("org", org),
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
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn unreadable(what: &str) -> Failure {
    let message = format!("The {what} cannot be read. Write moments as 2026-11-05, in RFC 3339 or as 7d.");
    Failure::bad_request("audit.unreadable", message)
}

fn unknown(message: &'static str) -> Failure {
    Failure::bad_request("audit.unknown", message)
}

/// `GET /admin/audit`
pub async fn page(
    State(web): State<Arc<Web>>,
    operator: Operator,
    Query(asked): Query<RecordQuery>,
) -> Result<Response> {
    let (found, error) = match asked.read(&web).await {
        Ok((filter, stretch)) => (web.host.audit().list(&filter, stretch).await?, None),
        Err(failure) if failure.status().is_server_error() => return Err(failure),
        Err(failure) => (AuditPage::default(), Some(failure.message().to_owned())),
    };
    let query = asked.text();
    let older = found.rest.and_then(Stretch::place);
    let older =
        older.map(|place| format!("/admin/audit?{query}{}before={place}", if query.is_empty() { "" } else { "&" }));
    let looked_to = found.looked_to();
    let context = json!({
        "user": asked.user,
        "org": asked.org,
        "client": asked.client,
        "tool": asked.tool,
        "result": asked.result,
        "kind": asked.kind,
        "since": asked.since,
        "until": asked.until,
        "is_narrowed": !query.is_empty(),
        "error": error,
        "older": older,
        "looked_to": looked_to.map(|at| json!({ "ago": web.identity.ago(at), "iso": at })),
        "newest": (!asked.before.is_empty()).then(|| format!("/admin/audit?{query}")),
        "acts": describe(&web.identity.show_records(found.records).await?),
    });
    web.pages.page(&operator.visitor, "admin_audit.html", "Record", context)
}

/// Acts, as lists show them.
pub fn describe(acts: &[ActInfo]) -> Vec<Value> {
    acts.iter().map(describe_one).collect()
}

fn describe_one(act: &ActInfo) -> Value {
    let who = |named: &Option<Named>| {
        let named = named.as_ref()?;
        Some(json!({ "name": named.name, "href": named.user.map(|user| format!("/admin/users/{user}")) }))
    };
    json!({
        "action": act.action,
        "label": label(&act.action),
        "actor": who(&act.actor),
        "impersonator": who(&act.impersonator),
        "target": who(&act.target),
        "service": act.service,
        // Of our own pages nobody needs to be told.
        "client": act.client.as_ref().filter(|client| *client != "web"),
        "verdict": act.verdict,
        "lost": act.lost,
        "ip": act.ip,
        "reason": act.reason,
        "at": act.ago,
        "at_iso": act.at,
    })
}

/// The act in words that stand before the one it was done to; an act of a plugin speaks for itself.
fn label(action: &str) -> &str {
    match action {
        "user.banned" => "banned",
        "user.unbanned" => "took back the ban of",
        "user.created" => "made the account",
        "user.deleted" => "deleted the account",
        "user.scopes_set" => "set the permissions of",
        "user.verified" => "marked the address as proven of",
        "session.ended" => "ended a session of",
        "session.all_ended" => "ended all sessions of",
        "session.others_ended" => "ended all other sessions of",
        "profile.changed" => "changed the profile of",
        "connection.ended" => "cut off an agent of",
        "access.explained" => "asked why something is open or closed to",
        "consent.given" => "let in",
        "consent.refused" => "did not let in",
        "connection.revoked" => "cut off",
        "impersonation.began" => "began to see the pages as",
        "tool.call" => "called",
        "prompt.get" => "asked for the prompt",
        "resource.read" => "read",
        "completion.ask" => "asked for completions of",
        "task.use" => "looked after the task",
        "server.use" => "spoke to",
        "impersonation.ended" => "stopped seeing the pages as",
        other => other,
    }
}
