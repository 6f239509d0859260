//! Counting calls: units are set aside before something runs, and used or given back before its answer is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use belgie_api::ports::{BillingSubject, Counted, Meters, Reservation, Reserved, Uncommitted, Usage, Use, UsedUp};
use belgie_api::{Caller, MeteredId, Plan};
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, MetaObject, ServerResult, Tool};
use serde_json::{Value, json};

use crate::access::{ActionKind, Guard, Permit, standing, would_do};
use crate::limits::PlanRates;

/// Where lists say what calls of a tool cost.
const METERS: &str = "belgie/meters";

/// Where results say what they cost, and what is left.
const USAGE: &str = "belgie/usage";

/// Counts calls, where somebody does.
#[derive(Default)]
pub(crate) struct Counts {
    meters: Option<Use<Meters>>,
    rates: PlanRates,
}

/// Why a call that the rules allow does not run.
#[derive(Debug)]
pub(crate) enum Spent {
    /// There is not enough left of a meter.
    UsedUp(Box<UsedUp>),
    /// So many calls in a minute are not in the plan.
    TooFast {
        /// How many are.
        per_minute: u32,
        /// When the next one may come.
        again_in: Duration,
    },
}

impl Spent {
    /// The word for it on record.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::UsedUp(_) => "quota_exceeded",
            Self::TooFast { .. } => "rate_exceeded",
        }
    }
}

/// The units of a call that runs; none when it is not counted.
#[derive(Default)]
pub(crate) struct Held(Option<Box<dyn Reservation>>);

/// What came of a call, as far as it matters to whoever counts.
pub(crate) trait Countable {
    /// Whether it has done what was asked of it.
    fn has_succeeded(&self) -> bool;

    /// Where it can say more.
    fn meta(&mut self) -> Option<&mut Option<MetaObject>>;
}

impl Countable for CallToolResponse {
    fn has_succeeded(&self) -> bool {
        match self {
            Self::Complete(result) => result.is_error != Some(true),
            // It is asked again, with the answers, and counted then.
            Self::InputRequired(_) => false,
            _ => true,
        }
    }

    fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
        match self {
            Self::Complete(result) => Some(&mut result.meta),
            _ => None,
        }
    }
}

impl Countable for ServerResult {
    fn has_succeeded(&self) -> bool {
        match self {
            Self::CallToolResult(result) => result.is_error != Some(true),
            // Whether it is an answer to what was asked at all is looked at before.
            Self::InputRequiredResult(_) => false,
            _ => true,
        }
    }

    fn meta(&mut self) -> Option<&mut Option<MetaObject>> {
        match self {
            Self::CallToolResult(result) => Some(&mut result.meta),
            _ => None,
        }
    }
}

impl Counts {
    /// Asks whoever counts, and keeps to what plans say of calls in a minute.
    pub(crate) const fn new(meters: Option<Use<Meters>>, rates: PlanRates) -> Self {
        Self { meters, rates }
    }

    /// Sets the units of a call aside.
    ///
    /// # Errors
    /// When it cannot be found out whether there are enough, or nobody is there to count: then nothing runs.
    pub(crate) async fn begin(&self, permit: &Permit<'_>) -> Result<Result<Held, Spent>, ErrorData> {
        let (caller, action) = (permit.caller(), permit.action());
        if !matches!(action.kind(), ActionKind::CallTool | ActionKind::GetPrompt | ActionKind::ReadResource) {
            return Ok(Ok(Held::default()));
        }
        if let Some(spent) = self.keep_pace(caller).await? {
            return Ok(Err(spent));
        }
        let meters = action.guard().meters();
        if meters.is_empty() {
            return Ok(Ok(Held::default()));
        }
        // Boxed: most calls are not counted and do not carry the room for it.
        let would_do = |plan: &Plan| would_do(caller, action.guard(), plan);
        let counted = Counted { name: action.name(), meters, would_do: &would_do };
        let reserved = match &self.meters {
            Some(meters) => Box::pin(meters.0.reserve(caller, counted)).await,
            None => return Err(uncounted()),
        };
        match reserved {
            Ok(Reserved::Held(held)) => Ok(Ok(Held(Some(held)))),
            Ok(Reserved::UsedUp(used_up)) => Ok(Err(Spent::UsedUp(used_up))),
            Err(failure) => {
                tracing::error!(error = ?failure, tool.name = action.name(), "a call could not be counted, so it does not run");
                Err(uncounted())
            }
        }
    }

