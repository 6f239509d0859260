//! What was used, for people, agents and operators.

use std::collections::BTreeMap;

use belgie_api::context::{QuotaContext, SubscriptionContext};
use belgie_api::ports::BillingSubject;
use belgie_api::{Caller, Result, Timestamp, UserId};
use serde::Serialize;

use crate::model::meter::unsigned;
use crate::model::period::Period;
use crate::model::subject::{Columns, shown};
use crate::service::Billing;
use crate::store::meter_calls::{Call, Sums};
use crate::store::meter_usage::{OfAccount, OfMeter, Stand};
use crate::store::{meter_calls, meter_usage};

/// How it stands with the meters of an account in this period.
#[derive(Clone, Debug, Serialize)]
pub struct AccountUsage {
    /// Whose.
    pub account_id: String,
    /// Under which plan.
    pub plan: Option<String>,
    /// When the period began.
    pub period_start: Timestamp,
    /// When counting begins anew.
    pub resets_at: Timestamp,
    /// Meter by meter, in the order of the file.
    pub meters: Vec<MeterUsage>,
}

/// How it stands with one meter.
#[derive(Clone, Debug, Serialize)]
pub struct MeterUsage {
    /// Its name.
    pub meter: String,
    /// What people call it.
    pub title: String,
    /// Units that are in the price.
    pub included: u64,
    /// Units that nobody passes; `None` when it goes on.
    pub limit: Option<u64>,
    /// Units that are used.
    pub used: u64,
    /// Units of calls that run.
    pub running: u64,
    /// Units that are left of what is included.
    pub remaining: u64,
    /// Units that a call of a tool costs under this plan instead of what its rule says, by the name of the tool.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, u64>,
    /// Shares of teams, people and agents, where the plan has limits for them.
    pub shares: Vec<ShareUsage>,
}

/// How it stands with a share.
#[derive(Clone, Debug, Serialize)]
pub struct ShareUsage {
    /// `team`, `user` or `agent`.
    pub level: String,
    /// Of whom.
    pub id: String,
    /// Units that are used.
    pub used: u64,
    /// Units that nobody passes.
    pub limit: Option<u64>,
}

/// Whose shares are shown beside what the plan has altogether.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    /// Everybody's, 1,000 at most.
    All,
    /// Those of these.
    These(&'a [String]),
}

