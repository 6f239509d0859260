//! What a plan does not open: how lists show it, what a missing payment leaves open, and what clients are shown that open no
//! pages.

use std::time::Duration;

use belgie::Builder;
use belgie::access::{Change, Question, Replay};
use belgie_api::{ToolSet, access, tool};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::meter::{METERED, spent, sums, usage_in};
use super::{PLANS, account, alone, buy, is_open, of_acme, plan_of, selling};
use crate::on_both_engines;
use crate::support::{Connected, Engine, EventStream, LegacySession, Reply, Setup, Stripe, TestGateway, rpc};

async fn written() -> String {
    "written".to_owned()
}

/// Tools that change something, behind a plan.
fn writing() -> ToolSet<()> {
    let of_plan = ToolSet::new(()).tool(tool("write", "Writes something").plain(), access().plan("pro"), written);
    // Two rules, each of them met by another plan.
    let rule = access().entitlement("exports").plan("pro").plan("business");
    let of_plan = of_plan.tool(tool("both", "Needs more than one rule").plain(), rule, written);
    of_plan.tool(tool("count", "Writes something that is counted").plain(), access().meter("exports"), written)
}

/// A gateway with them.
async fn with_writing(engine: Engine, of_plugin: &str, more: &str) -> (TestGateway, Stripe) {
    let stripe = Stripe::start().await;
    let quota = "limits = { projects = \"10\" }\nmetered_prices = [\"price_calls\"]\n[plan.quotas.exports]\nincluded = 5\ncap = \"soft\"\n";
    let plans = PLANS.replacen("limits = { projects = \"10\" }\n", quota, 1);
    let meter = "[[meter]]\nname = \"exports\"\nevent_name = \"belgie_exports\"\n";
    let setup = Setup::default().config(&stripe.table()).config(of_plugin).config(meter).config(&plans).config(more);
    (setup.build(move |builder| builder.tools(writing())).start(engine).await, stripe)
}

fn find<'a>(list: &'a Reply, name: &str) -> Option<&'a Value> {
    list.body["result"]["tools"].as_array().expect("tools").iter().find(|tool| tool["name"] == name)
}

on_both_engines! {
    async fn lists_mark_what_the_plan_does_not_open(engine: Engine) {
        let (gateway, stripe) = with_writing(engine, "", "").await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let session = ada.session().await;
        for list in [ada.modern().send("tools/list", json!({})).await, session.send("tools/list", json!({})).await] {
            let tool = find(&list, "write").expect("it is listed");
            assert_eq!(tool["title"], "write (locked)");
            assert!(tool["description"].as_str().is_some_and(|text| text.starts_with("Locked. The tool `write` needs Pro;") && text.ends_with("Writes something")), "{tool}");
            let mark = &tool["_meta"]["belgie/locked"];
            assert_eq!((&mark["code"], &mark["plans"]), (&json!("access.plan_too_small"), &json!(["Pro"])));
            let link = mark["upgrade_url"].as_str().expect("a link");
            assert!(ada.browser.get(link).await.body.contains("Choose the plan of"));
            assert_eq!(find(&list, "whoami").expect("listed")["_meta"]["belgie/locked"], Value::Null);
        }
        buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        for list in [ada.modern().send("tools/list", json!({})).await, session.send("tools/list", json!({})).await] {
            let tool = find(&list, "write").expect("it is listed");
            assert_eq!((&tool["title"], &tool["description"]), (&Value::Null, &json!("Writes something")), "{tool}");
        }
        assert_eq!(ada.modern().call("write", json!({})).await.text(), "written");
    }
}

