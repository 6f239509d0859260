//! The example with organizations and teams.

use belgie::Builder;
use belgie::config::RawConfig;
use belgie_api::ports::Use;
use belgie_organization::{Actor, Organizations, read_roles};
use belgie_team::Teams;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Application, organization_team};
use crate::on_both_engines;
use crate::provider::{call, read};
use crate::support::{Agent, Browser, Tokens};

/// What a script of our pages is told when it asks for this.
pub async fn done(browser: &mut Browser, path: &str, body: Value) -> Value {
    let (status, said) = call(browser, path, body).await;
    assert_eq!(status, StatusCode::OK, "{path}: {said}");
    said
}

on_both_engines! {
    async fn the_organization_team_example_works(engine: Engine) {
        let build: fn(&str) -> Builder = |text| organization_team::builder(RawConfig::from_text(text));
        let application = Application::start(engine, build, organization_team::application).await;
        organization_team::prepare(&application.gateway).await.expect("a table");
        let mut of_ada = application.signed_in("ada@example.org").await;
        let mut of_bob = application.signed_in("bob@example.org").await;
        let company = done(&mut of_ada, "/companies", json!({ "name": "Acme" })).await;
        let team = done(&mut of_ada, "/companies/acme/teams", json!({ "name": "Red" })).await;
        assert_eq!((&company["slug"], &team["slug"]), (&json!("acme"), &json!("red")));
        let board = format!("/boards/{}", team["id"].as_str().expect("an id"));
        let people = format!("{board}/people");
        done(&mut of_ada, &board, json!({ "line": "Begin" })).await;

        // Bob is nobody there, then of the company, then in the team.
        assert_eq!(read(&mut of_bob, &board).await.0, StatusCode::NOT_FOUND);
        let early = call(&mut of_ada, &people, json!({ "email": "bob@example.org" })).await;
        assert_eq!((early.0, &early.1["error"]), (StatusCode::BAD_REQUEST, &json!("team.not_in_organization")));
        let companies: Use<Organizations> = application.gateway.provided().expect("organizations");
        let teams: Use<Teams> = application.gateway.provided().expect("teams");
        let bob = application.gateway.identity().row_by_email("bob@example.org").await.expect("an answer").expect("bob").id;
        let id = companies.resolve("acme").await.expect("acme");
        companies.add_member(&Actor::host(), id, bob, &read_roles(["member"]).expect("roles")).await.expect("a member");
        let outside = read(&mut of_bob, &board).await;
        assert_eq!((outside.0, &outside.1["error"]), (StatusCode::FORBIDDEN, &json!("board.not_yours")));
        let no = call(&mut of_bob, "/companies/acme/teams", json!({ "name": "Mine" })).await;
        assert_eq!((no.0, &no.1["error"]), (StatusCode::FORBIDDEN, &json!("organization.forbidden")));
        done(&mut of_ada, &people, json!({ "email": "bob@example.org" })).await;
        assert_eq!(done(&mut of_bob, &board, json!({ "line": "Go on" })).await, json!(["ada@example.org: Begin", "bob@example.org: Go on"]));

        // His agent pins for the team, and no more once he is out of it.
        let agent = Agent::register_at(&application.url, "http://127.0.0.1:49152/callback").await;
        let page = of_bob.get(&agent.authorize_url(&agent.authorization("board:write"))).await;
        let (organization, field) = (id.to_string(), format!("team.{}", team["id"].as_str().expect("an id")));
        let fields = [("decision", "allow"), ("organization", &organization), (&field, &organization)];
        let answer = of_bob.submit(&page.form("/authorize"), &fields).await;
        let tokens = Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await);
        let url = format!("{}/mcp", application.url);
        let pin = async |line: &str| {
            let arguments = json!({ "team": "red", "line": line });
            agent.modern(&url, &tokens.access).call("pin_note", arguments).await
        };
        assert_eq!(pin("Think").await.text(), "Pinned to the board of Red");
        let red = teams.resolve(id, "red").await.expect("a team");
        teams.remove_member(&Actor::host(), red, bob).await.expect("out");
        assert_eq!(pin("Too late").await.body["result"]["structuredContent"]["error"], "board.unknown");
        assert_eq!(read(&mut of_bob, &board).await.0, StatusCode::FORBIDDEN);
        let notes = read(&mut of_ada, &board).await.1;
        assert_eq!(notes, json!(["ada@example.org: Begin", "bob@example.org: Go on", "bob@example.org: Think"]));

        // The board goes with the organization.
        companies.delete(&Actor::host(), id).await.expect("deleted");
        assert_eq!(read(&mut of_ada, &board).await.0, StatusCode::NOT_FOUND);
        let left = organization_team::notes_of(application.gateway.host().db(), red).await.expect("an answer");
        assert!(left.is_empty(), "{left:?}");
    }
}
