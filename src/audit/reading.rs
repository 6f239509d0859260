//! Reading decisions: batch after batch, until there are as many as are wanted or no others can come between.

use std::collections::HashMap;
use std::time::Duration;

use belgie_api::db::Conn;
use belgie_api::ports::{AuditFilter, Cursor, Place, Stretch};
use belgie_api::{OrgId, Result, Timestamp, UserId};
use uuid::Uuid;

use super::batch::{Common, DecisionRow, around, unpack};
use crate::store::decisions::{self, BatchRow, Bounds, LAST_MOMENT, SPAN, Sought, outcome_class};

/// How many batches are read at a time.
const AT_A_TIME: i64 = 8;
/// How much text of batches is read for a page: some 50,000 decisions.
const MOST_BYTES: usize = 8 << 20;
const A_MICROSECOND: Duration = Duration::from_micros(1);

/// Decisions that are the same but for their moments.
#[derive(Clone, Debug)]
pub struct DecisionGroup {
    /// What was to be done.
    pub kind: String,
    /// To what.
    pub name: String,
    /// Whether it was allowed, and if not why.
    pub decision: String,
    /// The fingerprint of the rules that were asked.
    pub rules: i64,
    /// Whose calls they were.
    pub user_id: Option<UserId>,
    /// For which organization.
    pub organization_id: Option<OrgId>,
    /// Through which client.
    pub client_id: Option<String>,
    /// What the caller was.
    pub caller_id: Uuid,
    /// How many.
    pub count: i64,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

/// Decisions of a stretch.
#[derive(Debug, Default)]
pub struct Found {
    /// What was found.
    pub rows: Vec<DecisionRow>,
    /// Where to go on, when enough was looked through before there were as many as are wanted.
    pub rest: Option<Stretch>,
}

/// How much may still be looked through for a page, so that a wish that matches next to nothing does not read the whole record.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    batches: usize,
    bytes: usize,
}

impl Effort {
    /// As many batches as this, and no fewer than entries are wanted.
    pub fn new(batches: usize, stretch: Stretch) -> Self {
        Self { batches: batches.max(stretch.limit() as usize), bytes: MOST_BYTES }
    }

    fn spend(&mut self, row: &BatchRow) {
        self.batches = self.batches.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(row.body.len());
    }

    const fn is_spent(self) -> bool {
        self.batches == 0 || self.bytes == 0
    }
}

/// Batches one after the other.
struct Batches {
    next: Sought,
    is_over: bool,
}

impl Batches {
    fn new(mut sought: Sought) -> Self {
        sought.limit = AT_A_TIME;
        Self { next: sought, is_over: false }
    }

    /// The next ones; none when there are no more.
    async fn read(&mut self, conn: &mut Conn) -> Result<Vec<BatchRow>> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let rows = decisions::batches(conn, &self.next).await?;
        self.is_over = i64::try_from(rows.len()).unwrap_or(i64::MAX) < AT_A_TIME;
        if let Some(last) = rows.last() {
            self.next.after = (self.end_of(last), last.id);
        }
        Ok(rows)
    }

    fn end_of(&self, row: &BatchRow) -> Timestamp {
        if self.next.is_newest_first { row.last_at } else { row.first_at }
    }
}

/// The newest decisions that are wanted, however far back they are.
///
/// # Errors
/// When the database does not answer.
pub async fn latest(conn: &mut Conn, wanted: &AuditFilter, limit: u32) -> Result<Vec<DecisionRow>> {
    let mut all = Vec::new();
    let mut stretch = Stretch::Before(None, limit);
    loop {
        let Found { rows, rest } = list(conn, wanted, stretch, Effort::new(0, stretch)).await?;
        all.extend(rows);
        match rest {
            Some(rest) if all.len() < limit as usize => stretch = rest,
            _ => break,
        }
    }
    all.truncate(limit as usize);
    Ok(all)
}

/// A stretch of the record, as wanted.
///
/// # Errors
/// When the database does not answer.
pub async fn list(conn: &mut Conn, wanted: &AuditFilter, stretch: Stretch, mut effort: Effort) -> Result<Found> {
    let Bounds { since, until, place, is_newest_first, limit } = Bounds::of(wanted, stretch);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (from, to) = if is_newest_first { (since, until.min(place.at)) } else { (since.max(place.at), until) };
    let mut batches = Batches::new(Sought {
        subject: subject_of(wanted),
        since: from,
        until: to,
        is_newest_first,
        // Batches that hold something of the stretch end and begin no further away than this.
        after: if is_newest_first {
            (to.plus(SPAN).min(LAST_MOMENT), Uuid::max())
        } else {
            (from.minus(SPAN), Uuid::nil())
        },
        limit: 0,
    });
    let is_wanted = |common: Common<'_>| fits(common, wanted);
    let mut found: Vec<DecisionRow> = Vec::new();
    loop {
        let rows = batches.read(conn).await?;
        let Some(last) = rows.last() else { break };
        for row in &rows {
            let is_between = |entry: &DecisionRow| {
                let at = Place { at: entry.at, id: entry.id.uuid() };
                entry.at >= since && entry.at < until && if is_newest_first { at < place } else { at > place }
            };
            found.extend(unpack(row, is_wanted)?.into_iter().filter(is_between));
        }
        found.sort_unstable_by_key(|entry| (entry.at, entry.id));
        if is_newest_first {
            found.reverse();
        }
        found.truncate(limit);
        let end = batches.end_of(last);
        let is_settled = |entry: &DecisionRow| if is_newest_first { entry.at > end } else { entry.at < end };
        if limit == 0 || (found.len() == limit && found.last().is_some_and(is_settled)) {
            break;
        }
        // What reaches over the beginning was looked through for the page before: only what is further on is counted, so that
        // every page comes further.
        let is_further = |row: &&BatchRow| if is_newest_first { row.last_at < to } else { row.first_at > from };
        rows.iter().filter(is_further).for_each(|row| effort.spend(row));
        let rest = from_end(end, stretch);
        if effort.is_spent() && !batches.is_over && rest != stretch {
            found.retain(is_settled);
            return Ok(Found { rows: found, rest: Some(rest) });
        }
    }
    Ok(Found { rows: found, rest: None })
}

