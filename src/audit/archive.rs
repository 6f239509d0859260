//! The record as a whole: written, read and, when it is too old, taken away.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use belgie_api::context::ServiceContext;
use belgie_api::db::{Conn, Db, Tx};
use belgie_api::ports::{
    Audit, AuditEntry, AuditFilter, AuditPage, AuditRecord, RecordKind, SETTLED_AFTER, Stretch, first_id_at,
};
use belgie_api::{ClientId, Clock, Entropy, OrgId, Result, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::batch::DecisionRow;
use super::kept_caller::KeptCaller;
use super::reading::{self, DecisionGroup, Effort, Found};
use super::recorder::Recorder;
use super::writer::Writer;
use super::{AuditLog, audit};
use crate::store::audit::AuditRow;
use crate::store::decisions;

/// How many old entries are taken away in one transaction.
const AT_ONCE: i64 = 2_000;
/// And how many batches, each of which may be of thousands.
const BATCHES_AT_ONCE: i64 = 64;
const DAY: Duration = Duration::from_hours(24);

/// How long entries are kept; `None`: for good.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// Decisions.
    pub decisions: Option<Duration>,
    /// Acts.
    pub acts: Option<Duration>,
}

/// What there is so much of that it is taken away in bites.
#[derive(Clone, Copy)]
enum Kept {
    Batches,
    Subjects,
    Acts,
}

/// What an [`Archive`] is made of.
pub struct ArchiveParts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where decisions wait.
    pub recorder: Recorder,
    /// How long entries are kept.
    pub retention: Retention,
    /// Through how many batches a page looks.
    pub search_batches: usize,
}

/// The record. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Archive {
    log: AuditLog,
    writer: Arc<Writer>,
    retention: Retention,
    search_batches: usize,
}

impl Archive {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: ArchiveParts) -> Self {
        let ArchiveParts { db, clock, entropy, recorder, retention, search_batches } = parts;
        let log = AuditLog::new(Arc::clone(&clock), Arc::clone(&entropy));
        let (progress, is_failing) = (Mutex::default(), AtomicBool::new(false));
        let writer = Arc::new(Writer { db, clock, entropy, recorder, progress, is_failing });
        Self { log, writer, retention, search_batches }
    }

    /// Where decisions are left.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.writer.recorder
    }

    /// Writes the decisions that wait.
    ///
    /// # Errors
    /// When the database does not answer; then they go on waiting.
    pub async fn flush(&self) -> Result<()> {
        self.writer.flush().await
    }

    /// The same, for the task that does it all the time.
    pub async fn flush_patiently(&self) {
        self.writer.flush_patiently().await;
    }

    /// Takes away what is older than the operator wants to keep.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn purge(&self) -> Result<()> {
        let now = self.writer.clock.now();
        if let Some(before) = self.retention.decisions.map(|kept| now.minus(kept)) {
            self.take_away(Kept::Batches, before).await?;
            self.take_away(Kept::Subjects, before).await?;
            let mut tx = self.writer.db.begin().await?;
            // A caller belongs to the decisions of one day.
            decisions::purge_callers(&mut tx, before.minus(DAY)).await?;
            tx.commit(now).await?;
        }
        if let Some(before) = self.retention.acts.map(|kept| now.minus(kept)) {
            self.take_away(Kept::Acts, before).await?;
        }
        Ok(())
    }

    /// Takes away what is older than a moment, a bite in each transaction.
    async fn take_away(&self, kept: Kept, before: Timestamp) -> Result<()> {
        loop {
            let mut tx = self.writer.db.begin().await?;
            let most = if matches!(kept, Kept::Batches) { BATCHES_AT_ONCE } else { AT_ONCE };
            let count = match kept {
                Kept::Batches => decisions::purge(&mut tx, before, most).await?,
                Kept::Subjects => decisions::purge_subjects(&mut tx, before, most).await?,
                Kept::Acts => audit::purge(&mut tx, before, most).await?,
            };
            tx.commit(self.writer.clock.now()).await?;
            if count < most.unsigned_abs() {
                return Ok(());
            }
        }
    }

    /// A moment before which nothing was decided since another; `None` when nothing was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn nothing_before(&self, since: Timestamp) -> Result<Option<Timestamp>> {
        decisions::nothing_before(&mut self.writer.db.read().await?, since).await
    }

    /// The decisions between two moments, of one organization or all, those put together that are the same.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn decision_groups(
        &self,
        between: (Timestamp, Timestamp),
        organization: Option<OrgId>,
    ) -> Result<Vec<DecisionGroup>> {
        reading::groups(&mut self.writer.db.read().await?, between, organization).await
    }

    /// What is kept of a caller; `None` when it is not kept any more, or was written by a version that kept something else.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn kept_caller(&self, id: Uuid) -> Result<Option<KeptCaller>> {
        read_caller(&mut self.writer.db.read().await?, id).await
    }

    /// The present moment, as the record sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.writer.clock.now()
    }
}

#[async_trait]
impl Audit for Archive {
    async fn record(&self, tx: &mut Tx, entry: &AuditEntry) -> Result<()> {
        self.log.record(tx, entry).await
    }

