//! A person lets what is remembered allow less, and what was connected by it with it.

use std::collections::{BTreeMap, BTreeSet};

use belgie_api::context::TeamContext;
use belgie_api::db::Tx;
use belgie_api::plugin::{Less, Narrowing};
use belgie_api::serde_json::json;
use belgie_api::{Caller, ConsentId, Event, Failure, GrantBinding, GrantId, Result, ScopeSet, TeamId, Timestamp};

use super::OAuth;
use super::narrowing::{opens, with_staying};
use super::powers::Doer;
use crate::model::consent::Consent;
use crate::model::grant::{Grant, RevokeReason};
use crate::model::refusal::unknown_consent;
use crate::store;

/// What has become of an answer, and of what was connected by it.
#[derive(Debug)]
pub struct LessConsent {
    /// The answer that took its place: an answer itself never changes.
    pub consent: Consent,
    /// How many connections do less now.
    pub narrowed: usize,
    /// How many ended, since nothing was left of them.
    pub ended: usize,
}

/// What is to become of a connection; `None` when nothing would be left of it.
type Plan = Option<Narrowing>;

impl OAuth {
    /// An answer of the caller that is remembered.
    ///
    /// # Errors
    /// 404 when there is none of this id, or it is too old.
    pub async fn find_consent(&self, caller: &Caller, id: ConsentId) -> Result<Consent> {
        let known = self.list_consents(caller.user().id).await?;
        known.into_iter().find(|consent| consent.id == id).ok_or_else(unknown_consent)
    }

    /// The teams that can be taken from it: those it was given for or, when it is for all of the person's, all of them.
    ///
    /// # Errors
    /// When it cannot be found out.
    pub async fn list_teams_of_consent(&self, consent: &Consent) -> Result<Vec<TeamContext>> {
        self.list_bound_teams(consent.user_id, &consent.binding.clone().into()).await
    }

    /// Lets an answer of the caller allow less: whoever asks for what was taken away is asked about again. What is connected by
    /// it (the same client, whose answers go to the same host, for the same organization) does less from its next call on.
    ///
    /// # Errors
    /// 404 when it is not the caller's, 400 when nothing would be left of it, 409 when something was connected meanwhile.
    pub async fn narrow_consent(&self, doer: Doer<'_>, id: ConsentId, less: &Less) -> Result<LessConsent> {
        let known = self.find_consent(doer.caller, id).await?;
        let mut scopes =
            less.scopes.as_ref().map_or_else(|| known.scopes.clone(), |some| known.scopes.intersection(some));
        // What goes along with what is left stays, too.
        scopes = known.scopes.intersection(&self.closed(&scopes)?);
        if opens(&known.scopes) && !opens(&scopes) {
            return Err(nothing_left());
        }
        with_staying(&mut scopes, &known.scopes);
        let teams = self.teams_left(&known, less).await?;
        let binding = self.bind_consent(&known, teams.as_ref()).await?;
        let removed = scopes.missing(&known.scopes);
        let lost = self.closed(&scopes)?.missing(&self.closed(&known.scopes)?);
        let plans = self.plan_connected(&known, &lost, teams.as_ref()).await?;
        let after = Consent {
            id: ConsentId::new(self.host.clock(), self.host.entropy()),
            scopes,
            binding: binding.map_or_else(|| known.binding.clone(), Into::into),
            ..known.clone()
        };
        let now = self.host.now();
        let mut tx = self.host.db().begin().await?;
        self.hold_doer(&mut tx, doer, false).await?;
        // The client before what it was given: rows are locked in one order everywhere.
        store::secrets::hold(&mut tx, &known.client_id).await?;
        let (mut narrowed, mut ended) = (0, 0);
        for mut grant in store::narrowing::hold_given(&mut tx, &known, now).await? {
            match plans.get(&grant.id) {
                None => return Err(changed()),
                Some(Some(plan)) if is_touched(&grant, plan) => {
                    self.narrow_held(&mut tx, &mut grant, plan).await?;
                    narrowed += 1;
                }
                Some(Some(_)) => {}
                Some(None) => ended += usize::from(self.end_connected(&mut tx, doer, &grant, now).await?),
            }
        }
        if store::consents::delete(&mut tx, id, known.user_id).await?.is_none() {
            return Err(changed());
        }
        store::consents::remember(&mut tx, &after).await?;
        match known.binding.organization_id {
            Some(there) => {
                store::codes::delete_unspent_within(&mut tx, known.user_id, &known.client_id, there).await?;
            }
            None => store::codes::delete_unspent(&mut tx, known.user_id, &known.client_id).await?,
        }
        // The word of the operator counts no more for it; what is left of the answer does.
        if !removed.is_empty() || teams.is_some() {
            store::denials::remember(&mut tx, known.user_id, &known.client_id, now).await?;
        }
        let details = json!({
            "scopes": after.scopes, "removed": removed, "teams": after.binding.team_ids, "narrowed": narrowed, "ended": ended,
        });
        let act = doer.act("consent.narrowed").to(&known.client_id).within(known.binding.organization_id);
        self.record(&mut tx, &act.with(details)).await?;
        tx.commit(now).await?;
        Ok(LessConsent { consent: after, narrowed, ended })
    }

