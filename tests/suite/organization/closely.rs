//! An agent of a member, closely: whoever may cut it off sees the tools it has used there, and lets it do less.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::connected::belgie;
use super::{at, done, join, known, owned_by, read, refused};
use crate::on_both_engines;
use crate::support::{Agent, Browser, Connected, Form, TestGateway, unescape};
use crate::team::{enter, team_of};

const BOTH: &str = "connections:read demo:step-up";
const HTTPS: &str = "https://agent.example/callback";

async fn only_agent(browser: &mut Browser, organization: &str) -> String {
    let (status, said) = read(browser, &at(organization, "/agents")).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let agents = said["agents"].as_array().expect("a list");
    assert_eq!(agents.len(), 1, "{said}");
    agents[0]["id"].as_str().expect("an id").to_owned()
}

async fn step_up(agent: &Connected) -> StatusCode {
    agent.modern().call("step_up", json!({})).await.status
}

/// The form without the tick at this value.
fn without(mut form: Form, value: &str) -> Form {
    form.fields.retain(|(_, known)| known != value);
    form
}

on_both_engines! {
    async fn whoever_may_cut_an_agent_off_lets_it_do_less_from_its_next_call_on(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let agent = Connected::of(&gateway, &bob, BOTH, Some(acme.id)).await;
        let elsewhere = Connected::of(&gateway, &bob, BOTH, None).await;
        assert_eq!(step_up(&agent).await, StatusCode::OK);
        let session = agent.session().await;
        assert_eq!(session.call("echo", json!({ "text": "here" })).await.status, StatusCode::OK);
        let id = only_agent(&mut of_ada, "acme").await;

        let list = unescape(&of_ada.get("/organizations/acme/agents").await.body);
        let path = format!("/organizations/acme/agents/{id}");
        assert!(list.contains(&format!("href=\"{path}\"")), "{list}");
        let page = of_ada.get(&path).await;
        for words in ["bob@example.org", "<code>step_up</code>", "<code>echo</code>", "demo:step-up"] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        let less = of_ada.submit(&without(page.form(&path), "demo:step-up"), &[]).await;
        assert_eq!(less.location(), format!("{path}?done=agent-less"), "{}", less.body);
        assert_eq!(step_up(&agent).await, StatusCode::FORBIDDEN, "the very next call");
        assert_eq!(session.call("echo", json!({ "text": "here" })).await.status, StatusCode::NOT_FOUND, "what ran is over");
        agent.is_let_in().await;
        assert_eq!(agent.agent.refresh(&agent.tokens.refresh).await.body["scope"], "connections:read");
        assert_eq!(step_up(&elsewhere).await, StatusCode::OK, "what acts elsewhere is none of its business");
        // More it cannot be given here, and nothing cannot be left.
        let more = json!({ "agent": id, "scopes": ["connections:read", "demo:step-up", "admin"] });
        let said = done(&mut of_ada, &at("acme", "/agents/narrow"), more).await;
        assert_eq!((&said["scopes"], &said["removed"]), (&json!(["connections:read"]), &json!([])), "{said}");
        let nothing = refused(&mut of_ada, &at("acme", "/agents/narrow"), json!({ "agent": id, "scopes": [] })).await;
        assert_eq!(nothing, (StatusCode::BAD_REQUEST, "connection.nothing_left".to_owned()));

        let acts = gateway.gateway.identity().acts(Some(ada.id), 20).await.expect("the record");
        let act = acts.iter().rfind(|act| act.action == "organization.agent_narrowed").expect("on record");
        assert_eq!((&act.details["removed"], &act.details["user"]), (&json!(["demo:step-up"]), &json!(bob.id)));
        assert_eq!((act.organization_id, act.details["agent"].as_str()), (Some(acme.id), Some(id.as_str())));
    }
}

