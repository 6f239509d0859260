use std::sync::Arc;
use std::time::Duration;

use belgie_api::clock::{ShiftedClock, SystemClock};
use belgie_api::context::{ClientContext, SubscriptionStatus, UserContext};
use belgie_api::entropy::SystemEntropy;
use belgie_api::host::{self, Contexts, PrincipalParts};
use belgie_api::{Caller, ClientId, GrantBinding, ScopeSet, Timestamp, UserId};

use super::{Asked, Full, KeptPlan, Recorder, RecorderSettings};

/// How long a call waits for room here.
const PATIENCE: Duration = Duration::from_millis(20);

fn caller() -> Caller {
    let principal = host::principal(PrincipalParts {
        service: None,
        user: UserContext {
            id: UserId::new(&SystemClock, &SystemEntropy),
            email: "ada@example.com".to_owned(),
            email_verified: true,
            name: "Ada".to_owned(),
            scopes: ScopeSet::new(),
        },
        client: ClientContext { id: ClientId::from_wire("cli_1"), name: "Agent".to_owned() },
        session: None,
        presence: None,
        grant: None,
        token: None,
        scopes: ScopeSet::new(),
        binding: GrantBinding::default(),
        expires_at: Timestamp::EPOCH,
    });
    host::caller(Arc::new(principal), Contexts::default())
}

fn asked<'a>(caller: &'a Caller, name: &'a str) -> Asked<'a> {
    Asked { caller, request_id: None, kind: "tool.call", name, rules: 0 }
}

fn recorder(may_lose: bool, clock: &Arc<ShiftedClock>) -> Recorder {
    let settings = RecorderSettings { keeps_allowed: true, may_lose, capacity: 2, patience: PATIENCE };
    Recorder::new(settings, Arc::clone(clock) as _)
}

/// What waits: name, outcome and how long it took.
fn taken(recorder: &Recorder) -> Vec<(String, &'static str, Duration)> {
    let (entries, _) = recorder.waiting().expect("it is on").take_out(10);
    entries.iter().map(|entry| (entry.name.to_string(), entry.outcome, entry.took)).collect()
}

#[tokio::test]
async fn nothing_runs_that_finds_no_room_on_record() {
    let recorder = recorder(false, &Arc::default());
    let caller = caller();
    let first = recorder.begin(asked(&caller, "first")).await.expect("room");
    let _second = recorder.begin(asked(&caller, "second")).await.expect("room");
    let begin = std::time::Instant::now();
    assert!(matches!(recorder.begin(asked(&caller, "third")).await, Err(Full)));
    assert!(begin.elapsed() >= PATIENCE);
    // That the first one has ended makes no room yet: its entry waits to be written.
    first.end("done");
    assert!(matches!(recorder.begin(asked(&caller, "third")).await, Err(Full)));
    let waiting = Arc::clone(recorder.waiting().expect("it is on"));
    let (third, ()) = tokio::join!(recorder.begin(asked(&caller, "third")), async {
        assert_eq!(waiting.take_out(10).0.len(), 1);
        waiting.give_room(1);
    });
    third.expect("room, as soon as there is some").end("done");
    assert_eq!(taken(&recorder).len(), 1);
}

#[tokio::test]
async fn what_may_be_lost_is_counted() {
    let recorder = recorder(true, &Arc::default());
    let caller = caller();
    let _running = [recorder.begin(asked(&caller, "a")).await, recorder.begin(asked(&caller, "b")).await];
    recorder.begin(asked(&caller, "c")).await.expect("it runs").end("done");
    recorder.refused(asked(&caller, "d"), "hidden").await;
    let (entries, lost) = recorder.waiting().expect("it is on").take_out(10);
    assert_eq!((entries.len(), lost.get(&None)), (0, Some(&2)));
    recorder.waiting().expect("it is on").put_back(entries, lost);
    assert_eq!(recorder.waiting().expect("it is on").take_out(10).1.get(&None), Some(&2), "until it is written");
}

#[tokio::test]
async fn a_call_that_is_dropped_was_cut_off_and_took_its_time() {
    let clock = Arc::new(ShiftedClock::default());
    let recorder = recorder(false, &clock);
    let caller = caller();
    let underway = recorder.begin(asked(&caller, "long")).await.expect("room");
    clock.advance(Duration::from_secs(3));
    drop(underway);
    let found = taken(&recorder);
    assert_eq!((found[0].0.as_str(), found[0].1), ("long", "cut_off"));
    assert!(found[0].2 >= Duration::from_secs(3));
}

#[tokio::test]
async fn what_could_not_be_written_keeps_its_order() {
    let recorder = recorder(false, &Arc::default());
    let caller = caller();
    for name in ["first", "second"] {
        recorder.begin(asked(&caller, name)).await.expect("room").end("done");
    }
    let waiting = recorder.waiting().expect("it is on");
    let (entries, lost) = waiting.take_out(1);
    waiting.put_back(entries, lost);
    assert_eq!(taken(&recorder).into_iter().map(|entry| entry.0).collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn a_plan_of_an_earlier_record_counts_as_paid() {
    let old = serde_json::json!({ "plan": "pro", "entitlements": ["exports"] });
    let kept: KeptPlan = serde_json::from_value(old).expect("it is read");
    assert_eq!(kept.status, SubscriptionStatus::Active);
    let unpaid = KeptPlan { status: SubscriptionStatus::ReadOnly, ..kept };
    let read: KeptPlan = serde_json::from_value(serde_json::to_value(&unpaid).expect("it is written")).expect("read");
    assert_eq!(read, unpaid);
}