    /// The teams that are left; `None` when all are.
    async fn teams_left(&self, known: &Consent, less: &Less) -> Result<Option<BTreeSet<TeamId>>> {
        let Some(wanted) = &less.teams else { return Ok(None) };
        let offered: BTreeSet<TeamId> = self.list_teams_of_consent(known).await?.iter().map(|team| team.id).collect();
        let left: BTreeSet<TeamId> = offered.intersection(wanted).copied().collect();
        if left.is_empty() && !offered.is_empty() {
            return Err(nothing_left());
        }
        Ok(Some(left).filter(|left| left.len() < offered.len()))
    }

    /// The binding for fewer teams, on the stays of now.
    async fn bind_consent(&self, known: &Consent, teams: Option<&BTreeSet<TeamId>>) -> Result<Option<GrantBinding>> {
        let (Some(teams), Some(there)) = (teams, known.binding.organization_id) else { return Ok(None) };
        self.bind_to(known.user_id, there, teams.clone()).await?.map(Some).ok_or_else(unknown_consent)
    }

    /// What is to become of what is connected by it. `lost`: what it allows no more, itself or along with something else; what brings
    /// any of that along goes.
    async fn plan_connected(
        &self,
        known: &Consent,
        lost: &ScopeSet,
        teams: Option<&BTreeSet<TeamId>>,
    ) -> Result<BTreeMap<GrantId, Plan>> {
        let given = store::narrowing::list_given(&mut self.host.db().read().await?, known, self.host.now()).await?;
        let mut plans = BTreeMap::new();
        for grant in given {
            let mut scopes = ScopeSet::new();
            for scope in grant.scopes.iter() {
                let brought = self.closed(&std::iter::once(scope.clone()).collect())?;
                if brought.intersection(lost).is_empty() {
                    scopes.insert(scope.clone());
                }
            }
            let nothing = opens(&grant.scopes) && !opens(&scopes);
            let left = if nothing { None } else { self.plan_for(&grant, scopes, teams).await? };
            plans.insert(grant.id, left);
        }
        Ok(plans)
    }

    async fn plan_for(&self, grant: &Grant, scopes: ScopeSet, teams: Option<&BTreeSet<TeamId>>) -> Result<Plan> {
        if let Some(teams) = teams {
            let own: BTreeSet<TeamId> = self.list_teams_of(grant).await?.iter().map(|team| team.id).collect();
            if own.is_disjoint(teams) {
                return Ok(None);
            }
        }
        self.plan_less(grant, &Less { scopes: Some(scopes), teams: teams.cloned() }).await.map(Some)
    }

    /// Ends a connection of which nothing is left. The answer it came from stays, so what else is remembered does, too.
    async fn end_connected(&self, tx: &mut Tx, doer: Doer<'_>, grant: &Grant, now: Timestamp) -> Result<bool> {
        if store::grants::revoke(tx, grant.id, RevokeReason::Person, now).await?.is_none() {
            return Ok(false);
        }
        tx.emit(Event::GrantRevoked { grant: grant.id });
        let act = doer.act("connection.revoked").to(grant.id).within(grant.binding.organization_id);
        let details =
            json!({ "user": grant.user_id, "client": grant.client_id, "reason": RevokeReason::Person.as_str() });
        self.record(tx, &act.with(details)).await?;
        Ok(true)
    }
}

/// Whether a plan changes anything: what does as much as before goes on undisturbed.
fn is_touched(grant: &Grant, plan: &Narrowing) -> bool {
    plan.binding.is_some() || !plan.scopes.covers(&grant.scopes)
}

fn changed() -> Failure {
    Failure::conflict("consent.changed", "Something was connected or changed meanwhile.").hint("Look at it again.")
}

fn nothing_left() -> Failure {
    Failure::bad_request("consent.nothing_left", "Nothing would be left of it.").hint("Have it asked again instead.")
}
