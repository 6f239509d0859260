//! What agents can do with the teams of the organization they act for.

use reqwest::StatusCode;
use serde_json::json;

use super::{agent_for, denied, enter, given, join, known, owned_by, team_of, who_is_in};
use crate::on_both_engines;
use crate::support::{Agent, Setup, TestGateway};

const ALL: &str = "org:read org:manage team:manage";
const TOOLS: [&str; 8] = [
    "add_team_member",
    "create_team",
    "delete_team",
    "list_team_members",
    "list_teams",
    "remove_team_member",
    "rename_team",
    "set_team_roles",
];

on_both_engines! {
    async fn an_agent_works_with_the_teams_of_the_organization_it_acts_for(gateway: TestGateway) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, eve.id, "member").await;
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let token = agent_for(&mut browser, &agent, ALL, acme.id, &[]).await.0.access;
        let modern = agent.modern(&url, &token);
        let made = given(&modern, "create_team", json!({ "name": "Red Team" })).await;
        assert_eq!(made["slug"], "red-team");
        let id = made["id"].as_str().expect("an id").parse().expect("an id of a team");
        let add = json!({ "team": "red-team", "member": "Eve@example.org" });
        assert_eq!(given(&modern, "add_team_member", add).await["roles"], json!(["member"]));
        let set = json!({ "team": made["id"], "member": eve.id, "roles": ["lead", "Reviewer"] });
        assert_eq!(given(&modern, "set_team_roles", set).await["roles"], json!(["lead", "reviewer"]));
        let members = given(&modern, "list_team_members", json!({ "team": "red-team" })).await;
        assert_eq!(members["members"][1]["email"], "eve@example.org");
        given(&modern, "remove_team_member", json!({ "team": "red-team", "member": eve.id })).await;
        assert_eq!(who_is_in(&gateway, id).await.len(), 1);
        let renamed = given(&modern, "rename_team", json!({ "team": "red-team", "name": "Crimson" })).await;
        assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Crimson"), &json!("red-team")));
        let list = given(&modern, "list_teams", json!({})).await;
        assert_eq!(list["teams"][0]["roles"], json!(["lead"]));
        let invited = json!({ "email": "new@example.org", "team": "red-team" });
        assert_eq!(given(&modern, "invite_member", invited).await["team_id"], made["id"]);
        given(&modern, "delete_team", json!({ "team": "red-team" })).await;
        assert_eq!(given(&modern, "list_teams", json!({})).await["teams"], json!([]));
        assert_eq!(denied(&modern, "delete_team", json!({ "team": "red-team" })).await, "team.unknown");
    }
}

on_both_engines! {
    async fn an_agent_reaches_no_team_but_those_it_acts_for(gateway: TestGateway) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let (eve, _) = known(&gateway, "eve@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let rose = owned_by(&gateway, ada.id, "rose").await;
        join(&gateway, acme.id, eve.id, "member").await;
        let (red, blue) = (team_of(&gateway, acme.id, "red").await.id, team_of(&gateway, acme.id, "blue").await.id);
        let other = team_of(&gateway, rose.id, "other").await.id;
        for team in [red, blue, other] {
            enter(&gateway, team, ada.id, "lead").await;
        }
        enter(&gateway, blue, eve.id, "member").await;
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let token = agent_for(&mut browser, &agent, ALL, acme.id, &[red]).await.0.access;
        let modern = agent.modern(&url, &token);
        let list = given(&modern, "list_teams", json!({})).await;
        let slugs: Vec<_> = list["teams"].as_array().expect("a list").iter().map(|team| team["slug"].clone()).collect();
        assert_eq!(slugs, ["red"]);
        for team in ["blue", &blue.to_string(), "other", &other.to_string(), "nothing"] {
            for (tool, arguments) in [
                ("list_team_members", json!({ "team": team })),
                ("rename_team", json!({ "team": team, "name": "Mine" })),
                ("delete_team", json!({ "team": team })),
                ("add_team_member", json!({ "team": team, "member": eve.id })),
                ("set_team_roles", json!({ "team": team, "member": eve.id, "roles": ["lead"] })),
                ("remove_team_member", json!({ "team": team, "member": eve.id })),
            ] {
                assert_eq!(denied(&modern, tool, arguments).await, "team.unknown", "{tool} {team}");
            }
        }
        let into = async |team: &str| denied(&modern, "invite_member", json!({ "email": "new@example.org", "team": team })).await;
        assert_eq!([into("blue").await, into("other").await], ["organization.unknown_team"; 2]);
        let another = modern.call("create_team", json!({ "name": "Another" })).await;
        assert_eq!(another.body["error"]["message"], "Unknown tool: create_team", "it could not reach the one it makes");
        given(&modern, "add_team_member", json!({ "team": "red", "member": eve.id })).await;
        given(&modern, "invite_member", json!({ "email": "new@example.org", "team": "red" })).await;
        assert_eq!(who_is_in(&gateway, blue).await.len(), 2, "nothing was done to the others");
    }
}

