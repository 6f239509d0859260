//! `belgie explain` and /admin/explain: the decision, told by the deciding itself.

use std::process::Stdio;

use belgie_api::{ToolSet, access, tool};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{EDITOR, editor, scope};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Connected, Engine, Place, Places, Setup, TestGateway, unescape};
use belgie::access::Question;

const FILE: &str = "
[[access]]
tools = ['echo', 'note']
when = \"arguments.text != 'no'\"

[[access]]
tools = ['note']
roles = ['owner', 'editor']
";

async fn nothing() -> String {
    "ran".to_owned()
}

fn setup(places: &Places) -> Setup {
    let set = ToolSet::new(()).tool(tool("note", "Runs"), access().scope("notes:write"), nothing);
    let places = places.clone();
    Setup::default().config(FILE).build(move |builder| places.alone(builder).tools(set).scope(scope("notes:write")))
}

async fn belgie(gateway: &TestGateway, arguments: &[&str]) -> (bool, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(["explain", "--demo-tools"]).args(arguments).arg("--json").stdin(Stdio::null());
    command.arg("--config").arg(gateway.config_file());
    let output = command.output().await.expect("the program runs");
    (output.status.success(), serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn columns(said: &Value) -> [&str; 3] {
    ["preflight", "list", "call"].map(|name| said["trace"][name]["outcome"].as_str().unwrap_or_default())
}

on_both_engines! {
    async fn the_command_line_tells_what_would_be_decided_and_why(
        gateway: TestGateway,
        setup = Setup::default().config("[[access]]\ntools = ['echo']\nwhen = \"arguments.text != 'no'\"\n")
    ) {
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let ask = |more: &[&'static str]| {
            [&["--user", "ada@example.org"], more].concat()
        };
        let (ok, said) = belgie(&gateway, &ask(&["--tool", "echo"])).await;
        assert!(ok, "{said}");
        assert_eq!(columns(&said), ["passes", "listed", "open"]);
        assert_eq!(said["trace"]["rules"], json!(["code", "access[0]"]));
        assert_eq!(said["caller"]["user"]["id"], ada.person.id.to_string());
        assert_eq!((&said["default_scopes"], &said["caller"]["scopes"]), (&json!(true), &json!(["connections:read"])));

        let refused = belgie(&gateway, &ask(&["--tool", "echo", "--arguments", r#"{"text":"no"}"#])).await.1;
        assert_eq!(columns(&refused), ["passes", "listed", "arguments_refused"]);
        assert_eq!(refused["trace"]["steps"][0]["rule"], "access[0]");
        assert_eq!(refused["trace"]["steps"][0]["outcome"], "not met");
        let failed = belgie(&gateway, &ask(&["--tool", "echo", "--arguments", "{}"])).await.1;
        assert_eq!(columns(&failed), ["passes", "listed", "undecided"]);
        assert_eq!(failed["trace"]["steps"][0]["because"], "No such key: text");
        let id = ada.person.id.to_string();
        let allowed = belgie(&gateway, &["--user", &id, "--tool", "echo", "--arguments", r#"{"text":"yes"}"#]).await.1;
        assert_eq!(columns(&allowed), ["passes", "listed", "allowed"]);

        // And so it is.
        for (text, is_error) in [("no", true), ("yes", false)] {
            let reply = ada.modern().call("echo", json!({ "text": text })).await;
            assert_eq!(reply.body["result"]["isError"] == true, is_error, "{:?}", reply.body);
        }
        assert_eq!(ada.modern().call("echo", json!({})).await.error_code(), -32603);

        let narrow = belgie(&gateway, &ask(&["--tool", "step_up", "--scopes", ""])).await.1;
        assert_eq!(columns(&narrow), ["insufficient_scope", "listed", "scope_missing"]);
        let wide = belgie(&gateway, &ask(&["--tool", "step_up", "--scopes", "demo:step-up", "--client", "cli_x"])).await.1;
        assert_eq!(columns(&wide), ["passes", "listed", "allowed"]);
        assert_eq!(wide["caller"]["client"]["id"], "cli_x");

        for (arguments, code) in [
            (["--user", "nobody@example.org", "--tool", "echo"].as_slice(), "explain.unknown_user"),
            (&["--user", "ada@example.org", "--tool", "eco"], "explain.unknown_tool"),
            (&["--user", "ada@example.org", "--prompt", "greet"], "explain.unknown_prompt"),
            (&["--user", "ada@example.org", "--resource", "notes://open"], "explain.unknown_resource"),
            (&["--user", "ada@example.org", "--tool", "echo", "--org", "acme"], "explain.unknown_organization"),
            (&["--user", "ada@example.org", "--tool", "echo", "--arguments", "[1]"], "explain.arguments_invalid"),
            (&["--user", "ada@example.org", "--tool", "echo", "--scopes", "\"x\""], "explain.scopes_invalid"),
        ] {
            let (ok, said) = belgie(&gateway, arguments).await;
            assert!(!ok && said["error"] == code && said["hint"].is_string(), "{arguments:?}: {said}");
        }
    }
}

on_both_engines! {
    async fn organizations_and_roles_are_told_as_they_are_decided(engine: Engine) {
        let places = Places::new();
        let gateway = setup(&places).start(engine).await;
        let ada = editor(&gateway, &places).await;
        let question = |organization: Option<&str>, scopes: &str| Question {
            user: ada.email.clone(),
            organization: organization.map(ToOwned::to_owned),
            scopes: Some(scopes.parse().expect("scopes")),
            name: "note".to_owned(),
            ..Question::default()
        };
        for (organization, scopes, expected, steps) in [
            (None, "notes:write", ["passes", "hidden", "hidden"], ["not met", "met", "open"]),
            (Some("acme"), "", ["insufficient_scope", "listed", "scope_missing"], ["met", "not met", "open"]),
            (Some("acme"), "notes:write", ["passes", "listed", "open"], ["met", "met", "open"]),
        ] {
            let told = gateway.gateway.explain(&question(organization, scopes)).await.expect("an answer");
            let said = told.json();
            assert_eq!(columns(&said), expected, "{organization:?} {scopes}");
            let outcomes: Vec<_> = told.trace.steps.iter().map(|step| step.outcome).collect();
            assert_eq!(outcomes, steps, "{organization:?} {scopes}");
            assert_eq!(told.trace.steps[0].rule, "access[1]");

            let acme = organization.map(|slug| places.id(slug));
            let agent = Connected::of(&gateway, &ada, &format!("connections:read {scopes}"), acme).await;
            let list = agent.modern().send("tools/list", json!({})).await;
            assert_eq!(list.tool_names().contains(&"note"), expected[1] == "listed");
            let reply = agent.modern().call("note", json!({ "text": "yes" })).await;
            assert_eq!(reply.status == StatusCode::FORBIDDEN, expected[0] == "insufficient_scope");
            assert_eq!(reply.text() == "ran", expected[2] == "open", "{:?}", reply.body);
        }
        let text = gateway.gateway.explain(&question(Some("acme"), "")).await.expect("an answer").output().text;
        for words in [
            "ada@example.org for the organization acme",
            "needs the role editor or owner",
            "has acme: the role editor",
            "needs the scope notes:write",
            "has no scope",
            "403 insufficient_scope",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let outside = gateway.gateway.explain(&question(Some("globex"), "")).await.map(|_| ()).expect_err("a stranger there");
        assert_eq!(outside.code(), "explain.not_a_member");
    }
}

on_both_engines! {
    async fn a_question_is_about_a_token_and_not_about_an_account(engine: Engine) {
        let file = "[[access]]\ntools = ['note']\nteams = ['blue']\n\n[[access]]\ntools = ['echo']\nscopes = ['admin']\n";
        let places = Places::new();
        let inside = places.clone();
        let set = ToolSet::new(()).tool(tool("note", "Runs"), access(), nothing);
        let build = move |builder: belgie::Builder| inside.alone(builder).tools(set);
        let gateway = Setup::default().config(file).build(build).start(engine).await;
        let ada = gateway.person_with("ada@example.org", "admin").await;
        let bob = gateway.person("bob@example.org").await;
        for person in [&ada, &bob] {
            places.join(person.id, Place { teams: &["blue", "red"], ..EDITOR });
        }
        let ask = async |user: &str, tool: &str, scopes: Option<&str>, teams: &[&str]| {
            let question = Question {
                user: user.to_owned(),
                organization: Some("acme".to_owned()),
                teams: teams.iter().map(|team| (*team).to_owned()).collect(),
                scopes: scopes.map(|text| text.parse().expect("scopes")),
                name: tool.to_owned(),
                ..Question::default()
            };
            gateway.gateway.explain(&question).await.map(|told| told.json())
        };
        // Narrower than the account, and no wider.
        for (user, scopes, expected) in [
            ("ada@example.org", Some("admin"), "allowed"),
            ("ada@example.org", Some("connections:read"), "scope_missing"),
            ("ada@example.org", None, "scope_missing"),
            ("bob@example.org", Some("admin connections:read"), "scope_missing"),
        ] {
            let said = ask(user, "echo", scopes, &[]).await.expect("an answer");
            assert_eq!(columns(&said)[2], if expected == "allowed" { "allowed" } else { expected }, "{user} {scopes:?}: {said}");
        }
        for (teams, expected) in [(&[][..], "allowed"), (&["blue"], "allowed"), (&["red"], "hidden"), (&["red", "blue"], "allowed")] {
            let said = ask("ada@example.org", "note", None, teams).await.expect("an answer");
            assert_eq!(columns(&said)[2], expected, "{teams:?}: {said}");
            let named: Vec<&str> =
                said["caller"]["teams"].as_array().expect("teams").iter().filter_map(|team| team["name"].as_str()).collect();
            assert!(teams.is_empty() || named.len() == teams.len(), "{named:?}");
        }
        let outside = ask("ada@example.org", "note", None, &["green"]).await.expect_err("not in it");
        assert_eq!(outside.code(), "explain.not_a_member");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_is_one_of_an_organization() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    gateway.person("ada@example.org").await;
    let (ok, said) = belgie(&gateway, &["--user", "ada@example.org", "--tool", "echo", "--team", "blue"]).await;
    assert!(!ok && said["error"] == "explain.team_alone", "{said}");
}

on_both_engines! {
    async fn operators_ask_on_a_page_and_it_is_on_record(engine: Engine) {
        let places = Places::new();
        let gateway = setup(&places).start(engine).await;
        let ada = editor(&gateway, &places).await;
        gateway.person_with("operator@example.org", "admin").await;
        let mut browser = gateway.browser();
        browser.sign_in("operator@example.org", PASSWORD).await;
        let form = browser.get("/admin/explain").await.form("/admin/explain");
        let fields = [("user", "ada@example.org"), ("named", "note"), ("organization", "acme"), ("arguments", r#"{"text":"no"}"#)];
        let answer = browser.submit(&form, &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let text = unescape(&answer.body);
        for words in [
            "ada@example.org for the organization acme",
            "Needs the scope notes:write.",
            "Needs `arguments.text != 'no'`.",
            "access[1]",
            "403 insufficient_scope",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let again = answer.form("/admin/explain");
        assert_eq!((again.value("user"), again.value("arguments")), ("ada@example.org".to_owned(), r#"{"text":"no"}"#.to_owned()));

        for (name, wrong, words) in [
            ("user", "<b>nobody</b>", "Nobody has the address or id"),
            ("named", "absent", "There is no tool `absent`."),
            ("thing", "prompt", "There is no prompt `note`."),
            ("thing", "door", "Nothing is a `door`."),
            ("organization", "globex", "is not in the organization `globex`"),
            ("arguments", "{", "not a JSON object"),
            ("scopes", "\"", "These are not scopes"),
        ] {
            let page = browser.submit(&again, &[(name, wrong)]).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
            assert!(unescape(&page.body).contains(words) && !page.body.contains("<b>nobody"), "{name}: {}", page.body);
        }
        let acts = gateway.gateway.identity().acts(Some(ada.id), 9).await.expect("the record");
        assert_eq!(acts.len(), 1, "what was answered is on record, and no more");
        assert_eq!((acts[0].action.as_str(), &acts[0].details["tool"]), ("access.explained", &json!("note")));
        assert!(acts[0].actor_id.is_some() && acts[0].ip.is_some() && acts[0].details["arguments"].is_null());

        let mut stranger = gateway.signed_in("eve@example.org").await;
        for page in [stranger.get("/admin/explain").await, stranger.post("/admin/explain", &fields).await] {
            assert_eq!(page.status, StatusCode::NOT_FOUND);
        }
        let forged = browser.post("/admin/explain", &fields).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "without a form token");
    }
}
