//! Every decision about a call is on record once, in both eras and on both ways.

use belgie_api::ports::RecordKind;
use belgie_api::tools::Denied;
use belgie_api::{ToolSet, access, tool};
use serde_json::json;

use super::{decisions, decisions_once, in_words};
use crate::on_both_engines;
use crate::policy::scope;
use crate::support::{Connected, Engine, Reply, Setup, TestGateway};

async fn fails() -> Result<String, Denied> {
    Err(Denied::new("test.no", "Not today."))
}

async fn nothing() -> String {
    "ran".to_owned()
}

fn setup(more: &str) -> Setup {
    let set = ToolSet::new(())
        .tool(tool("fails", "Says no").plain(), access(), fails)
        .tool(tool("rich", "Needs a plan").plain(), access().plan("pro"), nothing)
        .tool(tool("picky", "Looks at its arguments").plain(), access(), nothing)
        .tool(tool("broken", "Cannot be decided").plain(), access(), nothing);
    let rules = "[[access]]\ntools = ['picky']\nwhen = \"arguments.what == 'this'\"\n[[access]]\ntools = ['broken']\nwhen = \"caller.teams[0].name == 'x'\"\n";
    Setup::default().config(&format!("{more}\n{rules}")).build(|builder| builder.tools(set).scope(scope("never")))
}

const EXPECTED: [&str; 9] = [
    "tool.call echo allowed done",
    "tool.call fails allowed failed",
    "tool.call step_up scope_missing refused",
    "tool.call get_organization hidden refused",
    "tool.call absent unknown refused",
    "tool.call rich plan_too_small refused",
    "tool.call picky arguments_refused refused",
    "tool.call picky allowed done",
    "tool.call broken undecided refused",
];

/// Calls one tool after the other, in an era, and gives the ids of the requests.
async fn call_all(ada: &Connected, in_session: bool) -> Vec<String> {
    let session = if in_session { Some(ada.session().await) } else { None };
    let mut requests = Vec::new();
    for (name, arguments) in [
        ("echo", json!({ "text": "a secret" })),
        ("fails", json!({})),
        ("step_up", json!({})),
        ("get_organization", json!({})),
        ("absent", json!({})),
        ("rich", json!({})),
        ("picky", json!({ "what": "that" })),
        ("picky", json!({ "what": "this" })),
        ("broken", json!({})),
    ] {
        let params = json!({ "name": name, "arguments": arguments });
        let reply: Reply = match &session {
            Some(session) => session.send("tools/call", params).await,
            None => ada.modern().send("tools/call", params).await,
        };
        requests.push(reply.headers["x-request-id"].to_str().expect("an id").to_owned());
    }
    requests
}

async fn are_on_record_once(engine: Engine, is_direct: bool) {
    let gateway: TestGateway = setup(&format!("[mcp]\ndirect_path = {is_direct}")).start(engine).await;
    let ada = Connected::new(&gateway, "ada@example.org").await;
    for in_session in [false, true] {
        let known = decisions(&gateway).await.len();
        let requests = call_all(&ada, in_session).await;
        // What comes as a stream is answered a moment before the call has ended.
        let found = decisions_once(&gateway, known + EXPECTED.len()).await.split_off(known);
        assert_eq!(in_words(&found), EXPECTED, "session: {in_session}, direct: {is_direct}");
        for (entry, request) in found.iter().zip(&requests) {
            assert_eq!((entry.kind, entry.actor), (RecordKind::Decision, Some(ada.person.id)));
            assert_eq!(entry.request_id.as_ref(), Some(request), "{entry:?}");
            assert_eq!(entry.client.as_ref().map(ToString::to_string), Some(ada.agent.client_id.clone()));
            assert_eq!(
                (entry.client_name.as_deref(), entry.credential.as_deref()),
                (Some("Suite agent"), Some("bearer"))
            );
            assert!(entry.grant.is_some() && entry.token.is_some() && entry.session.is_none(), "{entry:?}");
            assert!(entry.organization.is_none() && entry.took_us.is_some_and(|took| took >= 0), "{entry:?}");
            let written = serde_json::to_string(entry).expect("JSON");
            assert!(!written.contains("a secret") && !written.contains("ada@example.org"), "{written}");
        }
    }
}

