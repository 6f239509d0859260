//! Setting units aside: of all shares a call takes from, or of none.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::context::{SubscriptionContext, SubscriptionStatus, TeamContext};
use belgie_api::db::Conn;
use belgie_api::ports::{BillingSubject, Counted, Lacking, Level, Reserved, UsedUp, WayOut};
use belgie_api::{Caller, Failure, MeteredId, Plan, Plans, Quota, Result, Timestamp};

use super::held::{Aside, Held};
use super::show::{Whose, ids_of};
use crate::model::meter::{Entry, Place, Share, unsigned, word, write_levels};
use crate::model::period::Period;
use crate::model::subject::Columns;
use crate::service::Billing;
use crate::store::meter_usage::{OfAccount, OfPlan, Stand};
use crate::store::{meter_calls, meter_usage};

/// A meter of a call, before anything is set aside.
pub(super) struct Wanted<'a> {
    pub(super) entry: Entry,
    pub(super) plan: &'a str,
    pub(super) quota: &'a Quota,
    pub(super) period: Period,
    event_name: Option<&'a str>,
}

/// A share that has not enough.
struct Short {
    level: Level,
    limit: u64,
    stand: Stand,
}

impl Billing {
    /// Sets the units of a call aside.
    ///
    /// # Errors
    /// When the caller's plan is none, or the database does not answer: then nothing is set aside.
    pub async fn reserve(self: &Arc<Self>, caller: &Caller, counted: Counted<'_>) -> Result<Reserved> {
        let context = caller.subscription().ok_or_else(|| Failure::internal("a counted call without a plan"))?;
        let plans = self.current_plans().await?;
        let plan = plans.find(&context.plan);
        let plan = plan.ok_or_else(|| Failure::internal("a counted call under a plan that is none of ours"))?;
        let wanted = self.wanted(caller, (context, plan, &plans), counted)?;
        if wanted.is_empty() {
            return Ok(Reserved::Held(Box::new(Held::begin(Arc::clone(self), (caller, counted.name), Vec::new()))));
        }
        let entries = wanted.iter().map(Aside::of).collect();
        // From here on somebody answers for the call: if nobody waits for this any more, what was taken comes back.
        let mut held = Held::begin(Arc::clone(self), (caller, counted.name), entries);
        match self.take(caller, counted.name, &wanted).await? {
            Ok(stands) => {
                for (one, of_plan) in wanted.iter().zip(&stands) {
                    self.note_alerts(one, *of_plan).await?;
                }
                held.set(stands.into_iter().map(|of_plan| of_plan.stand));
                Ok(Reserved::Held(Box::new(held)))
            }
            Err(refused) => {
                held.forget();
                let short = self.short(refused).await?;
                let carried = self.carried(caller, context).await?;
                Ok(Reserved::UsedUp(Box::new(self.used_up(caller, counted, refused, (&short, &carried)))))
            }
        }
    }