/// The stretch that begins where all batches that end (or begin) before a moment were read: what is there may come from others.
fn from_end(end: Timestamp, stretch: Stretch) -> Stretch {
    match stretch {
        Stretch::Before(_, limit) => {
            Stretch::Before(Some(Place { at: end.plus(A_MICROSECOND), id: Uuid::nil() }), limit)
        }
        Stretch::After(_, limit) => {
            Stretch::After(Some(Place { at: end.minus(A_MICROSECOND), id: Uuid::max() }), limit)
        }
        Stretch::Written(..) => stretch,
    }
}

/// What was written behind one entry and before an id, in the order of writing, as wanted.
///
/// # Errors
/// When the database does not answer.
pub async fn list_written(
    conn: &mut Conn,
    wanted: &AuditFilter,
    (behind, before): (Uuid, Uuid),
    limit: u32,
    mut effort: Effort,
) -> Result<Found> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let (since, until) = (wanted.since.unwrap_or(Timestamp::EPOCH), wanted.until.unwrap_or(LAST_MOMENT));
    let (mut from, known) = around(behind);
    let mut found = Vec::new();
    let mut rest = None;
    while found.len() < most && rest.is_none() {
        let rows = decisions::batches_written(conn, subject_of(wanted), (from, before), AT_A_TIME).await?;
        let Some(last) = rows.last() else { break };
        (_, from) = around(last.id);
        for row in &rows {
            let is_behind = |entry: &DecisionRow| entry.id.uuid() > behind && entry.at >= since && entry.at < until;
            found.extend(unpack(row, |common| fits(common, wanted))?.into_iter().filter(is_behind));
        }
        // The batch one goes on within was looked through for the page before.
        rows.iter().filter(|row| row.id >= known).for_each(|row| effort.spend(row));
        if effort.is_spent() && i64::try_from(rows.len()).is_ok_and(|count| count >= AT_A_TIME) {
            let last = Cursor::at(Uuid::from_u128(from.as_u128().saturating_sub(1)));
            rest = Some(Stretch::Written(last, limit));
        }
    }
    // When there are more than are wanted, one goes on behind the last of them.
    rest = rest.filter(|_| found.len() < most);
    found.truncate(most);
    Ok(Found { rows: found, rest })
}

/// Whose batches hold everything that is wanted.
fn subject_of(wanted: &AuditFilter) -> Option<Uuid> {
    wanted.user.map(UserId::uuid).or(wanted.organization.map(OrgId::uuid))
}

fn fits(common: Common<'_>, wanted: &AuditFilter) -> bool {
    let class = match common.outcome {
        "done" => "done",
        "refused" | "quota_exceeded" | "rate_exceeded" => "refused",
        _ => "failed",
    };
    wanted.organization.is_none_or(|organization| common.organization == Some(organization))
        && wanted.user.is_none_or(|user| common.user == Some(user))
        && wanted.client.as_ref().is_none_or(|client| common.client == Some(client.as_str()))
        && wanted.grant.is_none_or(|grant| common.grant == Some(grant))
        && wanted.name.as_deref().is_none_or(|name| common.name == name)
        && outcome_class(wanted.result).is_none_or(|wanted| class == wanted)
}

/// The decisions between two moments, of one organization or all, those put together that are the same.
///
/// # Errors
/// When the database does not answer.
pub async fn groups(
    conn: &mut Conn,
    (since, until): (Timestamp, Timestamp),
    organization: Option<OrgId>,
) -> Result<Vec<DecisionGroup>> {
    let subject = organization.map(OrgId::uuid);
    let after = (since.minus(SPAN), Uuid::nil());
    let mut batches = Batches::new(Sought { subject, since, until, is_newest_first: false, after, limit: 0 });
    let mut groups: HashMap<_, DecisionGroup> = HashMap::new();
    loop {
        let rows = batches.read(conn).await?;
        if rows.is_empty() {
            break;
        }
        let is_wanted = |common: Common<'_>| organization.is_none_or(|id| common.organization == Some(id));
        for row in &rows {
            for entry in unpack(row, is_wanted)? {
                let Some(caller_id) = entry.caller.filter(|_| entry.at >= since && entry.at < until) else { continue };
                let DecisionRow { at, organization, user, client, kind, name, decision, rules, .. } = entry;
                let key = (
                    kind.clone(),
                    name.clone(),
                    decision.clone(),
                    rules,
                    user,
                    organization,
                    client.clone(),
                    caller_id,
                );
                let group = groups.entry(key).or_insert_with(|| DecisionGroup {
                    kind,
                    name,
                    decision,
                    rules,
                    user_id: user,
                    organization_id: organization,
                    client_id: client,
                    caller_id,
                    count: 0,
                    first: at,
                    last: at,
                });
                group.count += 1;
                (group.first, group.last) = (group.first.min(at), group.last.max(at));
            }
        }
    }
    let mut groups: Vec<DecisionGroup> = groups.into_values().collect();
    groups.sort_by(|one, other| (&one.kind, &one.name, one.first).cmp(&(&other.kind, &other.name, other.first)));
    Ok(groups)
}
