//! Decisions on their way to the database and back: those that are written at once and were made in one hour are one row. What
//! they have in common is written once; a call costs a few dozen bytes and no row of its own.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use belgie_api::{DecisionId, Failure, GrantId, OrgId, Result, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kept_caller::storable;
use super::recorder::Decision;
use crate::store::decisions::{BatchRow, NewBatch, SPAN};

/// So many bits of an entry's id are its place in its batch.
const PLACE_BITS: u32 = 12;
const PLACES: u128 = 1 << PLACE_BITS;

/// A batch as it is kept.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    sorts: Vec<Sort<'a>>,
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
}

/// What entries have in common.
#[derive(Serialize, Deserialize)]
struct Sort<'a> {
    organization: Option<OrgId>,
    user: Option<UserId>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<GrantId>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    decision: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    rules: i64,
    caller: Option<Uuid>,
}

/// Of which sort it is, how many microseconds after the first of its batch, how many it took, and in which request.
#[derive(Serialize, Deserialize)]
struct Entry<'a>(usize, i64, i64, #[serde(borrow)] Option<Cow<'a, str>>);

/// What a decision shares with others. `caller`: the number of the caller in this batch.
#[derive(PartialEq, Eq, Hash)]
struct SortKey<'a> {
    caller: usize,
    kind: &'static str,
    name: &'a str,
    decision: &'static str,
    outcome: &'static str,
    rules: i64,
}

/// Puts decisions together. They must not be more than there are places for in a batch.
#[derive(Default)]
pub(super) struct Packer<'a> {
    hours: HashMap<i64, Pack<'a>>,
}

#[derive(Default)]
struct Pack<'a> {
    sorts: Vec<Sort<'a>>,
    known: HashMap<SortKey<'a>, usize>,
    entries: Vec<(Timestamp, usize, i64, Option<&'a Arc<str>>)>,
}

impl<'a> Packer<'a> {
    /// Adds a decision. `number`: that of its caller in this batch; `caller`: where the caller is kept.
    pub(super) fn add(&mut self, decision: &'a Decision, number: usize, caller: Uuid) {
        let Decision { at, took, caller: who, request_id, kind, name, decision, outcome, rules } = decision;
        let pack = self.hours.entry(hour_of(*at)).or_default();
        let key = SortKey { caller: number, kind, name, decision, outcome, rules: *rules };
        let sorts = &mut pack.sorts;
        let sort = *pack.known.entry(key).or_insert_with(|| {
            sorts.push(Sort {
                organization: who.organization().map(|organization| organization.id),
                user: Some(who.user().id),
                client: Some(who.client().id.as_str().into()),
                grant: who.principal().grant(),
                kind: (*kind).into(),
                name: storable(name).into(),
                decision: (*decision).into(),
                outcome: (*outcome).into(),
                rules: *rules,
                caller: Some(caller),
            });
            sorts.len() - 1
        });
        let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        pack.entries.push((*at, sort, took, request_id.as_ref()));
    }

    /// Adds that entries are missing on the record of an organization, or on that of none.
    pub(super) fn add_gap(&mut self, organization: Option<OrgId>, lost: u64, now: Timestamp) {
        let pack = self.hours.entry(hour_of(now)).or_default();
        pack.sorts.push(Sort {
            organization,
            user: None,
            client: None,
            grant: None,
            kind: "gap".into(),
            name: lost.to_string().into(),
            decision: "lost".into(),
            outcome: "lost".into(),
            rules: 0,
            caller: None,
        });
        pack.entries.push((now, pack.sorts.len() - 1, 0, None));
    }

    /// The batches. `new_id`: makes ids.
    ///
    /// # Errors
    /// When one cannot be written as JSON.
    pub(super) fn finish(self, mut new_id: impl FnMut() -> DecisionId) -> Result<Vec<NewBatch>> {
        self.hours.into_values().map(|pack| pack.finish(new_id().uuid())).collect()
    }
}