on_both_engines! {
    async fn tools_of_teams_need_the_scope_the_organization_and_the_role(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut browser) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.id, "member").await;
        let red = team_of(&gateway, acme.id, "red").await.id;
        enter(&gateway, red, bob.id, "member").await;
        let (agent, url) = (Agent::register(&gateway).await, gateway.mcp_url());
        let reader = agent_for(&mut browser, &agent, "org:read", acme.id, &[]).await.0.access;
        let reading = agent.modern(&url, &reader);
        assert_eq!(given(&reading, "list_teams", json!({})).await["teams"][0]["slug"], "red");
        for (tool, arguments) in [
            ("add_team_member", json!({ "team": "red", "member": ada.id })),
            ("set_team_roles", json!({ "team": "red", "member": bob.id, "roles": ["lead"] })),
            ("remove_team_member", json!({ "team": "red", "member": bob.id })),
        ] {
            let reply = reading.call(tool, arguments).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{tool}: {:?}", reply.body);
            assert!(reply.challenge().contains("team:manage"), "{tool}: {}", reply.challenge());
        }
        let member = agent_for(&mut browser, &agent, ALL, acme.id, &[]).await.0.access;
        let managing = agent.modern(&url, &member);
        // What their role does not open is not there for them, whatever the scope.
        for (tool, arguments) in [
            ("create_team", json!({ "name": "Mine" })),
            ("rename_team", json!({ "team": "red", "name": "Mine" })),
            ("delete_team", json!({ "team": "red" })),
        ] {
            let reply = reading.call(tool, arguments.clone()).await;
            assert!(reply.body["error"]["message"].to_string().contains("Unknown tool"), "{tool}: {}", reply.body);
            let reply = managing.call(tool, arguments).await;
            assert!(reply.body["error"]["message"].to_string().contains("Unknown tool"), "{tool}: {}", reply.body);
        }
        for (tool, arguments) in [
            ("add_team_member", json!({ "team": "red", "member": ada.id })),
            ("set_team_roles", json!({ "team": "red", "member": bob.id, "roles": ["lead"] })),
            ("remove_team_member", json!({ "team": "red", "member": bob.id })),
        ] {
            assert_eq!(denied(&managing, tool, arguments).await, "team.forbidden", "{tool}");
        }
        // An agent only for its person has none of them.
        let page = browser.get(&agent.authorize_url(&agent.authorization(ALL))).await;
        let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", "none")]).await;
        let alone = crate::support::Tokens::of(&agent.redeem(&answer.sent_parameter("code").expect("a code")).await).access;
        let listed = agent.modern(&url, &alone).send("tools/list", json!({})).await;
        assert!(listed.tool_names().iter().all(|name| !TOOLS.contains(name)), "{:?}", listed.tool_names());
        // To a plain member what takes a permission of the organization is hidden, what a lead can do is not.
        let listed = managing.send("tools/list", json!({})).await;
        for tool in TOOLS {
            let is_hidden = ["create_team", "rename_team", "delete_team"].contains(&tool);
            assert_ne!(listed.tool_names().contains(&tool), is_hidden, "{tool}");
        }
    }
}

on_both_engines! {
    async fn without_the_plugin_of_teams_nobody_invites_into_one(
        gateway: TestGateway,
        setup = Setup::default().build(|builder| {
            let server = belgie_oauth_server::OAuthServer::default();
            builder.bare().plugin(server).plugin(belgie_organization::Organization::default())
        })
    ) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        owned_by(&gateway, ada.id, "acme").await;
        let page = crate::support::unescape(&of_ada.get("/organizations/acme").await.body);
        assert!(!page.contains("/organizations/acme/teams") && !page.contains("name=\"team\""), "{page}");
        let body = json!({ "email": "eve@example.org", "role": "member", "team": "red" });
        let no = super::refused(&mut of_ada, "/auth/organization/acme/invite", body).await;
        assert_eq!(no, (StatusCode::BAD_REQUEST, "organization.unknown_team".to_owned()));
    }
}