on_both_engines! {
    async fn lists_leave_out_what_the_plan_does_not_open_where_the_operator_says_so(engine: Engine) {
        let (gateway, stripe) = with_writing(engine, "", "[mcp]\nlocked_tools = \"hidden\"").await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let session = ada.session().await;
        let names = async |connected: &Connected, session: &LegacySession| {
            let modern = connected.modern().send("tools/list", json!({})).await;
            let legacy = session.send("tools/list", json!({})).await;
            assert_eq!(modern.tool_names(), legacy.tool_names());
            modern.tool_names().into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert!(!names(&ada, &session).await.contains(&"write".to_owned()));
        super::link_in(&ada.call().await);
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(ada.modern().request("subscriptions/listen", filter)).await;
        assert!(stream.next().await.is_some());
        let id = buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        assert_eq!(stream.next().await.expect("news")["method"], "notifications/tools/list_changed");
        assert!(names(&ada, &session).await.contains(&"write".to_owned()), "list and call agree at once");
        assert_eq!(ada.modern().call("write", json!({})).await.text(), "written");
        stripe.shop().change(&id, |own| own["status"] = json!("canceled"));
        stripe.tell_all(&gateway).await;
        assert!(!names(&ada, &session).await.contains(&"write".to_owned()));
    }
}

on_both_engines! {
    async fn only_plans_that_meet_every_rule_are_offered(engine: Engine) {
        let rules = "[[access]]\ntools = [\"both\"]\nentitlements = [\"sso\"]\n[[access]]\ntools = [\"write\"]\ndeny = true\nplans = [\"pro\"]";
        let (gateway, _stripe) = with_writing(engine, "", rules).await;
        let (ada, _) = of_acme(&gateway).await;
        let refused = ada.modern().call("both", json!({})).await;
        assert_eq!(refused.body["result"]["structuredContent"]["plans"], json!(["Business"]), "Pro has no sso: {:?}", refused.body);
        // The one plan it asks for is denied by another rule: nothing that can be bought would help.
        let refused = ada.modern().call("write", json!({})).await;
        assert_eq!(refused.body["result"]["structuredContent"]["upgrade_url"], Value::Null, "{:?}", refused.body);
        assert!(refused.text().contains("Nothing that can be bought here"), "{}", refused.text());
    }
}

on_both_engines! {
    async fn a_missing_payment_closes_writing_first_and_then_everything(engine: Engine) {
        let (gateway, stripe) = with_writing(engine, "grace = \"10m\"\nread_only = \"10m\"", "").await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        let standing = async |connected: &Connected| {
            let writes = connected.modern().call("write", json!({})).await.text() == "written";
            // What only a meter stands before is opened by the plan that includes it.
            let counts = connected.modern().call("count", json!({})).await.text() == "written";
            assert_eq!(counts, writes);
            let plan = plan_of(connected).await;
            (is_open(connected).await, writes, plan["status"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(standing(&eve).await, (true, true, "active".to_owned()));
        stripe.shop().change(&id, |own| own["status"] = json!("past_due"));
        stripe.tell_all(&gateway).await;
        assert_eq!(standing(&eve).await, (true, true, "past_due".to_owned()));
        gateway.clock.advance(Duration::from_secs(601));
        assert_eq!(standing(&eve).await, (true, false, "read_only".to_owned()));
        let refused = eve.modern().call("write", json!({})).await;
        let said = &refused.body["result"]["structuredContent"];
        assert_eq!(said["error"], "access.payment_missing", "{:?}", refused.body);
        let counted = eve.modern().call("count", json!({})).await;
        assert_eq!(counted.body["result"]["structuredContent"]["error"], "access.payment_missing", "{:?}", counted.body);
        let page = eve.browser.get(said["upgrade_url"].as_str().expect("a link")).await;
        assert!(page.body.contains("A payment for Pro is missing"), "{}", page.body);
        let list = eve.modern().send("tools/list", json!({})).await;
        assert_eq!(find(&list, "write").expect("listed")["_meta"]["belgie/locked"]["code"], "access.payment_missing");
        // Stripe gives it up: what was read-only stays so until its time is over.
        stripe.shop().change(&id, |own| own["status"] = json!("unpaid"));
        stripe.tell_all(&gateway).await;
        assert_eq!(standing(&eve).await, (true, false, "read_only".to_owned()));
        gateway.clock.advance(Duration::from_secs(601));
        assert_eq!(standing(&eve).await, (false, false, "free".to_owned()));
        let (_, list) = crate::provider::read(&mut eve.browser, "/auth/subscription/list").await;
        assert_eq!(list[0]["status"], "unpaid", "nothing is lost: {list}");
        stripe.shop().change(&id, |own| own["status"] = json!("active"));
        stripe.tell_all(&gateway).await;
        assert_eq!(standing(&eve).await, (true, true, "active".to_owned()));
    }
}

on_both_engines! {
    async fn what_everybody_has_goes_on_while_a_payment_is_missing(engine: Engine) {
        let stripe = Stripe::start().await;
        let of_plugin = "grace = \"10m\"\nread_only = \"10m\"";
        let setup = Setup::default().config(&stripe.table()).config(of_plugin).config(METERED);
        let gateway = setup.build(move |builder| builder.tools(writing())).start(engine).await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        assert_eq!(usage_in(&eve.modern().call("count", json!({})).await)["remaining"], 9);
        stripe.shop().change(&id, |own| own["status"] = json!("past_due"));
        stripe.tell_all(&gateway).await;
        gateway.clock.advance(Duration::from_secs(601));
        // Reading goes on under the plan that is not paid, and what everybody has counts as it does for everybody.
        assert_eq!(usage_in(&eve.call().await)["used"], 2);
        let list = eve.modern().send("tools/list", json!({})).await;
        assert_eq!(find(&list, "count").expect("listed")["_meta"]["belgie/locked"], Value::Null);
        for used in 1..=3 {
            let usage = usage_in(&eve.modern().call("count", json!({})).await);
            assert_eq!((&usage["used"], &usage["included"]), (&json!(used), &json!(3)), "{usage}");
        }
        spent(&eve.modern().call("count", json!({})).await);
        let refused = eve.modern().call("write", json!({})).await;
        assert_eq!(refused.body["result"]["structuredContent"]["error"], "access.payment_missing", "{:?}", refused.body);
        assert_eq!(plan_of(&eve).await["status"], "read_only");
        let sums = sums(&gateway).await;
        let of_plan = sums["told"].as_i64().zip(sums["waiting"].as_i64()).map(|(told, waiting)| told + waiting);
        assert_eq!((&sums["units"], of_plan), (&json!(5), Some(2)), "nobody pays for what everybody has: {sums}");
        stripe.shop().change(&id, |own| own["status"] = json!("active"));
        stripe.tell_all(&gateway).await;
        assert_eq!(usage_in(&eve.modern().call("count", json!({})).await)["used"], 3, "that of the plan goes on");
    }
}

on_both_engines! {
    async fn a_missing_payment_counts_where_other_rules_are_tried(engine: Engine) {
        let (gateway, stripe) = with_writing(engine, "grace = \"10m\"\nread_only = \"10m\"", "# rules").await;
        let (mut eve, person) = alone(&gateway, "eve@example.org").await;
        let id = buy(&gateway, &stripe, &mut eve.browser, &account(person.id), "pro").await;
        stripe.shop().change(&id, |own| own["status"] = json!("past_due"));
        stripe.tell_all(&gateway).await;
        gateway.clock.advance(Duration::from_secs(601));
        let refused = eve.modern().call("write", json!({})).await;
        assert_eq!(refused.body["result"]["structuredContent"]["error"], "access.payment_missing", "{:?}", refused.body);
        assert!(is_open(&eve).await, "what changes nothing is open");
        gateway.gateway.archive().flush().await.expect("written");
        let judged = async |plans: &str, is_known: bool| {
            let rules = format!("[[access]]\ntools = [\"write\", \"echo\"]\nplans = {plans}\n");
            let build = |builder: Builder| match is_known {
                true => builder.demo_tools().tools(writing()).at_rest(),
                false => builder.at_rest(),
            };
            let other = gateway.with_others(|text| text.replace("# rules", &rules), build).await;
            let simulation = other.simulate(Replay::default()).await.expect("an answer");
            other.shutdown().await;
            let words = |change: &Change| format!("{} {}->{}", change.name, change.before, change.after);
            let changes: Vec<_> = simulation.changes.iter().map(words).collect();
            (simulation.decisions, simulation.same, simulation.depends_on_unknown_rules, changes)
        };
        // A rule that the plan meets opens nothing while the payment is missing, and closes nothing.
        let both = "[\"pro\", \"business\"]";
        assert_eq!(judged(both, true).await, (2, 2, 0, Vec::new()));
        // Whoever does not know the tools cannot say which of them change something.
        assert_eq!(judged(both, false).await, (2, 1, 1, Vec::new()));
        let closed = vec!["echo allowed->plan_too_small".to_owned()];
        assert_eq!(judged("[\"business\"]", true).await, (2, 1, 0, closed));
    }
}

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

on_both_engines! {
    async fn a_client_that_shows_forms_alone_shows_code_reason_and_link(engine: Engine) {
        let (gateway, _stripe) = selling(engine).await;
        let (ada, _) = of_acme(&gateway).await;
        for capability in [json!({}), json!({ "form": {} })] {
            let mut params = json!({ "name": "echo", "arguments": { "text": "still here" }, "_meta": { CAPABILITIES: { "elicitation": capability } } });
            let reply = ada.modern().send("tools/call", params.clone()).await;
            let asked = &reply.body["result"]["inputRequests"]["belgie_upgrade"];
            assert_eq!(asked["params"]["mode"], "form", "{:?}", reply.body);
            let message = asked["params"]["message"].as_str().expect("words");
            assert!(message.starts_with("access.plan_too_small: The tool `echo` needs Pro or Business"), "{message}");
            assert!(message.contains("/billing/upgrade?ask="), "{message}");
            assert_eq!(asked["params"]["requestedSchema"]["properties"]["done"]["type"], "boolean");
            // A form is shown once: whatever the answer, the rest is words.
            for action in ["accept", "decline"] {
                params["inputResponses"] = json!({ "belgie_upgrade": { "action": action, "content": { "done": true } } });
                let reply = ada.modern().send("tools/call", params.clone()).await;
                assert_eq!((reply.status, &reply.body["result"]["isError"]), (StatusCode::OK, &json!(true)), "{:?}", reply.body);
            }
        }
    }
}

on_both_engines! {
    async fn in_a_session_of_the_older_era_the_form_comes_while_the_call_waits(engine: Engine) {
        let (gateway, _stripe) = selling(engine).await;
        let (ada, _) = of_acme(&gateway).await;
        let mut session = ada.session().await;
        session.id.clear();
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": { "elicitation": {} }, "clientInfo": { "name": "suite", "version": "1" } });
        let opened = session.send("initialize", hello).await;
        session.id = opened.headers["mcp-session-id"].to_str().expect("a plain id").to_owned();
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(session.post(&done).send().await.expect("an answer").status(), StatusCode::ACCEPTED);
        let call = rpc("tools/call", json!({ "name": "echo", "arguments": { "text": "hello" } }));
        let mut stream = EventStream::open(session.post(&call)).await;
        let asked = stream.next().await.expect("a question");
        assert_eq!(asked["method"], "elicitation/create", "{asked}");
        let message = asked["params"]["message"].as_str().expect("words");
        assert!(message.starts_with("access.plan_too_small: ") && message.contains("/billing/upgrade?ask="), "{message}");
        let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": "accept", "content": { "done": true } } });
        assert_eq!(session.post(&answer).send().await.expect("an answer").status(), StatusCode::ACCEPTED);
        let said = stream.next().await.expect("a result");
        assert_eq!(said["result"]["isError"], true, "{said}");
        assert!(said["result"]["content"][0]["text"].as_str().is_some_and(|text| text.contains("Upgrade: ")), "{said}");
    }
}

on_both_engines! {
    async fn what_a_plan_names_is_open_under_plans_that_name_it_alone(engine: Engine) {
        let stripe = Stripe::start().await;
        let opens = "tools = [\"note_*\"]\nscopes = [\"demo:step-up\"]\nlimits = { projects = \"10\" }\n";
        let plans = PLANS.replacen("limits = { projects = \"10\" }\n", opens, 1);
        let notes = ToolSet::new(()).tool(tool("note_down", "Notes something").plain(), access(), written);
        let setup = Setup::default().config(&stripe.table()).config(&plans);
        let gateway = setup.build(move |builder: Builder| builder.tools(notes)).start(engine).await;
        let (mut ada, acme) = of_acme(&gateway).await;
        let wide = Connected::of(&gateway, &ada.person, "demo:step-up connections:read", Some(acme)).await;
        let ask = async |connected: &Connected, name: &str| connected.modern().call(name, json!({})).await;
        // By its name.
        let locked = ask(&ada, "note_down").await;
        assert!(locked.text().starts_with("access.plan_too_small: The tool `note_down`"), "{}", locked.text());
        assert_eq!(locked.body["result"]["structuredContent"]["plans"], json!(["Pro"]), "{}", locked.body);
        // By the scope its rule asks for: first the scope, then the plan, and neither leads back to the other.
        assert_eq!(ask(&ada, "step_up").await.status, StatusCode::FORBIDDEN, "no scope");
        let locked = ask(&wide, "step_up").await;
        assert!(locked.text().starts_with("access.plan_too_small: The tool `step_up`"), "{}", locked.text());
        let list = wide.modern().send("tools/list", json!({})).await;
        for name in ["note_down", "step_up"] {
            assert_eq!(find(&list, name).expect("listed")["_meta"]["belgie/locked"]["plans"], json!(["Pro"]), "{name}");
        }
        let question = Question {
            user: "ada@example.org".to_owned(),
            organization: Some("acme".to_owned()),
            scopes: Some("demo:step-up".parse().expect("scopes")),
            name: "step_up".to_owned(),
            ..Question::default()
        };
        let told = gateway.gateway.explain(&question).await.expect("an answer").json();
        assert_eq!((&told["trace"]["call"]["outcome"], &told["trace"]["rules"]), (&json!("plan_too_small"), &json!(["code", "plan"])), "{told}");

        buy(&gateway, &stripe, &mut ada.browser, &acme.to_string(), "pro").await;
        assert_eq!(ask(&ada, "note_down").await.text(), "written");
        assert_eq!(ask(&ada, "step_up").await.status, StatusCode::FORBIDDEN, "a plan gives nobody's agent a scope");
        assert_ne!(ask(&wide, "step_up").await.body["result"]["isError"], true);
        // A larger plan that does not name them does not open them.
        let (mut bob, own) = alone(&gateway, "bob@example.org").await;
        buy(&gateway, &stripe, &mut bob.browser, &own.id.to_string(), "business").await;
        assert!(ask(&bob, "note_down").await.text().starts_with("access.plan_too_small"));
    }
}
