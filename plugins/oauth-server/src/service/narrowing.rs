//! A person looks at one connection closely, and lets it do less.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use belgie_api::context::TeamContext;
use belgie_api::db::Tx;
use belgie_api::plugin::{Less, Narrowed, Narrowing, ToolUse};
use belgie_api::ports::{AuditFilter, AuditPage, AuditRecord, RecordKind, Stretch, Teams};
use belgie_api::serde_json::json;
use belgie_api::web::RequestInfo;
use belgie_api::{Caller, ClientId, Event, Failure, GrantBinding, GrantId, OrgId, Result, ScopeSet, TeamId, UserId};

use super::OAuth;
use super::powers::Doer;
use crate::model::grant::{Grant, shown_name};
use crate::model::refusal::unknown_connection;
use crate::model::scopes::OFFLINE_ACCESS;
use crate::store;

/// How far back it is looked which tools were used.
pub const LOOKED_BACK: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many entries are read at once.
const AT_ONCE: u32 = 500;
/// How many times that are read at most, the newest of each client with the connection's tokens: 20,000 in all.
const MOST_READ: usize = 40;

impl OAuth {
    /// A connection of the caller that is in force.
    ///
    /// # Errors
    /// 404 when there is none of this id.
    pub async fn find_connection(&self, caller: &Caller, id: GrantId) -> Result<Grant> {
        let mut conn = self.host.db().read().await?;
        let found = store::narrowing::find_own(&mut conn, id, caller.user().id, self.host.now()).await?;
        found.ok_or_else(unknown_connection)
    }

