//! Arguments that somebody has made large: whatever a rule may ask of them costs little, and more of them is a no.

use std::time::{Duration, Instant};

use belgie::rmcp::model::JsonObject;
use belgie_api::rmcp::handler::server::wrapper::Parameters;
use belgie_api::{ToolSet, access, tool};
use serde_json::{Value, json};

use super::{Both, refusal};
use crate::on_both_engines;
use crate::support::{Connected, Setup, TestGateway};

async fn take(Parameters(all): Parameters<JsonObject>) -> String {
    format!("took {}", all.len())
}

/// Rules that go through everything for everything.
const FILE: &str = "
[[access]]
tools = ['members']
when = 'arguments.some.all(x, x in arguments.others)'

[[access]]
tools = ['words']
when = 'arguments.some.all(x, arguments.text.contains(x))'

[[access]]
tools = ['sums']
when = 'arguments.some.all(x, size(arguments.text + arguments.text + arguments.text + x) > 0)'

[[access]]
tools = ['plain']
when = \"'needle' in arguments.some && arguments.some == arguments.others\"

[[access]]
tools = ['denied']
deny = true
when = 'arguments.some.exists(x, x == 7)'
";

fn setup() -> Setup {
    let names = ["members", "words", "sums", "plain", "denied"];
    let set = names.into_iter().fold(ToolSet::new(()), |set, name| {
        set.tool(tool(name, "Takes anything").arguments::<JsonObject>().plain(), access(), take)
    });
    Setup::default().config(FILE).build(|builder| builder.tools(set))
}

/// As much as a request can carry, and each as dear as it can be made.
fn hostile() -> Value {
    let numbers: Vec<usize> = (0..40_000).collect();
    json!({ "some": numbers, "others": numbers, "text": "a".repeat(200_000) })
}

/// As much as is looked at, so that everything is gone through for everything.
fn dear(values: usize, text: usize, some: &dyn Fn(usize) -> Value) -> Value {
    let some: Vec<Value> = (0..values).map(some).collect();
    json!({ "some": some, "others": some, "text": "a".repeat(text) })
}

on_both_engines! {
    async fn what_is_too_large_to_be_looked_at_is_refused_and_says_so(gateway: TestGateway, setup = setup()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let both = Both::of(&ada).await;
        for name in ["members", "words", "sums", "plain", "denied"] {
            for reply in both.call(name, hostile()).await {
                assert_eq!(refusal(&reply), "access.arguments_too_large", "{name}");
                assert!(reply.text().contains("larger than the rules"), "{}", reply.text());
            }
        }
        // What goes through everything for everything is asked of less.
        let thousands = json!({ "some": vec![1; 2_000], "others": vec![1; 2_000], "text": "aa" });
        for (name, is_looked_at) in [("members", false), ("denied", false), ("plain", true)] {
            for reply in both.call(name, thousands.clone()).await {
                let code = refusal(&reply);
                assert_eq!(code == "access.arguments_too_large", !is_looked_at, "{name}: {code}");
            }
        }
        let small = json!({ "some": ["a"], "others": ["a"], "text": "aa" });
        for name in ["members", "words", "sums", "denied"] {
            for reply in both.call(name, small.clone()).await {
                assert_eq!(reply.text(), "took 3", "{name}: {:?}", reply.body);
            }
        }
    }
}

on_both_engines! {
    async fn the_dearest_that_is_looked_at_is_decided_in_time(gateway: TestGateway, setup = setup()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        // Together they are just below what is looked at.
        let numbers = dear(490, 0, &|number| json!(number));
        let words = dear(490, 10_000, &|_| json!("ab"));
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        for (name, arguments) in [
            ("members", numbers),
            ("words", words.clone()),
            ("sums", words),
            ("denied", json!({ "some": [deep] })),
        ] {
            let begun = Instant::now();
            let reply = ada.modern().call(name, arguments).await;
            let (took, said) = (begun.elapsed(), reply.body.to_string());
            assert!(!said.contains("arguments_too_large"), "{name}: {said}");
            assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        }
    }
}

#[test]
fn expressions_that_cost_too_much_whatever_they_are_asked_of_stop_the_boot() {
    for (when, words) in [
        ("arguments.a.map(x, x + arguments.t).size() > 0", "neither `map` nor `filter`"),
        ("arguments.a.filter(x, x > 1).size() > 0", "neither `map` nor `filter`"),
        ("arguments.a.all(x, arguments.b.all(y, x == y))", "cannot stand inside each other"),
        (&format!("arguments.a == '{}'", "x".repeat(1_000)), "longer than 1000 characters"),
        (&format!("{}arguments.a{}", "(".repeat(400), ")".repeat(400)), "does not work"),
    ] {
        let lines = format!("[[access]]\ntools = ['whoami']\nwhen = \"{when}\"\n");
        let error = belgie::Belgie::builder(belgie::config::RawConfig::from_text(&lines)).check().err();
        let said = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains(words), "{when}: {said}");
    }
}