impl Pack<'_> {
    fn finish(mut self, id: Uuid) -> Result<NewBatch> {
        self.entries.sort_by_key(|entry| entry.0);
        let ends = self.entries.first().zip(self.entries.last());
        let (first, last) = ends.map_or((Timestamp::EPOCH, Timestamp::EPOCH), |(first, last)| (first.0, last.0));
        let subjects: BTreeSet<Uuid> = self
            .sorts
            .iter()
            .flat_map(|sort| [sort.organization.map(OrgId::uuid), sort.user.map(UserId::uuid)])
            .flatten()
            .collect();
        let entry = |(at, sort, took, request): &(Timestamp, usize, i64, Option<&'_ Arc<str>>)| {
            let after = at.unix_micros().saturating_sub(first.unix_micros());
            Entry(*sort, after, *took, request.map(|id| Cow::Owned(id.to_string())))
        };
        let count = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        let body = Body { entries: self.entries.iter().map(entry).collect(), sorts: self.sorts };
        Ok(NewBatch {
            id: entry_id(id, 0).uuid(),
            first_at: first,
            last_at: last,
            count,
            body: serde_json::to_string(&body).map_err(Failure::internal)?,
            subjects: subjects.into_iter().collect(),
        })
    }
}

/// A decision on record.
#[derive(Clone, Debug)]
pub struct DecisionRow {
    /// When it was made.
    pub at: Timestamp,
    /// The entry.
    pub id: DecisionId,
    /// For which organization the call was made.
    pub organization: Option<OrgId>,
    /// Whose call it was; `None` in a gap.
    pub user: Option<UserId>,
    /// Through which client.
    pub client: Option<String>,
    /// What was to be done.
    pub kind: String,
    /// To what; in a gap, how many entries are missing.
    pub name: String,
    /// Whether it was allowed, and if not why.
    pub decision: String,
    /// What came of it.
    pub outcome: String,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// In which request.
    pub request_id: Option<String>,
    /// The fingerprint of the rules that were asked.
    pub rules: i64,
    /// Where it is kept what the caller was.
    pub caller: Option<Uuid>,
}

/// What entries on record have in common, to choose by.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) organization: Option<OrgId>,
    pub(super) user: Option<UserId>,
    pub(super) client: Option<&'a str>,
    pub(super) grant: Option<GrantId>,
    pub(super) name: &'a str,
    pub(super) outcome: &'a str,
}

/// The entries of a batch that are wanted, the oldest first.
///
/// # Errors
/// When the batch is not what this program writes.
pub(super) fn unpack(row: &BatchRow, is_wanted: impl Fn(Common<'_>) -> bool) -> Result<Vec<DecisionRow>> {
    let body: Body<'_> = serde_json::from_str(&row.body).map_err(Failure::internal)?;
    let wanted: Vec<bool> = body
        .sorts
        .iter()
        .map(|sort| {
            let Sort { organization, user, client, grant, name, outcome, .. } = sort;
            let (organization, user, client, grant) = (*organization, *user, client.as_deref(), *grant);
            is_wanted(Common { organization, user, client, grant, name, outcome })
        })
        .collect();
    let mut found = Vec::new();
    for (place, Entry(number, after, took, request)) in body.entries.iter().enumerate() {
        let Some(sort) = body.sorts.get(*number).filter(|_| wanted.get(*number) == Some(&true)) else { continue };
        found.push(DecisionRow {
            at: Timestamp::from_unix_micros(row.first_at.unix_micros().saturating_add(*after)),
            id: entry_id(row.id, place),
            organization: sort.organization,
            user: sort.user,
            client: sort.client.as_deref().map(str::to_owned),
            kind: sort.kind.to_string(),
            name: sort.name.to_string(),
            decision: sort.decision.to_string(),
            outcome: sort.outcome.to_string(),
            took_us: *took,
            request_id: request.as_deref().map(str::to_owned),
            rules: sort.rules,
            caller: sort.caller,
        });
    }
    Ok(found)
}

fn hour_of(at: Timestamp) -> i64 {
    let span = i64::try_from(SPAN.as_micros()).unwrap_or(i64::MAX);
    at.unix_micros().div_euclid(span)
}

/// The ids of the batch of an entry, and of the least that is greater than all entries of it.
pub(super) fn around(entry: Uuid) -> (Uuid, Uuid) {
    let batch = entry.as_u128() / PLACES * PLACES;
    (Uuid::from_u128(batch), Uuid::from_u128(batch.saturating_add(PLACES)))
}

/// The id of the entry at a place of a batch.
fn entry_id(batch: Uuid, place: usize) -> DecisionId {
    let place = u128::try_from(place).unwrap_or_default() % PLACES;
    DecisionId::from_uuid(Uuid::from_u128(batch.as_u128() / PLACES * PLACES + place))
}