impl Billing {
    /// How it stands with the meters of an account, with the shares of everybody: 1,000 at most.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage_of(&self, subject: BillingSubject) -> Result<AccountUsage> {
        let context = self.context_of(&[subject]).await?;
        self.usage_under(subject, context.as_ref(), Whose::All).await
    }

    /// The same for somebody who is to see no shares but their own.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage_seen_by(&self, subject: BillingSubject, user: UserId) -> Result<AccountUsage> {
        let context = self.context_of(&[subject]).await?;
        self.usage_under(subject, context.as_ref(), Whose::These(&[user.to_string()])).await
    }

    /// The same for the account under whose plan a call is made. Of shares it says those of the caller.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage_for(&self, caller: &Caller) -> Result<AccountUsage> {
        let context = caller.subscription();
        let farthest = || BillingSubject::behind(caller.principal(), []).pop();
        let nobody = || belgie_api::Failure::internal("a call of nobody");
        let subject = context.and_then(|own| own.subject).or_else(farthest).ok_or_else(nobody)?;
        self.usage_under(subject, context, Whose::These(&ids_of(caller))).await
    }

    /// How it stands with every quota of a caller's plan, whatever the call is counted on: one look, for whoever asks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn quotas_of(&self, caller: &Caller) -> Result<BTreeMap<String, QuotaContext>> {
        let Some(context) = caller.subscription() else { return Ok(BTreeMap::new()) };
        let Some(subject) = context.subject.or_else(|| BillingSubject::behind(caller.principal(), []).pop()) else {
            return Ok(context.quotas.clone());
        };
        let period = Period::of(context, self.host.now());
        let mut conn = self.host.db().read().await?;
        let of_plan = meter_usage::list_of(&mut conn, &Columns::from(subject), period.start, "").await?;
        let one = |(meter, quota): (&String, &QuotaContext)| {
            let own = of_plan.iter().find(|row| row.meter == *meter);
            let Stand { used, reserved } = own.map(|row| row.stand).unwrap_or_default();
            let used = unsigned(used + reserved);
            let remaining = Some(quota.included.saturating_sub(used));
            let now = QuotaContext { used: Some(used), remaining, resets_at: Some(period.end), ..quota.clone() };
            (meter.clone(), now)
        };
        Ok(context.quotas.iter().map(one).collect())
    }

    async fn usage_under(
        &self,
        subject: BillingSubject,
        context: Option<&SubscriptionContext>,
        whose: Whose<'_>,
    ) -> Result<AccountUsage> {
        let now = self.host.now();
        let (start, end) = now.month();
        let period = context.map_or(Period { start, end }, |context| Period::of(context, now));
        let columns = Columns::from(subject);
        let (of_plan, shares) = self.rows(&columns, period.start, whose).await?;
        let plans = self.current_plans().await?;
        let plan = context.and_then(|context| plans.find(&context.plan));
        let mut meters = Vec::new();
        for meter in plans.meters() {
            let Some(quota) = plan.and_then(|plan| plan.quotas.get(&meter.name)) else { continue };
            let is_own = |row: &&OfAccount| row.meter == meter.name;
            let Stand { used, reserved } = of_plan.iter().find(is_own).map(|row| row.stand).unwrap_or_default();
            let shares = shares.iter().filter(is_own).map(|row| ShareUsage {
                level: row.level.clone(),
                id: row.level_id.clone(),
                used: unsigned(row.stand.used + row.stand.reserved),
                limit: match row.level.as_str() {
                    "team" => quota.per_team,
                    "user" => quota.per_user,
                    _ => quota.per_agent,
                },
            });
            let taken = unsigned(used + reserved);
            meters.push(MeterUsage {
                meter: meter.name.clone(),
                title: meter.title.clone(),
                included: quota.included,
                limit: quota.limit(),
                used: unsigned(used),
                running: unsigned(reserved),
                remaining: quota.included.saturating_sub(taken),
                prices: quota.prices.clone(),
                shares: shares.collect(),
            });
        }
        Ok(AccountUsage {
            account_id: shown(&subject),
            plan: context.map(|context| context.plan.clone()),
            period_start: period.start,
            resets_at: period.end,
            meters,
        })
    }

    /// What the plan has altogether, and the shares that are asked for. However many there are, the first is whole.
    pub(super) async fn rows(
        &self,
        subject: &Columns,
        period_start: Timestamp,
        whose: Whose<'_>,
    ) -> Result<(Vec<OfAccount>, Vec<OfAccount>)> {
        let mut conn = self.host.db().read().await?;
        let of_plan = meter_usage::list_of(&mut conn, subject, period_start, "").await?;
        let shares = match whose {
            Whose::All => meter_usage::list_shares(&mut conn, subject, period_start).await?,
            Whose::These(ids) => {
                let mut shares = Vec::new();
                for id in ids {
                    shares.extend(meter_usage::list_of(&mut conn, subject, period_start, id).await?);
                }
                shares
            }
        };
        Ok((of_plan, shares))
    }

    /// What everybody has used, the newest periods first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage_of_all(&self) -> Result<Vec<OfMeter>> {
        meter_usage::all(&mut self.host.db().read().await?).await
    }

    /// The sums of all calls that are kept, and of all shares.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sums(&self) -> Result<(Sums, Stand)> {
        let mut conn = self.host.db().read().await?;
        Ok((meter_calls::sums(&mut conn).await?, meter_usage::sum(&mut conn).await?))
    }

    /// The last calls that were counted; or those that Stripe is still to be told of; or those of which that was given up.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counted_calls(&self, which: Which) -> Result<Vec<Call>> {
        let mut conn = self.host.db().read().await?;
        match which {
            Which::Last => meter_calls::list(&mut conn).await,
            Which::Waiting => meter_calls::waiting(&mut conn).await,
            Which::GivenUp => meter_calls::given_up(&mut conn).await,
        }
    }
}

/// Those of whom a call of this caller can have a share: teams, the person or service, the agent.
pub(super) fn ids_of(caller: &Caller) -> Vec<String> {
    let person = caller.service().map_or_else(|| caller.user().id.to_string(), |own| own.id.to_string());
    let mut ids: Vec<String> = caller.teams().iter().map(|team| team.id.to_string()).collect();
    ids.extend([person, caller.client().id.to_string()]);
    ids
}

/// Which of the counted calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The last.
    Last,
    /// Those that Stripe is still to be told of.
    Waiting,
    /// Those of which that was given up.
    GivenUp,
}
