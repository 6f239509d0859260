//! What would be decided now of what was decided before: calls on record, judged anew by the rules of this gateway.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use belgie_api::context::{
    ClientContext, OrgContext, QuotaContext, ServiceContext, SubscriptionContext, TeamContext, UserContext,
};
use belgie_api::host::{self, Contexts, PrincipalParts};
use belgie_api::{Caller, ClientId, GrantBinding, OrgId, Result, Timestamp, UserId, access};
use serde::Serialize;
use uuid::Uuid;

use super::caller::Callers;
use super::decide::foresee;
use super::guard::Guard;
use super::policy::Policy;
use crate::audit::{Archive, DecisionGroup, KeptCaller, KeptService};
use crate::identity::{Identity, PersonInfo};

/// So much of the record is looked at in one piece.
const PIECE: Duration = Duration::from_hours(24);

/// Which decisions are to be judged anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Replay {
    /// Of this organization; `None`: all.
    pub organization: Option<OrgId>,
    /// From this moment on; `None`: from the beginning.
    pub since: Option<Timestamp>,
    /// Before this moment; `None`: until now.
    pub until: Option<Timestamp>,
}

/// Decisions that would be others, put together: somebody, something, and what becomes of it.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// What was to be done: `tool.call` and the like.
    pub action: String,
    /// With what.
    pub name: String,
    /// Whose calls they were; `None` for a service.
    pub user: Option<UserId>,
    /// The program of an organization's own whose calls they were.
    pub service: Option<KeptService>,
    /// The address the account has now; `None` when it is gone.
    pub email: Option<String>,
    /// For which organization.
    pub organization: Option<OrgId>,
    /// The name in URLs it had then.
    pub organization_slug: Option<String>,
    /// What was decided.
    pub before: String,
    /// What would be decided.
    pub after: &'static str,
    /// How many there were.
    pub count: u64,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Simulation {
    /// How many decisions were looked at.
    pub decisions: u64,
    /// How many would be the same.
    pub same: u64,
    /// How many would be others.
    pub changed: u64,
    /// How many depend on arguments, which are not kept.
    pub depends_on_arguments: u64,
    /// How many depend on the address or name of an account that is gone, or on what was not written down then.
    pub depends_on_the_gone: u64,
    /// How many were refused for something whose rule in code this program does not know: it may be what refused them.
    pub depends_on_unknown_rules: u64,
    /// Those that would be others.
    pub changes: Vec<Change>,
}

/// What would become of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Changed(&'static str),
    Arguments,
    Gone,
    UnknownRule,
}

/// What the decisions are judged by.
pub struct Bench<'a> {
    /// The record.
    pub archive: &'a Archive,
    /// Who people are now.
    pub identity: &'a Identity,
    /// The rules of the file, for what is not known here.
    pub policy: &'a Policy,
    /// What organizations are called and were: what a rule names is the same organization under each of its names.
    pub callers: &'a Callers,
}

impl Bench<'_> {
    /// Judges anew. `find`: everything that stands before a thing, by action and name, when there is such a thing here.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn judge<F>(&self, replay: Replay, find: impl Fn(Caller, String, String) -> F) -> Result<Simulation>
    where
        F: Future<Output = Option<Arc<Guard>>>,
    {
        self.archive.flush().await?;
        let mut found = Found::default();
        let (mut people, mut slugs) = (HashMap::new(), HashMap::new());
        let until = replay.until.unwrap_or_else(|| self.archive.now());
        let mut from = replay.since.unwrap_or(Timestamp::EPOCH);
        // Days of which nothing is on record are passed over.
        while let Some(first) = self.archive.nothing_before(from).await?.filter(|first| *first < until) {
            let end = first.plus(PIECE).min(until);
            let mut kept = HashMap::new();
            for group in self.archive.decision_groups((first, end), replay.organization).await? {
                let Some(user) = group.user_id else { continue };
                let Some(then) = self.caller_then(&group, &mut kept).await? else { continue };
                let person = match people.get(&user) {
                    Some(person) => Option::clone(person),
                    None => people.entry(user).or_insert(self.identity.find_person(user).await?).clone(),
                };
                let named = match group.organization_id {
                    Some(id) if !slugs.contains_key(&id) => slugs.entry(id).or_insert(self.callers.slugs_of(id).await?),
                    Some(id) => slugs.entry(id).or_default(),
                    None => &BTreeSet::new(),
                };
                let caller = caller_of(&group, user, &then, person.as_ref(), named);
                let guard = find(caller.clone(), group.kind.clone(), group.name.clone()).await;
                let known =
                    Known { person: person.is_some() || then.service.is_some(), choice: then.chosen_teams.is_some() };
                let verdict = verdict(&group, &caller, guard.as_deref(), known, self.policy);
                found.add(&group, user, &then, person.as_ref(), verdict);
            }
            from = end;
        }
        Ok(found.finish())
    }

    async fn caller_then(
        &self,
        group: &DecisionGroup,
        kept: &mut HashMap<Uuid, Option<KeptCaller>>,
    ) -> Result<Option<KeptCaller>> {
        if let Some(known) = kept.get(&group.caller_id) {
            return Ok(known.clone());
        }
        let caller = self.archive.kept_caller(group.caller_id).await?;
        kept.insert(group.caller_id, caller.clone());
        Ok(caller)
    }
}

/// What is known of a caller who is not here.
#[derive(Clone, Copy)]
struct Known {
    /// Address and name.
    person: bool,
    /// Which teams were chosen.
    choice: bool,
}