    /// The tools that were used through it lately, by the agent itself and by whoever acts for it, as the record has it, the
    /// last first. All of it is read, up to 20,000 entries of each client.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list_tools_used(&self, grant: &Grant) -> Result<Vec<ToolUse>> {
        let mut clients = store::exchanged::list_actors(&mut self.host.db().read().await?, grant.id).await?;
        clients.retain(|(client, _)| *client != grant.client_id);
        clients.push((grant.client_id.clone(), shown_name(grant).to_owned()));
        let mut used = Used::new();
        for (client, _) in &clients {
            let mut next = Some(Stretch::Before(None, AT_ONCE));
            for _ in 0..MOST_READ {
                let Some(stretch) = next else { break };
                let (calls, rest) = self.list_calls_of(grant, client, stretch).await?;
                for call in calls {
                    count(&mut used, &clients, call);
                }
                next = rest;
            }
        }
        let mut used: Vec<ToolUse> = used.into_values().collect();
        used.sort_by(|left, right| right.last.cmp(&left.last).then_with(|| left.name.cmp(&right.name)));
        Ok(used)
    }

    /// The calls that a client has made with tokens of a grant lately, and where there are more.
    async fn list_calls_of(
        &self,
        grant: &Grant,
        client: &ClientId,
        stretch: Stretch,
    ) -> Result<(Vec<AuditRecord>, Option<Stretch>)> {
        let wanted = AuditFilter {
            user: Some(grant.user_id),
            client: Some(client.clone()),
            grant: Some(grant.id),
            only: Some(RecordKind::Decision),
            since: Some(self.host.now().minus(LOOKED_BACK)),
            ..AuditFilter::default()
        };
        let AuditPage { mut records, rest } = self.host.audit().list(&wanted, stretch).await?;
        records.retain(|record| record.action == "tool.call" && record.decision.as_deref() == Some("allowed"));
        Ok((records, rest))
    }

    /// The teams that can be taken from a connection: those it was given for or, when it acts for all of the person's, all of
    /// them.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_teams_of(&self, grant: &Grant) -> Result<Vec<TeamContext>> {
        self.list_bound_teams(grant.user_id, &grant.binding.clone().into()).await
    }

    /// The teams of a person that something bound like this acts for.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub(super) async fn list_bound_teams(&self, user: UserId, binding: &GrantBinding) -> Result<Vec<TeamContext>> {
        match (binding.organization, self.host.provided::<Teams>()) {
            (Some(organization), Some(port)) => port.list_for(user, organization, binding).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Lets a connection do less, from the next call on, at every node: these scopes of its own, and these of its teams. What
    /// runs for it is ended; its tokens stay. Whoever was not to be asked again is, whoever vouches for the client, until they let it in by hand.
    ///
    /// # Errors
    /// 404 when it is not the caller's; 400 when nothing would be left of it, for which there is cutting it off.
    pub async fn narrow(
        &self,
        caller: &Caller,
        info: &RequestInfo,
        id: GrantId,
        scopes: &ScopeSet,
        teams: &BTreeSet<TeamId>,
    ) -> Result<Grant> {
        let known = self.find_connection(caller, id).await?;
        let less = Less { scopes: Some(scopes.clone()), teams: Some(teams.clone()) };
        let plan = self.plan_less(&known, &less).await?;
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        self.hold_doer(&mut tx, Doer { caller, info: Some(info) }, false).await?;
        let mut grant =
            store::narrowing::hold_own(&mut tx, id, caller.user().id, now).await?.ok_or_else(unknown_connection)?;
        let narrowed = self.narrow_held(&mut tx, &mut grant, &plan).await?;
        store::consents::delete_given_to(&mut tx, grant.user_id, &grant.client_id).await?;
        store::codes::delete_unspent(&mut tx, grant.user_id, &grant.client_id).await?;
        store::devices::delete_unspent(&mut tx, grant.user_id, &grant.client_id).await?;
        store::denials::remember(&mut tx, grant.user_id, &grant.client_id, now).await?;
        let details = json!(narrowed);
        let act = Doer { caller, info: Some(info) }.act("connection.narrowed");
        self.record(&mut tx, &act.to(grant.id).within(grant.binding.organization_id).with(details)).await?;
        tx.commit(now).await?;
        Ok(grant)
    }

    /// The same for what acts in an organization, in a transaction of whoever has a say there, and in nothing else.
    ///
    /// # Errors
    /// As [`narrow`](Self::narrow); `None` when it acts elsewhere, or no more.
    pub(super) async fn narrow_within(
        &self,
        tx: &mut Tx,
        organization: OrgId,
        id: GrantId,
        plan: &Narrowing,
    ) -> Result<Option<Narrowed>> {
        let now = self.host.now();
        let Some(known) = store::grants::find_in(tx, id, organization, now).await? else { return Ok(None) };
        let Some(mut grant) = store::narrowing::hold_own(tx, id, known.user_id, now).await? else { return Ok(None) };
        let narrowed = self.narrow_held(tx, &mut grant, plan).await?;
        let (user, client) = (grant.user_id, &grant.client_id);
        store::consents::delete_given_within(tx, user, client, organization).await?;
        store::codes::delete_unspent_within(tx, user, client, organization).await?;
        store::devices::delete_unspent_within(tx, user, client, organization).await?;
        store::denials::remember(tx, user, client, now).await?;
        Ok(Some(narrowed))
    }

    /// How a connection would be made to do less.
    ///
    /// # Errors
    /// 400 when it would act for no team, 404 when its person is not there any more as they were.
    pub(super) async fn plan_less(&self, known: &Grant, less: &Less) -> Result<Narrowing> {
        let offered = self.list_teams_of(known).await?;
        let is_kept = |team: &TeamId| less.teams.as_ref().is_none_or(|teams| teams.contains(team));
        let kept: BTreeSet<TeamId> = offered.iter().map(|team| team.id).filter(is_kept).collect();
        if kept.is_empty() && !offered.is_empty() {
            return Err(nothing_left());
        }
        let fewer = (kept.len() < offered.len()).then_some(kept);
        Ok(Narrowing {
            scopes: less.scopes.as_ref().unwrap_or(&known.scopes).clone(),
            known: known.binding.clone().into(),
            binding: self.bind_fewer(known, fewer).await?,
        })
    }

    /// Writes it. The grant is held.
    pub(super) async fn narrow_held(&self, tx: &mut Tx, grant: &mut Grant, plan: &Narrowing) -> Result<Narrowed> {
        if grant.binding.team_ids != plan.known.teams {
            return Err(Failure::conflict("connection.changed", "The connection was changed meanwhile.")
                .hint("Look at it again."));
        }
        // What goes along with a scope that is left stays: without it there would be less on the page and none less in fact.
        let mut less = grant.scopes.intersection(&self.closed(&grant.scopes.intersection(&plan.scopes))?);
        if opens(&grant.scopes) && !opens(&less) {
            return Err(nothing_left());
        }
        with_staying(&mut less, &grant.scopes);
        let removed = less.missing(&grant.scopes);
        grant.scopes = less;
        if let Some(binding) = plan.binding.clone() {
            grant.binding = binding.into();
        }
        store::narrowing::narrow(tx, grant).await?;
        tx.emit(Event::GrantNarrowed { grant: grant.id });
        Ok(Narrowed { scopes: grant.scopes.clone(), removed, teams: grant.binding.team_ids.clone() })
    }

    /// The binding for fewer teams, on the stays of now: the person is there as they were when they gave it, or it has ended.
    async fn bind_fewer(&self, grant: &Grant, fewer: Option<BTreeSet<TeamId>>) -> Result<Option<GrantBinding>> {
        let (Some(fewer), Some(organization)) = (fewer, grant.binding.organization_id) else { return Ok(None) };
        let before: GrantBinding = grant.binding.clone().into();
        if !self.stands(grant.user_id, &before, &grant.resources).await? {
            return Err(unknown_connection());
        }
        self.bind_to(grant.user_id, organization, fewer).await?.map(Some).ok_or_else(unknown_connection)
    }
}

/// Whether scopes allow anything.
pub(super) fn opens(scopes: &ScopeSet) -> bool {
    scopes.iter().any(|scope| scope.as_str() != OFFLINE_ACCESS)
}

/// Staying connected is no permission of its own here: for its end there is cutting it off.
pub(super) fn with_staying(less: &mut ScopeSet, before: &ScopeSet) {
    let stays = before.iter().find(|scope| scope.as_str() == OFFLINE_ACCESS).cloned();
    if let Some(stays) = stays {
        less.insert(stays);
    }
}

/// What was used so far, by tool and by who called it for whom.
type Used = BTreeMap<(String, Vec<ClientId>), ToolUse>;

fn count(used: &mut Used, clients: &[(ClientId, String)], call: AuditRecord) {
    let Some(name) = call.target else { return };
    let by = call.actors.iter().map(|actor| name_among(clients, actor)).collect();
    let seed = || ToolUse { name: name.clone(), by, calls: 0, last: call.at };
    let known = used.entry((name.clone(), call.actors)).or_insert_with(seed);
    known.calls += 1;
    known.last = known.last.max(call.at);
}

fn name_among(clients: &[(ClientId, String)], id: &ClientId) -> String {
    let known = clients.iter().find(|(client, name)| client == id && !name.is_empty());
    known.map_or_else(|| id.to_string(), |(_, name)| name.clone())
}

fn nothing_left() -> Failure {
    Failure::bad_request("connection.nothing_left", "Nothing would be left of it.").hint("Disconnect it instead.")
}