on_both_engines! {
    async fn calls_on_the_short_way_are_on_record_once(engine: Engine) {
        are_on_record_once(engine, true).await;
    }
}

on_both_engines! {
    async fn calls_on_the_long_way_are_on_record_once(engine: Engine) {
        are_on_record_once(engine, false).await;
    }
}

on_both_engines! {
    async fn lists_and_explanations_are_no_decisions_about_a_call(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        ada.modern().send("tools/list", json!({})).await;
        ada.session().await.send("tools/list", json!({})).await;
        let question = belgie::access::Question { user: ada.person.email.clone(), name: "echo".to_owned(), ..Default::default() };
        gateway.gateway.explain(&question).await.expect("an answer");
        assert_eq!(in_words(&decisions(&gateway).await), Vec::<String>::new());
    }
}

on_both_engines! {
    async fn a_call_that_is_given_up_is_on_record_as_cut_off(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        // The connection breaks, which ends a call of the stateless era.
        for tool in ["brood", "hang"] {
            let request = ada.modern().request("tools/call", json!({ "name": tool, "arguments": {} }));
            let waiting = tokio::spawn(request.send());
            gateway.probe.begun(if tool == "brood" { 1 } else { 2 }).await;
            waiting.abort();
        }
        gateway.probe.ended(2).await;
        // The credential ends.
        let request = ada.modern().request("tools/call", json!({ "name": "brood", "arguments": {} }));
        let waiting = tokio::spawn(request.send());
        gateway.probe.begun(3).await;
        ada.agent.revoke(&ada.tokens.refresh).await;
        assert_eq!(waiting.await.expect("no panic").expect("an answer").status(), 401);
        let found = decisions_once(&gateway, 3).await;
        let mut words = in_words(&found);
        words.sort();
        assert_eq!(words, [
            "tool.call brood allowed cut_off",
            "tool.call brood allowed cut_off",
            "tool.call hang allowed cut_off",
        ]);
    }
}

on_both_engines! {
    async fn a_page_of_ours_is_on_record_with_its_session(gateway: TestGateway) {
        let browser = gateway.signed_in("ada@example.org").await;
        let cookie = format!("belgie_session={}", browser.cookie("belgie_session").expect("a session"));
        let url = gateway.mcp_url();
        let page = crate::support::Modern { client: browser.raw(), url: &url, token: None };
        let call = page.request("tools/call", json!({ "name": "echo", "arguments": { "text": "x" } }));
        Reply::read(call.header("origin", &gateway.url).header("cookie", &cookie).send().await.expect("an answer")).await;
        let found = decisions(&gateway).await;
        assert_eq!(in_words(&found), ["tool.call echo allowed done"]);
        assert_eq!(found[0].client.as_ref().map(ToString::to_string).as_deref(), Some("web"));
        assert!(found[0].session.is_some() && found[0].credential.as_deref() == Some("cookie"), "{:?}", found[0]);
    }
}

on_both_engines! {
    async fn the_operator_keeps_only_what_was_refused(gateway: TestGateway, setup = setup("[audit]\ndecisions = 'denied'")) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        call_all(&ada, false).await;
        let refused: Vec<_> = EXPECTED.into_iter().filter(|words| words.ends_with("refused")).collect();
        assert_eq!(in_words(&decisions(&gateway).await), refused);
    }
}

on_both_engines! {
    async fn the_operator_keeps_nothing(gateway: TestGateway, setup = setup("[audit]\ndecisions = 'off'")) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        call_all(&ada, false).await;
        call_all(&ada, true).await;
        assert_eq!(in_words(&decisions(&gateway).await), Vec::<String>::new());
    }
}

on_both_engines! {
    async fn names_nobody_has_are_kept_short_and_harmless(gateway: TestGateway) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let session = ada.session().await;
        let long = "ä".repeat(2_000);
        for name in ["with\u{0}nothing", long.as_str()] {
            session.send("tools/call", json!({ "name": name, "arguments": {} })).await;
        }
        let found = decisions_once(&gateway, 2).await;
        assert_eq!(found[0].target.as_deref(), Some("with\u{fffd}nothing"));
        assert_eq!(found[1].target.as_deref(), Some("ä".repeat(256).as_str()));
    }
}
