//! The program is killed while calls are counted and told, at moments that a fixed seed chooses and at steps that the stand-in
//! holds. Nothing is lost and nothing counts twice.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::meter::{METERED, counting_with, with_plan};
use crate::on_both_engines;
use crate::support::{Connected, Modern, Program, Reply, Stripe, TestGateway};

/// How often it is killed; `belgie-bench crash` does it more often.
const ROUNDS: u32 = 9;
/// How many call at a time.
const CALLERS: usize = 4;
/// How long it may take until everything that was left is settled and told.
const PATIENCE: Duration = Duration::from_secs(25);

/// When it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// So long after the first answer.
    Soon(Duration),
    /// While a tool runs that takes its time.
    WhileToolRuns,
    /// When Stripe has heard of a call and has not answered yet.
    WhileTelling,
}

/// What the callers were answered.
#[derive(Default)]
struct Answers {
    succeeded: Mutex<BTreeSet<String>>,
    failed: AtomicBool,
}

/// Calls until nobody answers any more. Every third call fails, and is not to be counted.
async fn call_on(connected: &Connected, url: &str, answers: &Answers) {
    for number in 0_u32.. {
        let (tool, arguments) = match number % 3 {
            0 => ("add", json!({ "a": 1e308, "b": 1e308 })),
            1 => ("add", json!({ "a": 1, "b": number })),
            _ => ("echo", json!({ "text": "again" })),
        };
        let Some(reply) = ask(connected, url, tool, arguments).await else { return };
        if reply.body["result"]["isError"] == true {
            answers.failed.store(true, Ordering::Relaxed);
        } else if let Some(id) = reply.body["result"]["_meta"]["belgie/usage"]["exports"]["call"].as_str() {
            answers.succeeded.lock().expect("nobody panicked").insert(id.to_owned());
        }
    }
}

async fn ask(connected: &Connected, url: &str, tool: &str, arguments: Value) -> Option<Reply> {
    let modern = Modern { client: &connected.agent.client, url, token: Some(&connected.tokens.access) };
    let response = modern.request("tools/call", json!({ "name": tool, "arguments": arguments })).send().await.ok()?;
    let reply = Reply::read(response).await;
    // A body that was cut off is no answer.
    (!reply.body.is_null()).then_some(reply)
}

/// One life of the program, up to its end at this step.
async fn round(gateway: &TestGateway, stripe: &Stripe, connected: &Connected, answers: &Answers, step: Step) {
    let program = Program::start(gateway).await;
    let url = program.mcp_url.clone();
    stripe.shop().counted.stalls = step == Step::WhileTelling;
    // What it has heard before it can be told again, which is as good.
    let heard = || {
        let shop = stripe.shop();
        shop.counted.events.len() + shop.counted.again
    };
    let heard_before = heard();
    let answered_before = answers.succeeded.lock().expect("nobody panicked").len();
    let until = async {
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        let begin = Instant::now();
        loop {
            looks.tick().await;
            assert!(begin.elapsed() < PATIENCE, "{step:?} is not reached");
            let answered = answers.succeeded.lock().expect("nobody panicked").len() - answered_before;
            let is_reached = match step {
                Step::Soon(_) => answered > 0,
                Step::WhileToolRuns => answered >= CALLERS,
                Step::WhileTelling => heard() > heard_before,
            };
            if is_reached {
                break;
            }
        }
        if let Step::Soon(pause) = step {
            tokio::time::sleep(pause).await;
        }
        program.kill().await;
    };
    let callers = futures::future::join_all((0..CALLERS).map(|_| call_on(connected, &url, answers)));
    let slow = ask(connected, &url, "slow", json!({ "seconds": 20 }));
    let ((), _, cut_off) = tokio::join!(until, callers, slow);
    assert!(cut_off.is_none(), "it was killed before the slow tool ended");
    stripe.shop().counted.stalls = false;
}

/// Small steps of a fixed sequence (Numerical Recipes).
fn next(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 16
}

on_both_engines! {
    async fn a_program_that_is_killed_at_any_step_loses_nothing_and_counts_nothing_twice(engine: Engine) {
        let plans = METERED.replacen("included = 10\n", "included = 1000000\n", 1).replace("\"hang\"", "\"slow\"");
        let (gateway, stripe) = counting_with(engine, "meter_lease = \"1s\"", &plans).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        // From here on only the program counts and tells.
        gateway.gateway.stopper().cancel();
        gateway.gateway.shutdown().await;

        let (answers, mut seed) = (Answers::default(), 20_261_126);
        for number in 0..ROUNDS {
            let step = match number % 3 {
                0 => Step::WhileTelling,
                1 => Step::WhileToolRuns,
                _ => Step::Soon(Duration::from_micros(u64::from(next(&mut seed)) * 2)),
            };
            round(&gateway, &stripe, &ada, &answers, step).await;
        }
        assert!(answers.failed.load(Ordering::Relaxed), "some tools have failed");

        let program = Program::start(&gateway).await;
        let begin = Instant::now();
        let sums = loop {
            let (went_well, sums) = gateway.configured_program(&["usage", "check"]).await;
            assert!(went_well, "{sums}");
            if sums["running"] == 0 && sums["set_aside"] == 0 && sums["waiting"] == 0 {
                break sums;
            }
            assert!(begin.elapsed() < PATIENCE, "not settled: {sums}");
        };
        program.kill().await;
        let answered = answers.succeeded.lock().expect("nobody panicked").clone();
        let shop = stripe.shop();
        let heard: BTreeSet<String> = shop.counted.events.keys().cloned().collect();
        assert_eq!(sums["agrees"], true, "{sums}");
        assert_eq!((&sums["units"], &sums["told"]), (&json!(shop.counted.sum(None)), &json!(shop.counted.sum(None))), "{sums}");
        assert_eq!(sums["calls"], json!(heard.len()), "{sums}");
        assert!(answered.is_subset(&heard), "what was answered is counted: {:?}", answered.difference(&heard));
        // What was committed and not answered any more was under way when the program was killed.
        let most = ROUNDS as usize * CALLERS;
        assert!(heard.len() - answered.len() <= most, "{} of {}", heard.len(), answered.len());
        assert!(shop.counted.again > 0, "Stripe was told something twice");
    }
}