fn verdict(group: &DecisionGroup, caller: &Caller, guard: Option<&Guard>, known: Known, policy: &Policy) -> Verdict {
    let before = group.decision.as_str();
    // Servers as a whole and tasks have no name that the file could mean, and what was not there has no rule.
    if before == "unknown" || (guard.is_none() && matches!(group.kind.as_str(), "task.use" | "server.use")) {
        return Verdict::Same;
    }
    // Whether it changes something, nobody knows here: what was allowed while a payment was missing changes nothing.
    let of_file = guard.is_none().then(|| policy.guard(&access(), &group.name).read_only(true));
    let is_known = guard.is_some();
    let Some(guard) = guard.or(of_file.as_ref()) else { return Verdict::Same };
    if is_known && guard.fingerprint() == group.rules {
        return Verdict::Same;
    }
    if guard.looks_at_person() && !known.person || guard.looks_at_choice() && !known.choice {
        return Verdict::Gone;
    }
    let after = foresee(caller, guard).map_or_else(|denial| denial.word(), |()| "allowed");
    match (before, after) {
        (_, "allowed") if !is_known && before != "allowed" => Verdict::UnknownRule,
        (_, "allowed") if guard.reads_arguments() => Verdict::Arguments,
        (before, after) if before == after => Verdict::Same,
        // Whether the rule in code, which goes first, would say something else, nobody knows here: refused it stays.
        (before, _) if !is_known && before != "allowed" => Verdict::Same,
        _ => Verdict::Changed(after),
    }
}

/// The caller of a decision, as it was; address and name are those the account has now.
/// `slugs`: what the organization is called and was.
fn caller_of(
    group: &DecisionGroup,
    user: UserId,
    then: &KeptCaller,
    person: Option<&PersonInfo>,
    slugs: &BTreeSet<String>,
) -> Caller {
    let of_service = || then.service.as_ref().map(|own| (String::new(), own.name.clone()));
    let of_person = person.map(|person| (person.email.clone(), person.name.clone()));
    let (email, name) = of_person.or_else(of_service).unwrap_or_default();
    let principal = host::principal(PrincipalParts {
        user: UserContext {
            id: user,
            email,
            email_verified: then.email_verified,
            name,
            scopes: then.user_scopes.clone(),
        },
        service: then.service.as_ref().map(|own| ServiceContext { id: own.id, name: own.name.clone() }),
        client: ClientContext {
            id: ClientId::from_wire(group.client_id.clone().unwrap_or_default()),
            name: then.client_name.clone(),
        },
        session: then.session,
        presence: None,
        grant: then.grant,
        token: then.token,
        scopes: then.scopes.clone(),
        binding: GrantBinding {
            organization: group.organization_id,
            teams: then.chosen_teams.clone().unwrap_or_default(),
            ..GrantBinding::default()
        },
        expires_at: group.last,
    });
    let organization = then.organization.as_ref().zip(group.organization_id).map(|(own, id)| OrgContext {
        id,
        slug: own.slug.clone(),
        former_slugs: slugs.iter().filter(|slug| **slug != own.slug).cloned().collect(),
        roles: own.roles.clone(),
        permissions: own.permissions.clone(),
    });
    let teams = then.teams.iter().map(|own| TeamContext {
        id: own.id,
        slug: own.slug.clone(),
        name: own.name.clone(),
        roles: own.roles.clone(),
    });
    let subscription = then.subscription.as_ref().map(|own| SubscriptionContext {
        quotas: own.meters.iter().map(|meter| (meter.clone(), QuotaContext::default())).collect(),
        ..SubscriptionContext::of(own.plan.clone(), own.entitlements.clone(), own.status)
    });
    let principal = host::acting(principal, then.actors.clone());
    host::caller(Arc::new(principal), Contexts { organization, teams: teams.collect(), subscription, meters: None })
}

/// What a change is known by.
type Key = (String, String, UserId, Option<OrgId>, String, &'static str);

#[derive(Default)]
struct Found {
    counts: Simulation,
    changes: BTreeMap<Key, Change>,
}

impl Found {
    fn add(
        &mut self,
        group: &DecisionGroup,
        user: UserId,
        then: &KeptCaller,
        person: Option<&PersonInfo>,
        verdict: Verdict,
    ) {
        let count = group.count.unsigned_abs();
        self.counts.decisions += count;
        let after = match verdict {
            Verdict::Same => return self.counts.same += count,
            Verdict::Arguments => return self.counts.depends_on_arguments += count,
            Verdict::Gone => return self.counts.depends_on_the_gone += count,
            Verdict::UnknownRule => return self.counts.depends_on_unknown_rules += count,
            Verdict::Changed(after) => after,
        };
        self.counts.changed += count;
        let DecisionGroup { kind, name, decision, organization_id, first, last, .. } = group;
        let key = (kind.clone(), name.clone(), user, *organization_id, decision.clone(), after);
        let change = self.changes.entry(key).or_insert_with(|| Change {
            action: kind.clone(),
            name: name.clone(),
            user: then.service.is_none().then_some(user),
            service: then.service.clone(),
            email: person.map(|person| person.email.clone()),
            organization: *organization_id,
            organization_slug: then.organization.as_ref().map(|own| own.slug.clone()),
            before: decision.clone(),
            after,
            count: 0,
            first: *first,
            last: *last,
        });
        change.count += count;
        change.first = change.first.min(*first);
        change.last = change.last.max(*last);
    }

    fn finish(self) -> Simulation {
        Simulation { changes: self.changes.into_values().collect(), ..self.counts }
    }
}
