//! `echo`, `add`, `slow` and `step_up`.

use std::time::Duration;

use belgie_api::plugin::ScopeInfo;
use belgie_api::tools::Denied;
use belgie_api::{Caller, ToolSet, access, tool};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, ProgressNotificationParam, RequestMetaObject};
use rmcp::{Peer, RoleServer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The scope that `step_up` asks for.
pub const STEP_UP: &str = "demo:step-up";

/// The longest wait, in seconds.
const LONGEST_WAIT: u32 = 300;

/// The time between two reports of progress.
const STEP: Duration = Duration::from_millis(250);

/// The scopes of these tools.
#[must_use]
pub fn scopes() -> Vec<ScopeInfo> {
    vec![ScopeInfo::on_request(STEP_UP, "Try out asking for more rights")]
}

/// The tools.
#[must_use]
pub fn tools() -> ToolSet {
    ToolSet::new(())
        .tool(tool("echo", "Gives the text back").arguments::<Echo>().read_only().plain(), access(), echo)
        .tool(tool("add", "Adds two numbers").arguments::<Add>().returns::<Sum>().read_only().plain(), access(), add)
        .tool(
            tool("slow", "Waits, and tells how far it is when asked to").arguments::<Slow>().read_only(),
            access(),
            slow,
        )
        .tool(
            tool("step_up", "Needs a right that is only given on request").read_only().plain(),
            access().scope(STEP_UP),
            step_up,
        )
}

#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// What to give back.
    text: String,
}

async fn echo(Parameters(Echo { text }): Parameters<Echo>) -> String {
    text
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The one number.
    a: f64,
    /// The other number.
    b: f64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    /// Both together.
    sum: serde_json::Number,
}

async fn add(Parameters(Add { a, b }): Parameters<Add>) -> Result<CallToolResult, Denied> {
    let sum = number(a + b).ok_or_else(|| Denied::new("demo.sum_too_large", "The sum is too large for a number."))?;
    let mut result = CallToolResult::success(vec![ContentBlock::text(sum.to_string())]);
    result.structured_content = serde_json::to_value(Sum { sum }).ok();
    Ok(result)
}

/// A number without a fraction where there is none: 2 + 3 is 5 and not 5.0.
fn number(value: f64) -> Option<serde_json::Number> {
    /// Up to here a float holds every whole number (2^53).
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "the value is whole and within the bounds")]
        return Some((value as i64).into());
    }
    serde_json::Number::from_f64(value)
}

#[derive(Deserialize, JsonSchema)]
struct Slow {
    /// How long to wait, in seconds.
    #[schemars(range(max = 300))]
    seconds: u32,
}

async fn slow(
    Parameters(Slow { seconds }): Parameters<Slow>,
    meta: RequestMetaObject,
    peer: Peer<RoleServer>,
) -> Result<String, Denied> {
    if seconds > LONGEST_WAIT {
        return Err(Denied::new("demo.too_slow", format!("The longest wait is {LONGEST_WAIT} seconds.")));
    }
    let whole = Duration::from_secs(seconds.into());
    let begin = Instant::now();
    let end = begin + whole;
    let Some(token) = meta.get_progress_token() else {
        tokio::time::sleep_until(end).await;
        return Ok(done(seconds));
    };
    let mut next = begin + STEP;
    while next < end {
        tokio::time::sleep_until(next).await;
        let mut progress = ProgressNotificationParam::new(token.clone(), (next - begin).as_secs_f64());
        progress.total = Some(whole.as_secs_f64());
        // A client that does not listen any more cancels the call; there is nothing else to do about it here.
        let _ = peer.notify_progress(progress).await;
        next += STEP;
    }
    tokio::time::sleep_until(end).await;
    Ok(done(seconds))
}

fn done(seconds: u32) -> String {
    format!("done after {seconds} s")
}

async fn step_up(caller: Caller) -> String {
    format!("{} has stepped up", caller.user().email)
}