    /// Takes from every share of every meter, or from none. A call on one meter is one statement, which is its own transaction.
    async fn take<'a>(
        &self,
        caller: &Caller,
        name: &str,
        wanted: &'a [Wanted<'_>],
    ) -> Result<Result<Vec<OfPlan>, &'a Wanted<'a>>> {
        let now = self.host.now();
        if let [one] = wanted {
            let stand = self.write(&mut self.host.db().single().await?, caller, (name, one), now).await?;
            return Ok(stand.map(|stand| vec![stand]).ok_or(one));
        }
        let mut stands = Vec::with_capacity(wanted.len());
        let mut tx = self.host.db().begin().await?;
        for one in wanted {
            let Some(stand) = self.write(&mut tx, caller, (name, one), now).await? else { return Ok(Err(one)) };
            stands.push(stand);
        }
        tx.commit(now).await?;
        Ok(Ok(stands))
    }

    async fn write(
        &self,
        conn: &mut Conn,
        caller: &Caller,
        (name, one): (&str, &Wanted<'_>),
        now: Timestamp,
    ) -> Result<Option<OfPlan>> {
        let new = meter_calls::New {
            entry: &one.entry,
            name,
            user: caller.user().id,
            client: &caller.client().id,
            levels: &write_levels(&one.entry.shares)?,
            event_name: one.event_name,
            lease_until: now.plus(self.settings.lease()),
        };
        meter_calls::reserve(conn, new, now).await
    }

    /// What a call costs under a plan, meter by meter, in the order of their names.
    fn wanted<'a>(
        &self,
        caller: &Caller,
        (context, plan, plans): (&SubscriptionContext, &'a Plan, &'a Plans),
        counted: Counted<'_>,
    ) -> Result<Vec<Wanted<'a>>> {
        // Who pays for nothing is counted as whoever would pay: the organization the call is made for, or the person.
        let farthest = || BillingSubject::behind(caller.principal(), []).pop();
        let subject = context.subject.or_else(farthest).ok_or_else(|| Failure::internal("a call of nobody"))?;
        let period = Period::of(context, self.host.now());
        let mut wanted = Vec::with_capacity(counted.meters.len());
        for (meter, by_rule) in counted.meters {
            let quota = plan.quotas.get(meter).ok_or_else(|| Failure::internal("a plan without this meter"))?;
            let units = i64::try_from(quota.price(counted.name, *by_rule)).map_err(Failure::internal)?;
            if units == 0 {
                continue;
            }
            let place = Place { subject: Columns::from(subject), meter: meter.clone(), period_start: period.start };
            let id = MeteredId::new(self.host.clock(), self.host.entropy());
            let entry = Entry { id, place, units, shares: shares(caller, quota) };
            let is_told = context.status != SubscriptionStatus::Free;
            let event_name = plans.meter(meter).and_then(|meter| meter.event_name.as_deref());
            let event_name = event_name.filter(|_| is_told);
            wanted.push(Wanted { entry, plan: &plan.name, quota, period, event_name });
        }
        Ok(wanted)
    }

    /// The share that had not enough for a call: the first that has not now, or that of the plan if units have come back. Where
    /// every call is refused nobody else would find out what is to be told of the plan.
    async fn short(&self, wanted: &Wanted<'_>) -> Result<Short> {
        let entry = &wanted.entry;
        let mut first = None;
        for share in &entry.shares {
            let of_share = meter_usage::find(&mut self.host.db().read().await?, &entry.place, share).await?;
            if share.level == Level::Plan
                && let Err(error) = self.note_alerts(wanted, of_share).await
            {
                tracing::error!(
                    ?error,
                    meter.name = entry.place.meter,
                    "what is to be told of a quota could not be noted"
                );
            }
            let stand = of_share.stand;
            let limit = share.limit.unwrap_or(u64::MAX);
            let short = Short { level: share.level, limit, stand };
            if unsigned(stand.used + stand.reserved + entry.units) > limit {
                return Ok(short);
            }
            first.get_or_insert(short);
        }
        first.ok_or_else(|| Failure::internal("a call without a share"))
    }

    /// What is used already of a plan that would be bought: the shares of this caller, where the account pays and its period goes on
    /// under another plan. Where nobody pays, a period begins with the payment.
    async fn carried(&self, caller: &Caller, context: &SubscriptionContext) -> Result<Vec<OfAccount>> {
        let Some(subject) = BillingSubject::behind(caller.principal(), []).pop() else { return Ok(Vec::new()) };
        let period = if context.subject == Some(subject) {
            Period::of(context, self.host.now())
        } else {
            let own = self.context_of(&[subject]).await?;
            let Some(own) = own.filter(|own| own.subject == Some(subject)) else { return Ok(Vec::new()) };
            Period::of(&own, self.host.now())
        };
        let (mut carried, of_caller) =
            self.rows(&Columns::from(subject), period.start, Whose::These(&ids_of(caller))).await?;
        carried.extend(of_caller);
        Ok(carried)
    }

    fn used_up(
        &self,
        caller: &Caller,
        counted: Counted<'_>,
        wanted: &Wanted<'_>,
        (short, carried): (&Short, &[OfAccount]),
    ) -> UsedUp {
        let Wanted { entry, period, .. } = wanted;
        let meter = &entry.place.meter;
        UsedUp {
            meter: meter.clone(),
            title: self.host.plans().meter(meter).map_or_else(|| meter.clone(), |meter| meter.title.clone()),
            level: short.level,
            units: unsigned(entry.units),
            used: unsigned(short.stand.used + short.stand.reserved),
            limit: short.limit,
            resets_at: period.end,
            way_out: self.way_to_more(caller, counted, meter, (short, carried)),
        }
    }

    /// Plans that can be bought, have a larger share, and under which this very call goes through, with what is used already.
    fn way_to_more(
        &self,
        caller: &Caller,
        counted: Counted<'_>,
        meter: &str,
        (short, carried): (&Short, &[OfAccount]),
    ) -> Option<WayOut> {
        let would_do = |plan: &Plan| {
            let quota = plan.quotas.get(meter);
            let is_larger =
                quota.is_some_and(|quota| limit_of(quota, short.level).is_none_or(|limit| limit > short.limit));
            is_larger
                && counted.meters.iter().all(has_room_for(caller, plan, (counted.name, carried)))
                && (counted.would_do)(plan)
        };
        let none = BTreeSet::new();
        let lacking =
            Lacking { tool: counted.name, plans: &none, entitlements: &none, meters: &none, would_do: &would_do };
        self.way_out(caller, lacking)
    }
}

