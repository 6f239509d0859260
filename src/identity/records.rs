//! Entries of the record as operators see them.

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::ports::{AuditRecord, RecordKind, read_moment};
use belgie_api::{Result, Timestamp, UserId};

use super::accounts::Identity;
use super::shown::{ActInfo, Named, reason};
use crate::store::users;

impl Identity {
    /// A moment as people type it ([`read_moment`]).
    #[must_use]
    pub fn moment_in(&self, text: &str) -> Option<Timestamp> {
        read_moment(text, self.clock.now())
    }

    /// How long ago a moment was, in words.
    #[must_use]
    pub fn ago(&self, moment: Timestamp) -> String {
        moment.ago(self.clock.now())
    }

    /// Acts, decisions and gaps, in words where there are some. Whoever is still here goes by their address.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn show_records(&self, records: Vec<AuditRecord>) -> Result<Vec<ActInfo>> {
        let now = self.clock.now();
        let mut people = BTreeSet::new();
        for record in &records {
            people.extend(record.actor.into_iter().chain(record.impersonator));
            people.extend(record.target.as_ref().and_then(|target| target.parse::<UserId>().ok()));
        }
        let mut names: BTreeMap<UserId, String> = BTreeMap::new();
        let mut conn = self.db.read().await?;
        for user in people {
            names.extend(users::find(&mut conn, user).await?.map(|row| (user, row.email)));
        }
        let person = |user: UserId| match names.get(&user) {
            Some(email) => Named { name: email.clone(), user: Some(user) },
            None => Named { name: user.to_string(), user: None },
        };
        let target = |text: String| match text.parse::<UserId>() {
            Ok(user) => person(user),
            Err(_) => Named { name: text, user: None },
        };
        let shown = |record: AuditRecord| ActInfo {
            verdict: verdict(&record),
            lost: record.details.get("lost").and_then(serde_json::Value::as_u64),
            reason: reason(&record.details),
            service: record.service.map(|own| if own.name.is_empty() { own.id.to_string() } else { own.name }),
            actor: record.actor.map(person),
            impersonator: record.impersonator.map(person),
            client: record.client.map(|client| match record.client_name.filter(|name| !name.is_empty()) {
                Some(name) => format!("{name} ({client})"),
                None => client.to_string(),
            }),
            target: record.target.map(target),
            action: record.action,
            ip: record.ip,
            ago: record.at.ago(now),
            at: record.at,
        };
        Ok(records.into_iter().map(shown).collect())
    }
}

/// What came of it, where it is not what one expects.
fn verdict(record: &AuditRecord) -> Option<String> {
    let code = || record.details.get("code").and_then(serde_json::Value::as_str).map(str::to_owned);
    let refused = record.decision.clone().filter(|decision| decision != "allowed");
    match (record.kind, record.outcome.as_str()) {
        (RecordKind::Gap, _) | (_, "done") => None,
        (RecordKind::Decision, outcome) => refused.or_else(|| Some(outcome.to_owned())),
        (RecordKind::Act, outcome) => code().or_else(|| Some(outcome.to_owned())),
    }
}
