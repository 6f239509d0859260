//! What is told of a token is what it is worth now, and not what it was worth when the person gave it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::machines::Machine;
use super::{assert_invalid_grant, assert_refused, checked, signing};
use crate::on_both_engines;
use crate::organization::{at, done, join, known, organizations, owned_by};
use crate::support::{Agent, Setup, TestGateway, Tokens};
use crate::team::{agent_for, enter, take_out, team_of};

async fn introspect(server: &Machine, token: &str) -> Value {
    server.post("/introspect", &[("token", token)]).await.body
}

on_both_engines! {
    async fn a_team_that_somebody_has_left_is_not_told_of_any_more(gateway: TestGateway, setup = signing().with_public_address()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await.id, team_of(&gateway, acme.id, "blue").await.id);
        for team in [red, blue] {
            enter(&gateway, team, bob.id, "member").await;
        }
        let server = Machine::made(&gateway, &["--resource-server", &gateway.mcp_url()]).await;
        let agent = Agent::register(&gateway).await;
        let (first, said) = agent_for(&mut of_bob, &agent, "", acme.id, &[red, blue]).await;
        let both = json!(std::collections::BTreeSet::from([red, blue]));
        assert_eq!((&said["teams"], &checked(&gateway, &first.access).await["teams"]), (&both, &both));
        assert_eq!(introspect(&server, &first.access).await["teams"], both);

        take_out(&gateway, red, bob.id).await;
        let told = introspect(&server, &first.access).await;
        assert_eq!((&told["active"], &told["teams"]), (&json!(true), &json!([blue])), "{told}");
        let reply = agent.refresh(&first.refresh).await;
        let second = Tokens::of(&reply);
        let claims = checked(&gateway, &second.access).await;
        assert_eq!((&reply.body["teams"], &claims["teams"]), (&json!([blue]), &json!([blue])));

        // Of the last one nothing is left but the empty list, which would read as every team.
        take_out(&gateway, blue, bob.id).await;
        for token in [&first.access, &second.access] {
            assert_eq!(introspect(&server, token).await, json!({ "active": false }));
        }
        assert_invalid_grant(&agent.refresh(&second.refresh).await);
        // Who comes back is there on another stay.
        enter(&gateway, blue, bob.id, "member").await;
        assert_invalid_grant(&agent.refresh(&second.refresh).await);
    }
}

on_both_engines! {
    async fn an_answer_that_comes_again_names_no_team_that_was_left_meanwhile(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await.id, team_of(&gateway, acme.id, "blue").await.id);
        for team in [red, blue] {
            enter(&gateway, team, ada.id, "member").await;
        }
        let agent = Agent::register(&gateway).await;
        let (given, _) = agent_for(&mut of_ada, &agent, "", acme.id, &[red, blue]).await;
        let answer = agent.refresh(&given.refresh).await;
        assert_eq!(agent.refresh(&given.refresh).await.body["access_token"], answer.body["access_token"]);
        take_out(&gateway, red, ada.id).await;
        assert_invalid_grant(&agent.refresh(&given.refresh).await);
        // No theft: what the answer brought goes on.
        let renewed = agent.refresh(&Tokens::of(&answer).refresh).await;
        assert_eq!((renewed.status, &renewed.body["teams"]), (StatusCode::OK, &json!([blue])), "{}", renewed.body);
    }
}

on_both_engines! {
    async fn a_scope_that_the_account_has_lost_is_not_told_of_any_more(gateway: TestGateway, setup = signing().with_public_address()) {
        gateway.person_with("root@example.org", "admin").await;
        let eve = gateway.person_with("eve@example.org", "admin").await;
        let mut browser = gateway.browser();
        browser.sign_in("eve@example.org", crate::support::gateway::PASSWORD).await;
        let server = Machine::made(&gateway, &["--resource-server", &gateway.mcp_url()]).await;
        let (both, alone) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        let first = both.connect(&mut browser, "connections:read admin").await;
        let nothing_else = alone.connect(&mut browser, "admin").await;
        assert_eq!(introspect(&server, &first.access).await["scope"], "admin connections:read");
        let scopes = belgie_api::ports::UserChanges { scopes: Some("".parse().expect("none")), ..Default::default() };
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        host.accounts().update(&mut tx, eve.id, &scopes).await.expect("an answer").expect("an account");
        tx.commit(host.now()).await.expect("a commit");

        assert_eq!(introspect(&server, &first.access).await["scope"], "connections:read");
        let reply = both.refresh(&first.refresh).await;
        let claims = checked(&gateway, reply.body["access_token"].as_str().expect("a token")).await;
        assert_eq!((&reply.body["scope"], &claims["scope"]), (&json!("connections:read"), &json!("connections:read")));
        let asked = both.refresh_with(&Tokens::of(&reply).refresh, &[("scope", "admin")]).await;
        assert_refused(&asked, StatusCode::BAD_REQUEST, "invalid_scope");
        assert_refused(&alone.refresh(&nothing_else.refresh).await, StatusCode::BAD_REQUEST, "invalid_scope");
    }
}

on_both_engines! {
    async fn a_machines_token_does_not_outlive_its_service_nor_the_name_it_was_for(
        gateway: TestGateway,
        setup = Setup::default().with_public_address()
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let wish = json!({ "name": "Nightly", "role": "member", "scope": "org:read", "ttl_seconds": 600 });
        let service = done(&mut of_ada, &at("acme", "/services/create"), wish).await["service"]["id"].clone();
        let id = service.as_str().expect("an id");
        let machine = ["--machine", "--scope", "org:read", "--org", "acme", "--service", id];
        let machine = Machine::made(&gateway, &machine).await;
        let there = gateway.at("/o/acme/mcp");
        let server = Machine::made(&gateway, &["--resource-server", &there]).await;
        let reply = machine.ask(&[("resource", &there)]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let lasts = reply.body["expires_in"].as_i64().expect("seconds");
        assert!((540..=600).contains(&lasts), "as long as the service at most: {lasts}");
        let token = reply.body["access_token"].as_str().expect("a token");
        assert_eq!(introspect(&server, token).await["active"], true);

        let renamed = belgie_organization::OrganizationChanges { slug: Some("rose".to_owned()), ..Default::default() };
        organizations(&gateway).update(&belgie_organization::Actor::host(), acme.id, renamed).await.expect("a new name");
        assert_eq!(introspect(&server, token).await, json!({ "active": false }), "another address");
        let elsewhere = machine.ask(&[("resource", &there)]).await;
        assert_refused(&elsewhere, StatusCode::BAD_REQUEST, "invalid_target");

        let token = machine.token(&[]).await;
        assert_eq!(machine.agent.whoami(&token).await.status, StatusCode::OK);
        gateway.clock.advance(Duration::from_secs(601));
        super::assert_shut(&machine.agent.whoami(&token).await);
        assert_refused(&machine.ask(&[]).await, StatusCode::BAD_REQUEST, "unauthorized_client");
    }
}