on_both_engines! {
    async fn of_a_programs_work_elsewhere_an_organization_learns_nothing(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let [acme, rose] = [owned_by(&gateway, ada.id, "acme").await, owned_by(&gateway, eve.id, "rose").await];
        let agent = Agent::register(&gateway).await;
        let mut tokens = Vec::new();
        for organization in [acme.id, rose.id] {
            join(&gateway, organization, bob.id, "member").await;
            let page = of_bob.get(&agent.authorize_url(&agent.authorization("connections:read"))).await;
            let fields = [("decision", "allow"), ("organization", &organization.to_string())];
            let answer = of_bob.submit(&page.form("/authorize"), &fields).await;
            let code = answer.sent_parameter("code").expect("a code");
            tokens.push(crate::support::Tokens::of(&agent.redeem(&code).await));
        }
        let url = gateway.mcp_url();
        assert_eq!(agent.modern(&url, &tokens[0].access).call("echo", json!({ "text": "here" })).await.status, StatusCode::OK);
        assert_eq!(agent.whoami(&tokens[1].access).await.status, StatusCode::OK);
        let (of_acme, of_rose) = (only_agent(&mut of_ada, "acme").await, only_agent(&mut of_eve, "rose").await);
        let (_, seen) = read(&mut of_ada, &at("acme", &format!("/agents/{of_acme}"))).await;
        let tools: Vec<&Value> = seen["tools"].as_array().expect("tools").iter().map(|tool| &tool["name"]).collect();
        assert_eq!(tools, [&json!("echo")], "{seen}");

        let unknown = (StatusCode::NOT_FOUND, "organization.unknown_agent".to_owned());
        for wrong in [of_rose.as_str(), "grt_019a8f5e3c7d7b5e8f3b0c1d2e3f4a5b", "grt_1"] {
            let (status, said) = read(&mut of_ada, &at("acme", &format!("/agents/{wrong}"))).await;
            assert_eq!((status, said["error"].as_str().unwrap_or_default().to_owned()), unknown, "{wrong}");
            let less = json!({ "agent": wrong, "scopes": [] });
            assert_eq!(refused(&mut of_ada, &at("acme", "/agents/narrow"), less.clone()).await, unknown, "{wrong}");
            let outside = refused(&mut of_ada, &at("rose", "/agents/narrow"), less).await;
            assert_eq!(outside.1, "organization.unknown", "{wrong}");
            assert_eq!(of_ada.get(&format!("/organizations/acme/agents/{wrong}")).await.status, StatusCode::NOT_FOUND);
        }
        assert_eq!(agent.whoami(&tokens[1].access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn looking_closely_takes_the_right_to_cut_off_and_nobody_looks_above_their_own(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        done(&mut of_ada, &at("acme", "/roles/create"), json!({ "name": "looker", "permissions": ["agent:read"] })).await;
        join(&gateway, acme.id, bob.id, "admin").await;
        join(&gateway, acme.id, eve.id, "looker").await;
        let agent = Connected::of(&gateway, &ada, BOTH, Some(acme.id)).await;
        let id = only_agent(&mut of_ada, "acme").await;
        let (page, path) = (format!("/organizations/acme/agents/{id}"), at("acme", &format!("/agents/{id}")));
        for (browser, code) in [(&mut of_eve, "organization.forbidden"), (&mut of_bob, "organization.owners_only")] {
            let less = json!({ "agent": id, "scopes": ["connections:read"] });
            assert_eq!(refused(browser, &at("acme", "/agents/narrow"), less).await, (StatusCode::FORBIDDEN, code.to_owned()));
            let (status, said) = read(browser, &path).await;
            assert_eq!((status, said["error"].as_str()), (StatusCode::FORBIDDEN, Some(code)));
            assert_eq!(browser.get(&page).await.status, StatusCode::FORBIDDEN);
        }
        assert!(!of_eve.get("/organizations/acme/agents").await.body.contains("let it do less"));
        assert_eq!(step_up(&agent).await, StatusCode::OK);
        assert_eq!(of_ada.get(&page).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn agents_and_operators_look_closely_and_let_agents_do_less_as_people_do(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, _) = known(&gateway, "bob@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "admin").await;
        join(&gateway, acme.id, eve.id, "member").await;
        let (blue, red) = (team_of(&gateway, acme.id, "blue").await, team_of(&gateway, acme.id, "red").await);
        for team in [&blue, &red] {
            enter(&gateway, team.id, eve.id, "member").await;
        }
        let agent = Connected::of(&gateway, &eve, BOTH, Some(acme.id)).await;
        let id = only_agent(&mut of_ada, "acme").await;
        assert_eq!(step_up(&agent).await, StatusCode::OK);
        let of_admin = Connected::of(&gateway, &bob, "org:read org:manage", Some(acme.id)).await;
        let call = async |tool: &str, arguments: Value| {
            of_admin.modern().call(tool, arguments).await.body["result"]["structuredContent"].clone()
        };
        let seen = call("get_agent", json!({ "agent": id })).await;
        assert_eq!((&seen["agent"]["email"], &seen["tools"][0]["name"]), (&json!("eve@example.org"), &json!("step_up")), "{seen}");
        assert_eq!(seen["teams"].as_array().map(Vec::len), Some(2), "{seen}");
        let less = json!({ "agent": id, "scopes": ["connections:read"], "teams": ["blue"] });
        let left = call("narrow_agent", less).await;
        assert_eq!((&left["removed"], &left["teams"]), (&json!(["demo:step-up"]), &json!([blue.id])), "{left}");
        assert_eq!(step_up(&agent).await, StatusCode::FORBIDDEN, "the very next call");
        let wrong = call("narrow_agent", json!({ "agent": id, "scopes": ["no scope"] })).await;
        assert_eq!(wrong["error"], "connection.nothing_left", "{wrong}");
        // An owner's is narrowed by people alone.
        let of_owner = Connected::of(&gateway, &ada, BOTH, Some(acme.id)).await;
        let owners = super::connected::agents_of(&mut of_ada, "acme").await;
        let owners = owners.iter().find(|one| one["email"] == "ada@example.org").map(|one| one["id"].clone()).expect("one");
        let refused = call("narrow_agent", json!({ "agent": owners, "scopes": ["connections:read"] })).await;
        assert_eq!(refused["error"], "organization.not_by_agents", "{refused}");
        assert_eq!(step_up(&of_owner).await, StatusCode::OK);

        let (ok, said) = belgie(&gateway, &["org", "agent", "acme", &id]).await;
        assert!(ok && said["tools"][0]["name"] == "step_up" && said["agent"]["email"] == "eve@example.org", "{said}");
        let owners = owners.as_str().expect("an id");
        let (ok, said) = belgie(&gateway, &["org", "narrow-agent", "acme", owners, "--scopes", "connections:read"]).await;
        assert!(ok && said["removed"] == json!(["demo:step-up"]), "{said}");
        let nothing = belgie(&gateway, &["org", "narrow-agent", "acme", owners, "--scopes", ""]).await.1;
        assert_eq!(nothing["error"], "connection.nothing_left");
    }
}

on_both_engines! {
    async fn names_and_teams_of_members_are_for_whoever_may_read_them(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let looks = json!({ "name": "looker", "permissions": ["agent:read", "agent:revoke"] });
        done(&mut of_ada, &at("acme", "/roles/create"), looks).await;
        join(&gateway, acme.id, bob.id, "looker").await;
        join(&gateway, acme.id, eve.id, "looker").await;
        let blue = team_of(&gateway, acme.id, "blue").await;
        let agent = Connected::of(&gateway, &eve, BOTH, Some(acme.id)).await;
        let id = only_agent(&mut of_bob, "acme").await;
        for path in [at("acme", "/agents"), at("acme", &format!("/agents/{id}"))] {
            let (status, said) = read(&mut of_bob, &path).await;
            assert!(status == StatusCode::OK && !said.to_string().contains("eve@"), "{said}");
            assert!(read(&mut of_ada, &path).await.1.to_string().contains("eve@example.org"));
        }
        for page in ["/organizations/acme/agents".to_owned(), format!("/organizations/acme/agents/{id}")] {
            assert!(!of_bob.get(&page).await.body.contains("eve@"));
        }
        let narrow = at("acme", "/agents/narrow");
        let teams = json!({ "agent": id, "teams": [blue.id] });
        let forbidden = (StatusCode::FORBIDDEN, "organization.forbidden".to_owned());
        assert_eq!(refused(&mut of_bob, &narrow, teams).await, forbidden, "whether somebody is in it");
        done(&mut of_bob, &narrow, json!({ "agent": id, "scopes": ["connections:read"] })).await;
        assert_eq!(step_up(&agent).await, StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn an_organization_takes_teams_from_an_agent_and_has_its_person_asked_again_there(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await, team_of(&gateway, acme.id, "blue").await);
        for team in [&red, &blue] {
            enter(&gateway, team.id, bob.id, "member").await;
        }
        let agent = Agent::register_with(&gateway, HTTPS).await;
        let address = agent.authorize_url(&agent.authorization("connections:read"));
        let page = of_bob.get(&address).await;
        let fields = [("decision", "allow"), ("organization", &acme.id.to_string())];
        let answer = of_bob.submit(&page.form("/authorize"), &fields).await;
        let tokens = crate::support::Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
        assert_eq!(of_bob.get(&address).await.status, StatusCode::SEE_OTHER, "it is remembered");
        let teams = async || {
            let seen = agent.whoami(&tokens.access).await.body["result"]["structuredContent"].clone();
            let teams = seen["teams"].as_array().expect("teams").clone();
            teams.into_iter().map(|team| team["slug"].as_str().expect("a slug").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(teams().await.len(), 2);
        let id = only_agent(&mut of_ada, "acme").await;
        let path = format!("/organizations/acme/agents/{id}");
        let page = of_ada.get(&path).await;
        assert!(page.body.contains("The red") && page.body.contains("The blue"), "{}", page.body);
        let less = of_ada.submit(&without(page.form(&path), &blue.id.to_string()), &[]).await;
        assert_eq!(less.status, StatusCode::SEE_OTHER, "{}", less.body);
        assert_eq!(teams().await, ["red"]);
        let none = json!({ "agent": id, "teams": [] });
        assert_eq!(refused(&mut of_ada, &at("acme", "/agents/narrow"), none).await.1, "connection.nothing_left");
        assert!(of_bob.get(&address).await.body.contains("Let this agent act for you?"));
    }
}
