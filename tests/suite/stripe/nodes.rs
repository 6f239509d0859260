//! Two gateways on one database: what they count they count together, and what changes at one is known at the other.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::meter::{METERED, spent, sums, tell, with_plan};
use super::{buy, of_acme, selling};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, Reply, Setup, Stripe};

on_both_engines! {
    async fn sixty_four_at_two_nodes_never_pass_what_ten_are_left_for(engine: Engine) {
        let stripe = Stripe::start().await;
        let plans = METERED.replacen("[\"echo\", \"hang\", \"brood\"]", "[\"echo\"]", 1);
        let gateway = Setup::default().config(&stripe.table()).config(&plans).start(engine).await;
        let (ada, acme) = with_plan(&gateway, &stripe, "pro").await;
        let other = gateway.elsewhere(true).await;
        let there = Connected { mcp_url: other.mcp_url(), ..Connected::of(&other, &ada.person, "", Some(acme)).await };
        let calls = (0..64).map(|number| if number % 2 == 0 { &ada } else { &there }).map(Connected::call);
        let replies = join_all(calls).await;
        let is_done = |reply: &Reply| reply.body["result"]["isError"] == false;
        assert_eq!(replies.iter().filter(|reply| is_done(reply)).count(), 10);
        let refused_at = |node: usize| replies.iter().skip(node).step_by(2).filter(|reply| !is_done(reply)).count();
        assert!(refused_at(0) >= 22 && refused_at(1) >= 22, "both nodes know of the other's");
        for refused in replies.iter().filter(|reply| !is_done(reply)) {
            spent(refused);
        }
        let sums = sums(&gateway).await;
        assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(10), &json!(10), &json!(0)), "{sums}");
        tell(&gateway).await;
        assert_eq!(stripe.shop().counted.sum(None), 10);
    }
}

on_both_engines! {
    async fn calls_in_a_minute_are_those_at_all_nodes(engine: Engine) {
        let stripe = Stripe::start().await;
        let plans = "[[plan]]\nname = \"free\"\ncalls_per_minute = 20\n";
        let gateway = Setup::default().config(&stripe.table()).config(plans).start(engine).await;
        let (eve, person) = super::alone(&gateway, "eve@example.org").await;
        let (second, third) = (gateway.elsewhere(true).await, gateway.elsewhere(true).await);
        let mut nodes = vec![eve];
        for other in [&second, &third] {
            nodes.push(Connected { mcp_url: other.mcp_url(), ..Connected::of(other, &person, "", None).await });
        }
        let replies = join_all((0..60).map(|number| nodes[number % 3].call())).await;
        let (done, refused): (Vec<&Reply>, Vec<&Reply>) = replies.iter().partition(|reply| reply.body["result"]["isError"] == false);
        // As many as the plan has, and a twentieth more for each node.
        assert!((20..=23).contains(&done.len()), "{} went through", done.len());
        for reply in refused {
            let said = &reply.body["result"]["structuredContent"];
            assert_eq!((&said["error"], &said["calls_per_minute"]), (&json!("access.rate_exceeded"), &json!(20)), "{said}");
            assert!(said["retry_after_seconds"].as_u64().is_some_and(|seconds| (1..=60).contains(&seconds)), "{said}");
        }
        // A node that comes later has its own twentieth, and nothing is left beside that until the minute is over.
        let fourth = gateway.elsewhere(true).await;
        let late = Connected { mcp_url: fourth.mcp_url(), ..Connected::of(&fourth, &person, "", None).await };
        let is_done = async || late.call().await.body["result"]["isError"] == false;
        assert!(is_done().await && !is_done().await);
        gateway.clock.advance(Duration::from_secs(61));
        for _ in 0..10 {
            assert!(is_done().await, "a minute later there are more");
        }
    }
}

/// Whether the tool `echo` is marked as locked in a list.
async fn is_locked(connected: &Connected) -> bool {
    let listed = connected.modern().send("tools/list", json!({})).await;
    let tools = listed.body["result"]["tools"].as_array().unwrap_or_else(|| panic!("{:?}", listed.body)).clone();
    let echo = tools.into_iter().find(|tool| tool["name"] == "echo").expect("it is shown");
    echo["_meta"]["belgie/locked"] != Value::Null
}

/// Whoever asks for the list after the news sees the new one. A purchase may be told more than once.
async fn becomes(stream: &mut EventStream, connected: &Connected, locked: bool) {
    let told = async {
        loop {
            let news = stream.next().await.expect("news");
            assert_eq!(news["method"], "notifications/tools/list_changed");
            if is_locked(connected).await == locked {
                break;
            }
        }
    };
    timeout(Duration::from_secs(1), told).await.expect("the other node knows in time");
}

on_both_engines! {
    async fn the_list_of_another_node_is_another_one_within_a_second(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let other = gateway.elsewhere(true).await;
        let there = Connected { mcp_url: other.mcp_url(), ..Connected::of(&other, &ada.person, "", Some(acme)).await };
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(there.modern().request("subscriptions/listen", filter)).await;
        assert!(stream.next().await.is_some(), "it is acknowledged");
        assert!(is_locked(&there).await, "and this is remembered");
        let id = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        becomes(&mut stream, &there, false).await;
        stripe.shop().change(&id, |own| own["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        becomes(&mut stream, &there, true).await;
    }
}
