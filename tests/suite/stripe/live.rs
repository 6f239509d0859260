//! Whoever listens hears of another plan at once, on every node; whose plan it is decides what it opens.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::{alone, buy, is_open, member_of, of_acme, plan_of, selling};
use crate::on_both_engines;
use crate::support::{Connected, Engine, EventStream, PATIENCE};

on_both_engines! {
    async fn clients_hear_that_their_list_has_changed(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let bob = member_of(&gateway, acme, "bob@example.org", "member").await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(bob.modern().request("subscriptions/listen", filter)).await;
        assert!(stream.next().await.is_some(), "it is acknowledged");
        assert!(!is_open(&bob).await);
        buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        assert_eq!(stream.next().await.expect("news")["method"], "notifications/tools/list_changed");
        assert!(is_open(&bob).await, "what an organization pays for is everybody's in it");
    }
}

on_both_engines! {
    async fn another_node_hears_of_it_within_a_second(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let other = gateway.elsewhere(true).await;
        let there = Connected { mcp_url: other.mcp_url(), ..Connected::of(&other, &ada.person, "", Some(acme)).await };
        assert!(!is_open(&there).await, "and this is remembered");
        let page = super::order(&mut ada.browser, json!({ "plan": "pro", "account_id": acme })).await;
        stripe.pay(&page);
        stripe.tell_all(&gateway).await;
        let begin = Instant::now();
        while !is_open(&there).await {
            assert!(begin.elapsed() < Duration::from_secs(1), "the other node has not heard of it");
        }
    }
}

on_both_engines! {
    async fn nobody_takes_a_plan_from_one_account_to_another(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let herself = Connected::of(&gateway, &ada.person, "", None).await;
        buy(&gateway, &stripe, &mut ada.browser, &super::account(ada.person.id), "pro").await;
        assert!(is_open(&herself).await);
        assert!(!is_open(&ada).await, "the organization has not bought it");
        buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "business").await;
        assert_eq!((&plan_of(&ada).await["plan"], &plan_of(&herself).await["plan"]), (&json!("business"), &json!("pro")));
        let (eve, _) = alone(&gateway, "eve@example.org").await;
        assert!(!is_open(&eve).await);
    }
}

on_both_engines! {
    async fn a_teams_plan_is_for_agents_that_were_let_in_for_it(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let red = crate::team::team_of(&gateway, acme, "red").await.id;
        crate::team::enter(&gateway, red, ada.person.id, "lead").await;
        let agent = ada.agent.clone();
        let of_red = crate::team::agent_for(&mut ada.browser, &agent, "", acme, &[red]).await.0;
        let of_red = Connected { tokens: of_red, browser: ada.browser.clone(), person: ada.person.clone(), agent, mcp_url: gateway.mcp_url() };
        buy(&gateway, &stripe, &mut ada.browser, &red.to_string(), "pro").await;
        let plan = plan_of(&of_red).await;
        assert_eq!((&plan["plan"], &plan["subject"]["team"]), (&json!("pro"), &json!(red)));
        assert!(is_open(&of_red).await);
        assert!(!is_open(&ada).await, "it was not let in for a team");
        buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "business").await;
        assert_eq!(plan_of(&of_red).await["plan"], "business", "nobody has less for having chosen a team");
    }
}

on_both_engines! {
    async fn a_browser_has_the_plan_of_its_person(engine: Engine) {
        let (gateway, stripe) = selling(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        buy(&gateway, &stripe, &mut eve.browser, &super::account(person.id), "pro").await;
        let mut modern = eve.modern();
        modern.token = None;
        let request = modern.request("tools/call", json!({ "name": "echo", "arguments": { "text": "by cookie" } }));
        let answer = eve.browser.clone().send(request.header("origin", &gateway.url)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(answer.body.contains("by cookie"), "{}", answer.body);
    }
}

on_both_engines! {
    async fn a_gateway_that_is_gone_keeps_nothing_open(engine: Engine) {
        let (gateway, _stripe) = selling(engine.clone()).await;
        let (ada, _) = of_acme(&gateway).await;
        assert!(!is_open(&ada).await, "it knows a caller with a plan");
        let files = gateway.data_dir();
        assert!(connections(&engine, &files).await > 0, "it is counted what is open");
        // Its folder outlives it: what is open in there has a name as long as it is there.
        let _folder = gateway.folder();
        drop(gateway);
        let begin = Instant::now();
        while connections(&engine, &files).await > 0 {
            assert!(begin.elapsed() < PATIENCE, "something of the gateway is still there");
            tokio::task::yield_now().await;
        }
    }
}

/// How many connections to its database this process, or whoever asks the server, still has.
async fn connections(engine: &Engine, files: &Path) -> usize {
    match engine {
        Engine::Sqlite => {
            let open = std::fs::read_dir("/proc/self/fd").expect("a list of what is open").flatten();
            open.filter(|one| std::fs::read_link(one.path()).is_ok_and(|path| path.starts_with(files))).count()
        }
        Engine::Postgres(url) => {
            let mut conn = PgConnection::connect(url).await.expect("the test server answers");
            let count =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
            let count: i64 = sqlx::query_scalar(count).fetch_one(&mut conn).await.expect("a number");
            usize::try_from(count).expect("not negative")
        }
    }
}
