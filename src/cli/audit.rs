//! `belgie audit`: what is on record.

use std::io::{BufWriter, ErrorKind, Write, stdout};
use std::process::ExitCode;

use belgie_api::command::Output;
use belgie_api::ports::{
    Audit, AuditFilter, AuditPage, AuditRecord, AuditResult, Cursor, Place, RecordKind, Stretch, read_moment,
};
use belgie_api::{ClientId, Failure, OrgId, Result, Timestamp};
use serde_json::json;

use super::account::find;
use super::args::{AuditVerb, ExportArgs, PartArgs, RecordArgs};
use super::output::{CliError, print};
use crate::gateway::Gateway;

/// How many entries an export reads at a time.
const AT_ONCE: u32 = 500;

/// `belgie audit ...`
pub async fn audit(gateway: &Gateway, verb: AuditVerb, as_json: bool) -> Result<ExitCode, CliError> {
    match verb {
        AuditVerb::List(wanted) => print(&list(gateway, wanted).await?, as_json)?,
        AuditVerb::Export(wanted) => export(gateway, wanted).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(gateway: &Gateway, wanted: RecordArgs) -> Result<Output> {
    let RecordArgs { user, part, client, tool, denied, only, limit, before } = wanted;
    let before = before.as_deref().map(place).transpose()?;
    let filter = AuditFilter {
        user: match user.as_deref().map(|wish| (wish, wish.parse())) {
            None => None,
            // Of who is gone, only the id is left.
            Some((_, Ok(user))) => Some(user),
            Some((email, Err(_))) => Some(find(gateway.identity(), email).await?),
        },
        client: client.map(ClientId::from_wire),
        name: tool,
        only: only.as_deref().map(kind).transpose()?,
        result: if denied { AuditResult::Refused } else { AuditResult::Any },
        ..part_of(gateway, &part).await?
    };
    let AuditPage { records, rest } = look(gateway, &filter, Stretch::Before(before, limit)).await?;
    let mut lines: Vec<String> = records.iter().map(line).collect();
    if records.is_empty() {
        lines.push("Nothing is on record.".to_owned());
    }
    let place = rest.and_then(Stretch::place);
    lines.extend(place.map(|place| format!("There may be older ones: add --before {place}")));
    Ok(Output::new(lines.join("\n"), json!(records)))
}

/// As many as are wanted, or all there are: short pages are gone on from.
async fn look(gateway: &Gateway, filter: &AuditFilter, mut stretch: Stretch) -> Result<AuditPage> {
    let limit = stretch.limit() as usize;
    let mut all = AuditPage::default();
    loop {
        let AuditPage { records, rest } = gateway.archive().list(filter, stretch).await?;
        all.records.extend(records);
        all.rest = rest;
        match rest {
            Some(rest) if all.records.len() < limit => stretch = rest,
            _ => break,
        }
    }
    if all.records.len() > limit {
        all.records.truncate(limit);
        all.rest = all.records.last().and_then(|last| stretch.behind(last));
    }
    Ok(all)
}

fn line(record: &AuditRecord) -> String {
    let service = record.service.as_ref().map(|own| format!("{} {}", own.id, own.name).trim_end().to_owned());
    let who = service.or_else(|| record.actor.map(|id| id.to_string())).unwrap_or_else(|| "the host".to_owned());
    let worn = record.impersonator.map(|operator| format!(" (worn by {operator})")).unwrap_or_default();
    let target = record.target.as_deref().unwrap_or_default();
    let verdict = record.decision.as_deref().filter(|decision| *decision != "allowed").unwrap_or(&record.outcome);
    let lost = record.details.get("lost").map(|lost| format!("  {lost} missing")).unwrap_or_default();
    format!("{}  {}  {who}{worn}  {target}  {verdict}{lost}", record.at, record.action)
}

/// Prints an entry on each line, oldest first, while they are read.
async fn export(gateway: &Gateway, wanted: ExportArgs) -> Result<()> {
    let ExportArgs { part, after } = wanted;
    let cursor = after.as_deref().map(cursor).transpose()?;
    let part = part_of(gateway, &part).await?;
    let filter = AuditFilter { until: part.until.or_else(|| Some(gateway.archive().now())), ..part };
    let mut stretch = cursor.map_or(Stretch::After(None, AT_ONCE), |cursor| Stretch::Written(cursor, AT_ONCE));
    loop {
        let AuditPage { records, rest } = gateway.archive().list(&filter, stretch).await?;
        match write(&records) {
            Ok(()) => {}
            // Whoever reads has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::internal(error)),
        }
        match rest {
            Some(next) => stretch = next,
            None => return Ok(()),
        }
    }
}

fn write(records: &[AuditRecord]) -> std::io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    for record in records {
        serde_json::to_writer(&mut out, record)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// What the arguments that all commands share ask for.
pub async fn part_of(gateway: &Gateway, part: &PartArgs) -> Result<AuditFilter> {
    Ok(AuditFilter {
        organization: organization(gateway, part.org.as_deref()).await?,
        since: moment(gateway, part.since.as_deref())?,
        until: moment(gateway, part.until.as_deref())?,
        ..AuditFilter::default()
    })
}

/// The organization of a name in URLs or an id. A deleted one has only its id left.
async fn organization(gateway: &Gateway, wish: Option<&str>) -> Result<Option<OrgId>> {
    let Some(wish) = wish.map(str::trim) else { return Ok(None) };
    if let Ok(id) = wish.parse() {
        return Ok(Some(id));
    }
    let found = gateway.find_organization(wish).await?;
    found.map(Some).ok_or_else(|| {
        Failure::not_found("audit.unknown_organization", format!("There is no organization `{wish}`."))
            .hint("`belgie org list` shows them; a deleted one is named by its id, `org_...`.")
    })
}

/// A moment as it is typed.
fn moment(gateway: &Gateway, text: Option<&str>) -> Result<Option<Timestamp>> {
    let now = gateway.archive().now();
    let unreadable = |text: &str| {
        Failure::bad_request("audit.moment_invalid", format!("`{text}` is no moment."))
            .hint("Write a day (2026-11-05), RFC 3339 (2026-11-05T12:00:00Z), or how long ago: 30m, 24h, 7d.")
    };
    text.map(|text| read_moment(text, now).ok_or_else(|| unreadable(text))).transpose()
}

/// Where to go on in the order of writing.
fn cursor(text: &str) -> Result<Cursor> {
    text.trim().parse().map_err(|()| {
        Failure::bad_request("audit.after_invalid", format!("`{text}` is no place in the record."))
            .hint("Write `start`, or the `id` of the last line you have: aud_... or dec_...")
    })
}

/// Where to go on in a list.
fn place(text: &str) -> Result<Place> {
    text.trim().parse().map_err(|()| {
        Failure::bad_request("audit.before_invalid", format!("`{text}` is no place in the record."))
            .hint("Write what the last line of the list before it says.")
    })
}

fn kind(text: &str) -> Result<RecordKind> {
    match text {
        "acts" => Ok(RecordKind::Act),
        "decisions" => Ok(RecordKind::Decision),
        _ => Err(Failure::bad_request("audit.only_invalid", "`--only` takes acts or decisions.")),
    }
}