    async fn keep_pace(&self, caller: &Caller) -> Result<Option<Spent>, ErrorData> {
        let Some(plan) = caller.subscription() else { return Ok(None) };
        let Some(per_minute) = self.rates.of(plan) else { return Ok(None) };
        let farthest = || BillingSubject::behind(caller.principal(), []).pop();
        let Some(subject) = plan.subject.or_else(farthest) else { return Ok(None) };
        // Boxed: most plans have no such limit.
        match Box::pin(self.rates.take(&plan.plan, per_minute, subject)).await {
            Ok(too_fast) => Ok(too_fast.map(|again_in| Spent::TooFast { per_minute: per_minute.get(), again_in })),
            Err(failure) => {
                tracing::error!(error = ?failure, "it is not known how many calls were made, so this one does not run");
                Err(uncounted())
            }
        }
    }
}

impl Held {
    /// How it stands with each meter the call is counted on.
    pub(crate) fn usages(&self) -> &[Usage] {
        self.0.as_ref().map_or(&[], |held| held.usages())
    }

    /// Whether the call is not counted.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Settles what a call has cost. Only what has succeeded is charged, and only what is charged has succeeded.
    pub(crate) async fn settle<T: Countable>(self, done: Result<T, ErrorData>) -> Result<T, ErrorData> {
        let Some(held) = self.0 else { return done };
        let calls: Vec<MeteredId> = held.usages().iter().map(|usage| usage.id).collect();
        match done {
            Ok(mut result) if result.has_succeeded() => match Box::pin(held.commit()).await {
                Ok(usages) => {
                    if let Some(meta) = result.meta() {
                        meta.get_or_insert_default().insert(USAGE.to_owned(), describe(&usages));
                    }
                    Ok(result)
                }
                Err(Uncommitted::GivenBack(failure)) => {
                    tracing::error!(error = ?failure, "a call could not be charged, so its result is withheld");
                    Err(uncharged())
                }
                Err(Uncommitted::Unknown(failure)) => {
                    tracing::error!(error = ?failure, "a call may have been charged, and its result is withheld");
                    Err(perhaps_charged(&calls))
                }
            },
            done => {
                Self(Some(held)).give_back().await;
                done
            }
        }
    }

    /// Gives the units back: nothing is charged.
    pub(crate) async fn give_back(self) {
        let Some(held) = self.0 else { return };
        if let Err(failure) = Box::pin(held.release()).await {
            tracing::warn!(error = ?failure, "units could not be given back now; they are when nobody answers for them");
        }
    }
}

/// Says in a list what calls of a tool cost, by the rules.
pub(crate) fn mark(tool: &mut Tool, guard: &Guard) {
    if !guard.meters().is_empty() {
        tool.meta.get_or_insert_default().insert(METERS.to_owned(), json!(guard.meters()));
    }
}

/// Whether calls of a tool cost this caller something else than the rules say: their plan has prices of its own.
pub(crate) fn is_priced(caller: &Caller, name: &str, guard: &Guard) -> bool {
    if guard.meters().is_empty() {
        return false;
    }
    let caller = standing(caller, guard);
    caller.subscription().map(|plan| &plan.quotas).is_some_and(|quotas| {
        guard.meters().keys().any(|meter| quotas.get(meter).is_some_and(|quota| quota.prices.contains_key(name)))
    })
}

/// Says in a list what calls of a tool cost this caller: what their plan says, or else the rules.
pub(crate) fn mark_for(tool: &mut Tool, caller: &Caller, guard: &Guard) {
    if guard.meters().is_empty() {
        return;
    }
    let caller = standing(caller, guard);
    let quotas = caller.subscription().map(|plan| &plan.quotas);
    let price = |(meter, by_rule): (&String, &u64)| {
        let own = quotas.and_then(|quotas| quotas.get(meter)?.prices.get(tool.name.as_ref()));
        (meter.clone(), own.copied().unwrap_or(*by_rule))
    };
    let prices: BTreeMap<String, u64> = guard.meters().iter().map(price).collect();
    tool.meta.get_or_insert_default().insert(METERS.to_owned(), json!(prices));
}

/// By meter, for the model.
fn describe(usages: &[Usage]) -> Value {
    let one = |usage: &Usage| {
        let Usage { meter, id, units, used, included, remaining, resets_at } = usage;
        let said = json!({ "call": id, "units": units, "used": used, "included": included, "remaining": remaining,
            "resets_at": resets_at });
        (meter.clone(), said)
    };
    let all: BTreeMap<String, Value> = usages.iter().map(one).collect();
    json!(all)
}

fn uncounted() -> ErrorData {
    ErrorData::internal_error("This call cannot be counted now, so it was not run and nothing was charged.", None)
}

fn uncharged() -> ErrorData {
    let message = "The tool has run, and its call could not be written down as used: its result is withheld and nothing is charged.";
    ErrorData::internal_error(message, None)
}

/// `calls`: what they are called where they are charged.
fn perhaps_charged(calls: &[MeteredId]) -> ErrorData {
    let message = "The tool has run, and it could not be found out whether its call was written down as used: its result is withheld, and it \
        may have been counted. The usage of your plan says so once the database answers.";
    ErrorData::internal_error(message, Some(json!({ "calls": calls })))
}
