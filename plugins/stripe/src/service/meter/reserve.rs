//! Setting units aside: of all shares a call takes from, or of none.

use std::collections::BTreeSet;
use std::sync::Arc;

use belgie_api::context::{SubscriptionContext, SubscriptionStatus};
use belgie_api::db::Conn;
use belgie_api::ports::{BillingSubject, Counted, Lacking, Level, Reserved, Usage, UsedUp, WayOut};
use belgie_api::{Caller, Failure, MeteredId, Plan, Plans, Quota, Result, Timestamp};

use super::held::Held;
use crate::model::meter::{Entry, Period, Place, Share, write_levels};
use crate::model::subject::Columns;
use crate::service::Billing;
use crate::store::meter_usage::Stand;
use crate::store::{meter_calls, meter_usage};

/// A meter of a call, before anything is set aside.
struct Wanted<'a> {
    entry: Entry,
    quota: &'a Quota,
    period: Period,
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
            return Ok(Reserved::Held(Box::new(Held::begin(Arc::clone(self), Vec::new()))));
        }
        let entries = wanted.iter().map(|one| (one.entry.clone(), one.quota.clone(), one.period)).collect();
        // From here on somebody answers for the call: if nobody waits for this any more, what was taken comes back.
        let mut held = Held::begin(Arc::clone(self), entries);
        match self.take(caller, counted.name, &wanted).await? {
            Ok(usages) => {
                held.set(usages);
                Ok(Reserved::Held(Box::new(held)))
            }
            Err(refused) => {
                held.forget();
                let short = self.short(&refused.entry).await?;
                Ok(Reserved::UsedUp(Box::new(self.used_up(caller, counted, refused, &short))))
            }
        }
    }

    /// Takes from every share of every meter, or from none. A call on one meter is one statement, which is its own transaction.
    async fn take<'a>(
        &self,
        caller: &Caller,
        name: &str,
        wanted: &'a [Wanted<'_>],
    ) -> Result<Result<Vec<Usage>, &'a Wanted<'a>>> {
        let now = self.host.now();
        if let [one] = wanted {
            let stand = self.write(&mut self.host.db().single().await?, caller, (name, one), now).await?;
            return Ok(stand.map(|stand| vec![usage(&one.entry, one.quota, one.period, stand)]).ok_or(one));
        }
        let mut usages = Vec::with_capacity(wanted.len());
        let mut tx = self.host.db().begin().await?;
        for one in wanted {
            let Some(stand) = self.write(&mut tx, caller, (name, one), now).await? else { return Ok(Err(one)) };
            usages.push(usage(&one.entry, one.quota, one.period, stand));
        }
        tx.commit(now).await?;
        Ok(Ok(usages))
    }

    async fn write(
        &self,
        conn: &mut Conn,
        caller: &Caller,
        (name, one): (&str, &Wanted<'_>),
        now: Timestamp,
    ) -> Result<Option<Stand>> {
        let new = meter_calls::New {
            entry: &one.entry,
            name,
            user: caller.user().id,
            client: &caller.client().id,
            levels: &write_levels(&one.entry.shares)?,
            event_name: one.event_name,
            lease_until: now.plus(self.settings.lease()),
        };
        Ok(meter_calls::reserve(conn, new, now).await?.map(|of_plan| of_plan.stand))
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
            wanted.push(Wanted { entry, quota, period, event_name: event_name.filter(|_| is_told) });
        }
        Ok(wanted)
    }

    /// The share that had not enough for a call: the first that has not now, or that of the plan if units have come back.
    async fn short(&self, entry: &Entry) -> Result<Short> {
        let mut conn = self.host.db().read().await?;
        let mut first = None;
        for share in &entry.shares {
            let stand = meter_usage::find(&mut conn, &entry.place, share).await?;
            let limit = share.limit.unwrap_or(u64::MAX);
            let short = Short { level: share.level, limit, stand };
            if unsigned(stand.used + stand.reserved + entry.units) > limit {
                return Ok(short);
            }
            first.get_or_insert(short);
        }
        first.ok_or_else(|| Failure::internal("a call without a share"))
    }

    fn used_up(&self, caller: &Caller, counted: Counted<'_>, wanted: &Wanted<'_>, short: &Short) -> UsedUp {
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
            way_out: self.way_to_more(caller, counted, meter, short),
        }
    }

    /// Plans that can be bought, have a larger share, and under which this very call goes through.
    fn way_to_more(&self, caller: &Caller, counted: Counted<'_>, meter: &str, short: &Short) -> Option<WayOut> {
        let would_do = |plan: &Plan| {
            let quota = plan.quotas.get(meter);
            let is_larger =
                quota.is_some_and(|quota| limit_of(quota, short.level).is_none_or(|limit| limit > short.limit));
            is_larger && counted.meters.iter().all(has_room_for(plan, counted.name)) && (counted.would_do)(plan)
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
        let mut teams: Vec<String> =
            caller.teams().iter().filter(|team| chosen.contains(&team.id)).map(|team| team.id.to_string()).collect();
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

/// Whether each share of a meter under a plan is as large as what a call costs there: a meter, with its units by the rules.
fn has_room_for<'a>(plan: &'a Plan, name: &'a str) -> impl Fn((&String, &u64)) -> bool + 'a {
    move |(meter, by_rule)| {
        plan.quotas.get(meter).is_some_and(|quota| {
            let units = quota.price(name, *by_rule);
            let levels = [Level::Plan, Level::Team, Level::User, Level::Agent];
            levels.iter().all(|level| limit_of(quota, *level).is_none_or(|limit| units <= limit))
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

/// How it stands for a call that has its units.
pub(super) fn usage(entry: &Entry, quota: &Quota, period: Period, stand: Stand) -> Usage {
    let used = unsigned(stand.used + stand.reserved);
    Usage {
        meter: entry.place.meter.clone(),
        id: entry.id,
        units: unsigned(entry.units),
        used,
        included: quota.included,
        remaining: quota.included.saturating_sub(used),
        resets_at: period.end,
    }
}

/// Columns hold no negative numbers of units.
pub(super) fn unsigned(units: i64) -> u64 {
    u64::try_from(units).unwrap_or_default()
}