/// The shares of a caller, in the order in which they are locked.
fn shares(caller: &Caller, quota: &Quota) -> Vec<Share> {
    let mut shares = vec![Share { level: Level::Plan, id: String::new(), limit: quota.limit() }];
    if let Some(limit) = quota.per_team {
        let chosen = &caller.principal().binding().teams;
        // Where none is chosen, all are: nobody passes the share of a team by choosing none.
        let is_meant = |team: &&TeamContext| chosen.is_empty() || chosen.contains(&team.id);
        let mut teams: Vec<String> = caller.teams().iter().filter(is_meant).map(|team| team.id.to_string()).collect();
        teams.sort_unstable();
        shares.extend(teams.into_iter().map(|id| Share { level: Level::Team, id, limit: Some(limit) }));
    }
    if let Some(limit) = quota.per_user {
        let service = caller.service().map(|service| service.id.to_string());
        let id = service.unwrap_or_else(|| caller.user().id.to_string());
        shares.push(Share { level: Level::User, id, limit: Some(limit) });
    }
    if let Some(limit) = quota.per_agent {
        shares.push(Share { level: Level::Agent, id: caller.client().id.to_string(), limit: Some(limit) });
    }
    shares
}

/// Whether each share of a meter under a plan has room for what a call costs there, besides what is used: a meter, with its units
/// by the rules.
fn has_room_for<'a>(
    caller: &'a Caller,
    plan: &'a Plan,
    (name, used): (&'a str, &'a [OfAccount]),
) -> impl Fn((&String, &u64)) -> bool + 'a {
    move |(meter, by_rule)| {
        plan.quotas.get(meter).is_some_and(|quota| {
            let units = quota.price(name, *by_rule);
            shares(caller, quota).iter().all(|share| {
                let is_own = |row: &&OfAccount| {
                    row.meter == *meter && row.level == word(share.level) && row.level_id == share.id
                };
                let stand = used.iter().find(is_own).map(|row| row.stand).unwrap_or_default();
                let taken = unsigned(stand.used + stand.reserved);
                share.limit.is_none_or(|limit| taken.saturating_add(units) <= limit)
            })
        })
    }
}

const fn limit_of(quota: &Quota, level: Level) -> Option<u64> {
    match level {
        Level::Plan => quota.limit(),
        Level::Team => quota.per_team,
        Level::User => quota.per_user,
        Level::Agent => quota.per_agent,
    }
}