    async fn list(&self, wanted: &AuditFilter, stretch: Stretch) -> Result<AuditPage> {
        self.flush().await?;
        let mut conn = self.writer.db.read().await?;
        let (mut calls, mut acts) = (Found::default(), Vec::new());
        let effort = Effort::new(self.search_batches, stretch);
        let (has_calls, has_acts) =
            (wanted.only != Some(RecordKind::Act), wanted.only.is_none_or(|only| only == RecordKind::Act));
        if let Stretch::Written(cursor, limit) = stretch {
            let between = (cursor.uuid(), first_id_at(self.writer.clock.now().minus(SETTLED_AFTER)));
            if has_calls {
                calls = reading::list_written(&mut conn, wanted, between, limit, effort).await?;
            }
            if has_acts {
                acts = audit::list_written(&mut conn, wanted, between, limit).await?;
            }
        } else {
            if has_calls {
                calls = reading::list(&mut conn, wanted, stretch, effort).await?;
            }
            if has_acts {
                acts = audit::list(&mut conn, wanted, stretch).await?;
            }
        }
        let Found { rows, rest } = calls;
        let callers = callers_of(&mut conn, &rows).await?;
        drop(conn);
        let calls = rows.into_iter().map(|row| {
            let caller = row.caller.and_then(|id| callers.get(&id)?.as_ref());
            of_decision(row, caller)
        });
        // An act further on than calls were looked for waits for the page that has the calls beside it.
        let acts = acts.into_iter().map(of_act).filter(|act| rest.is_none_or(|rest| rest.is_behind(act)));
        let records = in_order(calls.chain(acts).collect(), stretch);
        let is_full = records.len() >= stretch.limit() as usize;
        let rest = if is_full { records.last().and_then(|last| stretch.behind(last)) } else { rest };
        Ok(AuditPage { records, rest })
    }
}

/// As many of them as are wanted, in the order that is wanted.
fn in_order(mut records: Vec<AuditRecord>, stretch: Stretch) -> Vec<AuditRecord> {
    match stretch {
        Stretch::Before(..) => records.sort_by_key(|record| std::cmp::Reverse(record.place())),
        Stretch::After(..) => records.sort_by_key(AuditRecord::place),
        Stretch::Written(..) => records.sort_by_key(AuditRecord::cursor),
    }
    records.truncate(stretch.limit() as usize);
    records
}

/// Of what was written before services had a place of their own, the client says which it was.
fn service_of(client: Option<&str>) -> Option<ServiceContext> {
    client?.parse().ok().map(|id| ServiceContext { id, name: String::new() })
}

fn of_act(row: AuditRow) -> AuditRecord {
    let service = row.service_id.map(|id| ServiceContext { id, name: row.service_name.unwrap_or_default() });
    AuditRecord {
        service: service.or_else(|| service_of(row.client_id.as_deref())),
        kind: RecordKind::Act,
        id: row.id.to_string(),
        at: row.at,
        organization: row.organization_id,
        actor: row.actor_id,
        impersonator: row.impersonator_id,
        client: row.client_id.map(ClientId::from_wire),
        actors: row.details.get("actors").and_then(|own| serde_json::from_value(own.clone()).ok()).unwrap_or_default(),
        client_name: None,
        credential: None,
        session: None,
        grant: None,
        token: None,
        teams: Vec::new(),
        action: row.action,
        target: row.target,
        decision: None,
        outcome: row.outcome,
        took_us: None,
        request_id: row.request_id,
        ip: row.ip,
        details: row.details,
    }
}

/// What the callers of some decisions were.
async fn callers_of(conn: &mut Conn, rows: &[DecisionRow]) -> Result<HashMap<Uuid, Option<KeptCaller>>> {
    let mut callers = HashMap::new();
    for id in rows.iter().filter_map(|row| row.caller) {
        if let Entry::Vacant(place) = callers.entry(id) {
            place.insert(read_caller(conn, id).await?);
        }
    }
    Ok(callers)
}

async fn read_caller(conn: &mut Conn, id: Uuid) -> Result<Option<KeptCaller>> {
    let found = decisions::find_caller(conn, id).await?;
    Ok(found.and_then(|kept| serde_json::from_value(kept).ok()))
}

fn of_decision(row: DecisionRow, caller: Option<&KeptCaller>) -> AuditRecord {
    let is_gap = row.user.is_none() && row.kind == "gap";
    let (target, details) = if is_gap {
        (None, json!({ "lost": row.name.parse::<u64>().unwrap_or_default() }))
    } else {
        (Some(row.name), Value::Object(serde_json::Map::new()))
    };
    let service = caller.and_then(|caller| caller.service.as_ref());
    let service = service.map(|own| ServiceContext { id: own.id, name: own.name.clone() });
    let service = service.or_else(|| service_of(row.client.as_deref()));
    AuditRecord {
        kind: if is_gap { RecordKind::Gap } else { RecordKind::Decision },
        id: row.id.to_string(),
        at: row.at,
        organization: row.organization,
        // A service stands under an id of its own that no account has.
        actor: row.user.filter(|_| service.is_none()),
        service,
        impersonator: None,
        client: row.client.map(ClientId::from_wire),
        actors: caller.map(|caller| caller.actors.clone()).unwrap_or_default(),
        client_name: caller.map(|caller| caller.client_name.clone()),
        credential: caller.map(|caller| caller.credential.clone()),
        session: caller.and_then(|caller| caller.session),
        grant: caller.and_then(|caller| caller.grant),
        token: caller.and_then(|caller| caller.token),
        teams: caller.map(|caller| caller.teams.iter().map(|team| team.id).collect()).unwrap_or_default(),
        action: row.kind,
        target,
        decision: (!is_gap).then_some(row.decision),
        outcome: row.outcome,
        took_us: (!is_gap).then_some(row.took_us),
        request_id: row.request_id,
        ip: None,
        details,
    }
}
