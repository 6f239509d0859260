//! What pages say of an agent, they say of the stay it was let in for.

use serde_json::json;

use super::{agent_for, enter, join, known, owned_by, take_out, team_of};
use crate::on_both_engines;
use crate::organization::read;
use crate::support::{Agent, TestGateway, unescape};

on_both_engines! {
    async fn a_team_somebody_came_back_to_is_not_the_one_the_agent_acts_for(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (bob, mut of_bob) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        enter(&gateway, red, bob.id, "member").await;
        let narrow = Agent::register(&gateway).await;
        agent_for(&mut of_bob, &narrow, "", acme.id, &[red]).await;
        let teams = async |browser: &mut crate::support::Browser| {
            let (_, said) = read(browser, "/auth/organization/acme/agents").await;
            said["agents"][0]["teams"].clone()
        };
        assert_eq!(teams(&mut of_ada).await, json!(["The red"]));
        assert!(of_bob.get("/account").await.body.contains("in <bdi>The red</bdi>"));
        take_out(&gateway, red, bob.id).await;
        enter(&gateway, red, bob.id, "member").await;
        assert_eq!(teams(&mut of_ada).await, json!([]), "another stay");
        assert!(of_ada.get("/organizations/acme/agents").await.body.contains("In no team any more"));
        let account = of_bob.get("/account").await.body;
        assert!(account.contains("in no team any more") && !account.contains("<bdi>The red</bdi>"), "{account}");
        let wide = Agent::register(&gateway).await;
        agent_for(&mut of_bob, &wide, "", acme.id, &[]).await;
        assert_eq!(teams(&mut of_ada).await, json!(null), "all of them");
    }
}

on_both_engines! {
    async fn teams_come_in_pages(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let mut ids = Vec::new();
        for number in 0..53 {
            ids.push(team_of(&gateway, acme.id, &format!("team-{number:02}")).await.id);
        }
        for team in [ids[1], ids[52]] {
            enter(&gateway, team, ada.id, "lead").await;
        }
        let (_, first) = read(&mut of_ada, "/auth/organization/acme/teams").await;
        let (_, second) = read(&mut of_ada, "/auth/organization/acme/teams?page=1").await;
        let count = |said: &serde_json::Value| said["teams"].as_array().map(Vec::len);
        assert_eq!((count(&first), &first["has_more"]), (Some(50), &json!(true)));
        assert_eq!((count(&second), &second["has_more"], &second["page"]), (Some(3), &json!(false), &json!(1)));
        assert_eq!((&second["teams"][2]["slug"], &second["teams"][2]["roles"]), (&json!("team-52"), &json!(["lead"])));
        let page = unescape(&of_ada.get("/organizations/acme/teams").await.body);
        assert!(page.contains("The team-49") && !page.contains("The team-50") && page.contains("/teams?page=1"), "{page}");
        let rest = of_ada.get("/organizations/acme/teams?page=1").await.body;
        assert!(rest.contains("The team-50") && !rest.contains("The team-49") && rest.contains("First page"), "{rest}");
        let agent = Agent::register(&gateway).await;
        let url = gateway.mcp_url();
        let (wide, _) = agent_for(&mut of_ada, &agent, "org:read", acme.id, &[]).await;
        let page = super::given(&agent.modern(&url, &wide.access), "list_teams", json!({ "page": 1 })).await;
        assert_eq!((count(&page), &page["has_more"]), (Some(3), &json!(false)));
        // Of an agent that acts for some of them, those, wherever they stand.
        let (narrow, _) = agent_for(&mut of_ada, &agent, "org:read", acme.id, &[ids[1], ids[52]]).await;
        let page = super::given(&agent.modern(&url, &narrow.access), "list_teams", json!({})).await;
        assert_eq!((count(&page), &page["has_more"], &page["teams"][1]["slug"]), (Some(2), &json!(false), &json!("team-52")));
        let (ok, listed) = gateway.program(&["team", "list", "acme"]).await;
        assert!(ok && count(&listed) == Some(53), "{listed}");
    }
}
