//! Agents that act for teams: the person chooses them at consent, the database decides at every call.

use belgie_organization::Actor;
use reqwest::StatusCode;
use serde_json::json;

use super::{agent_for, enter, given, join, known, owned_by, seen, take_out, team_of, teams};
use crate::on_both_engines;
use crate::support::{Agent, TestGateway};

on_both_engines! {
    async fn a_person_chooses_teams_and_a_tool_sees_those_alone(gateway: TestGateway) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let mut ids = Vec::new();
        for slug in ["blue", "green", "red"] {
            let team = team_of(&gateway, acme.id, slug).await.id;
            if slug != "green" {
                enter(&gateway, team, ada.id, "lead,reviewer").await;
            }
            ids.push(team);
        }
        let [blue, green, red] = ids[..] else { panic!("three teams") };
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let page = browser.get(&agent.authorize_url(&agent.authorization(""))).await.body;
        assert!(page.contains("The blue") && page.contains("The red") && !page.contains("The green"), "{page}");

        let (narrow, said) = agent_for(&mut browser, &agent, "", acme.id, &[red]).await;
        assert_eq!((&said["organization"], &said["teams"]), (&json!(acme.id), &json!([red])));
        let modern = agent.modern(&url, &narrow.access);
        let caller = given(&modern, "whoami", json!({})).await;
        assert_eq!(caller["teams"], json!([
            { "id": red, "slug": "red", "name": "The red", "roles": ["lead", "reviewer"] }
        ]));
        let again = browser.get(&agent.authorize_url(&agent.authorization(""))).await.body;
        let ticked = again.split("<input").find(|input| input.contains(&format!("team.{red}"))).expect("the red ones");
        assert!(ticked.contains(" checked"), "the next consent begins with the same choice: {ticked}");

        let connected = browser.get("/account").await.body;
        assert!(connected.contains("<bdi>The acme</bdi></strong>, in <bdi>The red</bdi></span>"), "{connected}");

        // None ticked means all of theirs, now and later.
        let (wide, said) = agent_for(&mut browser, &agent, "", acme.id, &[]).await;
        assert_eq!(said["teams"], json!([]));
        let wide = agent.modern(&url, &wide.access);
        assert_eq!(seen(&wide).await, ["blue", "red"]);
        enter(&gateway, green, ada.id, "member").await;
        assert_eq!(seen(&wide).await, ["blue", "green", "red"]);
        assert_eq!(seen(&modern).await, ["red"]);

        // Whoever is in none of the chosen ones any more acts for none, and not for all instead.
        take_out(&gateway, red, ada.id).await;
        assert!(browser.get("/account").await.body.contains("</code>, in no team any more</li>"));
        assert!(seen(&modern).await.is_empty());
        teams(&gateway).delete(&Actor::host(), red).await.expect("deleted");
        assert!(seen(&modern).await.is_empty());
        take_out(&gateway, blue, ada.id).await;
        assert_eq!(seen(&wide).await, ["green"]);
        let refused = agent.refresh(&narrow.refresh).await;
        assert_eq!(refused.body["error"], "invalid_grant", "there is nothing left of it: {}", refused.body);
    }
}

on_both_engines! {
    async fn nobody_lets_an_agent_act_for_a_team_they_are_not_in(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut browser) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, bob.id, "rose").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        let own = team_of(&gateway, rose.id, "own").await.id;
        enter(&gateway, own, bob.id, "lead").await;
        let agent = Agent::register(&gateway).await;
        let page = browser.get(&agent.authorize_url(&agent.authorization(""))).await;
        // One of others, and one of his in another organization.
        for team in [red, own] {
            let (field, organization) = (format!("team.{team}"), acme.id.to_string());
            let fields = [("decision", "allow"), ("organization", &organization), (field.as_str(), &organization)];
            let answer = browser.submit(&page.form("/authorize"), &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        }
        enter(&gateway, red, bob.id, "member").await;
        let (tokens, _) = agent_for(&mut browser, &agent, "", acme.id, &[red]).await;
        assert_eq!(seen(&agent.modern(&gateway.mcp_url(), &tokens.access)).await, ["red"]);
    }
}
