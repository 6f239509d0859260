//! What is on record about an organization.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use belgie_api::axum::body::Body;
use belgie_api::ports::{AuditEntry, AuditFilter, AuditPage, AuditRecord, Cursor, Stretch};
use belgie_api::{Failure, OrgId, Result, Timestamp, UserId};
use futures::stream;
use serde_json::json;

use super::Organizations;
use super::attempts::Attempt;
use crate::actor::Actor;
use crate::model::{permission, refusal};
use crate::store;

/// How many entries an export reads at a time.
const AT_ONCE: u32 = 500;

impl Organizations {
    /// A stretch of what is on record about an organization and nothing else, whatever the wish says. Addresses that acts came
    /// from are for the operator alone.
    ///
    /// # Errors
    /// 404 when there is none that the person is in, 403 without `audit:read`.
    pub async fn list_record(
        &self,
        actor: &Actor,
        id: OrgId,
        wanted: &AuditFilter,
        stretch: Stretch,
    ) -> Result<AuditPage> {
        self.look(actor, id, Some(permission::AUDIT_READ)).await?;
        let wanted = AuditFilter { organization: Some(id), ..wanted.clone() };
        let mut page = self.host.audit().list(&wanted, stretch).await?;
        for record in &mut page.records {
            record.ip = None;
        }
        Ok(page)
    }

    /// Everything that is wanted of it, oldest first, a JSON object on each line; it is read while it is sent. That it was
    /// taken is on record itself. `wanted.until`: now, unless it says something else. `after`: in the order of writing, what is
    /// behind this place. It breaks off when whoever takes it along may not any more: their session ends, they leave, or
    /// their role does not allow it.
    ///
    /// # Errors
    /// As [`list_record`](Self::list_record).
    pub async fn export_record(
        self: &Arc<Self>,
        actor: &Actor,
        id: OrgId,
        wanted: AuditFilter,
        after: Option<Cursor>,
    ) -> Result<Body> {
        let tried = Attempt::new("record.exported", id, json!({}));
        self.attempt(actor, tried, Box::pin(self.look(actor, id, Some(permission::AUDIT_READ)))).await?;
        let now = self.host.now();
        let wanted = AuditFilter { until: wanted.until.or(Some(now)), ..wanted };
        let mut tx = self.host.db().begin().await?;
        let entry = AuditEntry::done("record.exported").to(id).within(id);
        self.host.audit().record(&mut tx, &actor.sign(entry)).await?;
        tx.commit(now).await?;
        let stretch = after.map_or(Stretch::After(None, AT_ONCE), |cursor| Stretch::Written(cursor, AT_ONCE));
        let reader = Reader { organizations: Arc::clone(self), actor: actor.clone(), id, wanted, stretch };
        let lines = stream::try_unfold(Some(reader), |reader| async move {
            let Some(reader) = reader else { return Ok(None) };
            reader.read().await.map_err(|failure| {
                if failure.status().is_server_error() {
                    tracing::error!(error = ?failure, "an export of the record breaks off");
                }
                std::io::Error::other("the record cannot be read")
            })
        });
        Ok(Body::from_stream(lines))
    }

    /// The names of those members whom entries are about. Who has left, or was never in it, is known by the id alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn names_in(&self, id: OrgId, records: &[AuditRecord]) -> Result<BTreeMap<UserId, String>> {
        let mut people = BTreeSet::new();
        for record in records {
            people.extend(record.actor);
            people.extend(person_in(record));
        }
        self.names_of(id, people).await
    }

    /// The names of those of these people who are members.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn names_of(&self, id: OrgId, people: BTreeSet<UserId>) -> Result<BTreeMap<UserId, String>> {
        let mut members = Vec::new();
        {
            let mut conn = self.host.db().read().await?;
            for user in people {
                if !store::members::standing(&mut conn, id, user).await?.is_empty() {
                    members.push(user);
                }
            }
        }
        let mut names = BTreeMap::new();
        for user in members {
            if let Some(person) = self.host.accounts().find(user).await? {
                names.insert(user, if person.name.is_empty() { person.email } else { person.name });
            }
        }
        Ok(names)
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.host.now()
    }
}

/// Whom an act was done to, if it was somebody.
pub(crate) fn person_in(record: &AuditRecord) -> Option<UserId> {
    let named = |key: &str| record.details.get(key).and_then(|value| value.as_str()).and_then(|text| text.parse().ok());
    named("user").or_else(|| named("to"))
}

/// Reads an export page by page. Every page asks anew whether it may.
struct Reader {
    organizations: Arc<Organizations>,
    actor: Actor,
    id: OrgId,
    wanted: AuditFilter,
    stretch: Stretch,
}

impl Reader {
    async fn read(mut self) -> Result<Option<(Vec<u8>, Option<Self>)>> {
        loop {
            self.organizations.must_be_here(&self.actor).await?;
            let page = self.organizations.list_record(&self.actor, self.id, &self.wanted, self.stretch).await?;
            let AuditPage { records, rest } = page;
            let mut lines = Vec::new();
            for record in &records {
                serde_json::to_writer(&mut lines, record).map_err(Failure::internal)?;
                lines.push(b'\n');
            }
            match rest {
                // Nothing to send yet; the next page asks anew whether it may.
                Some(stretch) if lines.is_empty() => self.stretch = stretch,
                Some(stretch) => return Ok(Some((lines, Some(Self { stretch, ..self })))),
                None if lines.is_empty() => return Ok(None),
                None => return Ok(Some((lines, None))),
            }
        }
    }
}

impl Organizations {
    /// Whether the session that something began in still stands, where it began in one.
    async fn must_be_here(&self, actor: &Actor) -> Result<()> {
        match (actor.session(), actor.user_id()) {
            (Some(session), Some(user)) if !self.host.sessions().is_live(session, user).await? => {
                Err(refusal::signed_out())
            }
            _ => Ok(()),
        }
    }
}
