//! How calls are counted, without the machine knowing who counts them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use super::WayOut;
use crate::caller::Caller;
use crate::context::QuotaContext;
use crate::failure::{Failure, Result};
use crate::id::MeteredId;
use crate::plan::Plan;
use crate::time::Timestamp;

/// A call that is to be counted.
#[derive(Clone, Copy)]
pub struct Counted<'a> {
    /// What is called: the name of a tool, the name of a prompt, the URI of a resource.
    pub name: &'a str,
    /// On which meters, with how many units each, as its rules say.
    pub meters: &'a BTreeMap<String, u64>,
    /// Whether the rules before it let the same call through under another plan; what is left of that is not asked.
    pub would_do: &'a (dyn Fn(&Plan) -> bool + Send + Sync),
}

impl fmt::Debug for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("name", &self.name).field("meters", &self.meters).finish_non_exhaustive()
    }
}

/// How it stands with a meter when a call has its units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The meter.
    pub meter: String,
    /// What the call is called where it is charged.
    pub id: MeteredId,
    /// What it costs, in units.
    pub units: u64,
    /// Units that are used in this period, those of this call and of others that run among them.
    pub used: u64,
    /// Units that are in the price of a period.
    pub included: u64,
    /// Units that are left of what is included.
    pub remaining: u64,
    /// When counting begins anew.
    pub resets_at: Timestamp,
}

/// Whose share is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// That of whoever has the plan.
    Plan,
    /// That of one team.
    Team,
    /// That of one person.
    User,
    /// That of one agent.
    Agent,
}

/// There is not enough left for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedUp {
    /// Of which meter, by its name.
    pub meter: String,
    /// What people call it.
    pub title: String,
    /// Of whose share.
    pub level: Level,
    /// What the call would cost, in units.
    pub units: u64,
    /// Units that are used, those of calls that run among them.
    pub used: u64,
    /// Units that nobody passes.
    pub limit: u64,
    /// When counting begins anew.
    pub resets_at: Timestamp,
    /// Where the caller gets more, if that can be bought.
    pub way_out: Option<WayOut>,
}

/// What came of asking for units.
pub enum Reserved {
    /// They are set aside.
    Held(Box<dyn Reservation>),
    /// There are not enough.
    UsedUp(Box<UsedUp>),
}

/// Why the result of a call that has succeeded is not handed out.
#[derive(Debug)]
pub enum Uncommitted {
    /// Its units are given back: nothing is charged.
    GivenBack(Failure),
    /// Nobody knows whether they are: the database has not said so and does not answer. They may have been used.
    Unknown(Failure),
}

/// Units that are set aside for a call that runs. Dropped, they are given back, as soon as that can be done.
#[async_trait]
pub trait Reservation: Send {
    /// How it stands with each meter while they are set aside.
    fn usages(&self) -> &[Usage];

    /// The call has succeeded: its units are used. Only when this returns may its result be handed out.
    ///
    /// # Errors
    /// When that cannot be written down, or it cannot be found out whether it is.
    async fn commit(self: Box<Self>) -> Result<Vec<Usage>, Uncommitted>;

    /// The call has not succeeded: nothing is charged.
    ///
    /// # Errors
    /// When that cannot be written down now. It is then, by whoever looks after units that nobody answers for any more.
    async fn release(self: Box<Self>) -> Result<()>;
}

/// Counts calls.
#[async_trait]
pub trait Metering: Send + Sync {
    /// Sets units aside, of all meters or of none: however many ask at the same time, and on however many nodes, what is set
    /// aside and what is used never pass what nobody passes. No transaction is open when this returns.
    ///
    /// # Errors
    /// When it cannot be found out or written down; then nothing is set aside.
    async fn reserve(&self, caller: &Caller, counted: Counted<'_>) -> Result<Reserved>;

    /// How it stands now with every quota of the plan of a caller, by meter.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn quotas(&self, caller: &Caller) -> Result<BTreeMap<String, QuotaContext>>;
}

/// Whoever counts, as [`Mount::metering`](crate::Mount::metering) provides it.
pub struct Meters(pub Arc<dyn Metering>);

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plan => "the plan",
            Self::Team => "this team",
            Self::User => "this person",
            Self::Agent => "this agent",
        })
    }
}
