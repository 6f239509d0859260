//! Agents that act for an organization: the person chooses it at consent, the database decides at every call.

use belgie_api::context::UserContext;
use belgie_api::{OrgId, UserId};
use belgie_organization::{Actor, OrganizationChanges, read_roles};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{at, done, join, known, organizations, owned_by};
use crate::oauth::machines::Machine;
use crate::on_both_engines;
use crate::support::{
    Agent, Browser, Connected, EventStream, LegacySession, PATIENCE, Page, Reply, Setup, TestGateway, Tokens, changed,
};

/// A person in an organization, with an agent that acts for it.
pub(super) struct Acting {
    person: UserContext,
    browser: Browser,
    agent: Agent,
    pub(super) tokens: Tokens,
    url: String,
}

impl Acting {
    /// Connects an agent of somebody at the shared endpoint, for the organization.
    pub(super) async fn new(
        gateway: &TestGateway,
        (person, mut browser): (UserContext, Browser),
        organization: OrgId,
    ) -> Self {
        let agent = Agent::register(gateway).await;
        let answer = choose(&agent, &mut browser, "/mcp", &[("organization", &organization.to_string())]).await;
        let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
        let tokens = Tokens::of(&agent.redeem(&code).await);
        Self { person, browser, agent, tokens, url: gateway.mcp_url() }
    }

    /// Connects an agent at the organization's own endpoint.
    pub(super) async fn at(
        gateway: &TestGateway,
        (person, mut browser): (UserContext, Browser),
        id: OrgId,
        slug: &str,
    ) -> Self {
        let agent = Agent::register(gateway).await;
        let path = format!("/o/{slug}/mcp");
        let answer = choose(&agent, &mut browser, &path, &[("organization", &id.to_string())]).await;
        let code = answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {}", answer.body));
        let url = format!("{}{path}", gateway.url);
        let tokens = Tokens::of(&agent.redeem_with(&code, "resource", Some(&url)).await);
        Self { person, browser, agent, tokens, url }
    }

    /// The same as others look at agents.
    pub(super) fn connected(self) -> Connected {
        let Self { person, browser, agent, tokens, url } = self;
        Connected { person, browser, agent, tokens, mcp_url: url }
    }

    async fn whoami(&self) -> Reply {
        self.agent.modern(&self.url, &self.tokens.access).call("whoami", json!({})).await
    }

    /// What a tool sees of the organization.
    async fn organization(&self) -> Value {
        let reply = self.whoami().await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
        reply.body["result"]["structuredContent"]["organization"].clone()
    }

    async fn is_refused(&self) {
        let reply = self.whoami().await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{:?}", reply.body);
        assert!(reply.challenge().contains("error=\"invalid_token\""), "{}", reply.challenge());
    }

    async fn cannot_refresh(&self) {
        let reply = self.agent.refresh(&self.tokens.refresh).await;
        assert_eq!((reply.status, reply.body["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    }

    async fn session(&self) -> LegacySession {
        LegacySession::open(&self.agent.client, &self.url, &self.tokens.access).await
    }

    /// A stream that tells when the list of tools has changed, in the stateless era.
    async fn subscription(&self) -> EventStream {
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let modern = self.agent.modern(&self.url, &self.tokens.access);
        let mut stream = EventStream::open(modern.request("subscriptions/listen", filter)).await;
        let first = stream.next().await.expect("it is acknowledged");
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        stream
    }
}

/// Opens the consent page for the endpoint at `path`.
async fn ask(agent: &Agent, browser: &mut Browser, path: &str) -> Page {
    let resource = browser.address(path);
    let parameters = changed(agent.authorization(""), "resource".to_owned(), Some(resource));
    browser.get(&agent.authorize_url(&parameters)).await
}

/// Allows, with these fields beside.
async fn choose(agent: &Agent, browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let page = ask(agent, browser, path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("decision", "allow")]).collect();
    browser.submit(&page.form("/authorize"), &fields).await
}

async fn remove(gateway: &TestGateway, id: OrgId, user: UserId) {
    organizations(gateway).remove_member(&Actor::host(), id, user).await.expect("removed");
}

async fn become_of(gateway: &TestGateway, id: OrgId, user: UserId, role: &str) {
    let roles = read_roles([role]).expect("roles");
    organizations(gateway).set_roles(&Actor::host(), id, user, &roles).await.expect("set");
}

on_both_engines! {
    async fn a_person_chooses_the_organization_and_a_tool_sees_it(gateway: TestGateway) {
        let (ada, mut browser) = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        owned_by(&gateway, ada.id, "rose").await;
        let agent = Agent::register(&gateway).await;

        let page = ask(&agent, &mut browser, "/mcp").await;
        for name in ["The acme", "The rose", "Only for you"] {
            assert!(page.body.contains(name), "{name}: {}", page.body);
        }
        // Nothing is chosen for them, and a form that says nothing spends nothing.
        let form = page.form("/authorize");
        let unsaid = browser.submit(&form, &[("decision", "allow")]).await;
        assert_eq!(unsaid.status, StatusCode::BAD_REQUEST);
        let id = acme.id.to_string();
        let answer = browser.submit(&form, &[("decision", "allow"), ("organization", &id)]).await;
        let reply = agent.redeem(&answer.sent_parameter("code").expect("a code")).await;
        assert_eq!(reply.body["organization"], id);
        assert_eq!(reply.body["teams"], json!([]));
        let acting = Acting { person: ada, browser, agent, tokens: Tokens::of(&reply), url: gateway.mcp_url() };
        let seen = acting.organization().await;
        assert_eq!((seen["id"].as_str(), seen["slug"].as_str()), (Some(id.as_str()), Some("acme")));
        assert_eq!(seen["roles"], json!(["owner"]));

        // The account page says whom it acts for, and the next consent begins with the same choice.
        let mut browser = acting.browser.clone();
        assert!(browser.get("/account").await.body.contains("Acts for <strong><bdi>The acme</bdi></strong>"));
        let again = ask(&acting.agent, &mut browser, "/mcp").await.body;
        let chosen = again.split("<input").find(|input| input.contains(&format!("value=\"{id}\""))).expect("acme");
        assert!(chosen.contains(" checked"), "{chosen}");

        let own = choose(&acting.agent, &mut browser, "/mcp", &[("organization", "none")]).await;
        let reply = acting.agent.redeem(&own.sent_parameter("code").expect("a code")).await;
        assert_eq!(reply.body.get("organization"), None);
        let alone = Acting { tokens: Tokens::of(&reply), ..acting };
        assert_eq!(alone.organization().await, Value::Null);
    }
}

on_both_engines! {
    async fn nobody_lets_an_agent_act_for_others(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let (bob, mut browser) = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        let agent = Agent::register(&gateway).await;
        let id = acme.id.to_string();
        assert!(!ask(&agent, &mut browser, "/mcp").await.body.contains("The acme"));
        let forged = choose(&agent, &mut browser, "/mcp", &[("organization", &id)]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN);
        // Nor with an organization of one's own at the endpoint of another; what is not there looks the same.
        let rose = owned_by(&gateway, bob.id, "rose").await;
        let pages = [ask(&agent, &mut browser, "/o/acme/mcp").await, ask(&agent, &mut browser, "/o/nowhere/mcp").await];
        for page in &pages {
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
        }
        assert_eq!(pages[0].without("acme"), pages[1].without("nowhere"));
        let page = ask(&agent, &mut browser, "/o/rose/mcp").await;
        for wrong in [id.as_str(), "none"] {
            let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", wrong)]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{wrong}");
        }
        let rose = rose.id.to_string();
        let answer = browser.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", &rose)]).await;
        assert!(answer.sent_parameter("code").is_some(), "nothing was spent");
    }
}

on_both_engines! {
    async fn whoever_is_removed_is_refused_at_the_very_next_call_and_stays_out(gateway: TestGateway) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let bob = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.0.id, "member").await;
        let mut bob = Acting::new(&gateway, bob, acme.id).await;
        assert_eq!(bob.organization().await["roles"], json!(["member"]));
        become_of(&gateway, acme.id, bob.person.id, "admin").await;
        assert_eq!(bob.organization().await["roles"], json!(["admin"]), "a change is there at the next call");
        remove(&gateway, acme.id, bob.person.id).await;
        bob.is_refused().await;
        bob.cannot_refresh().await;
        // The grant itself ends soon, so that coming back opens nothing that was given before.
        let ended = || async { !bob.browser.clone().get("/account").await.body.contains("Suite agent") };
        timeout(PATIENCE, async { while !ended().await {} }).await.expect("in time");
        join(&gateway, acme.id, bob.person.id, "member").await;
        bob.is_refused().await;
        assert!(bob.browser.is_signed_in().await, "the person is signed in as before");
    }
}

on_both_engines! {
    async fn an_agent_of_a_deleted_organization_acts_for_nobody(gateway: TestGateway) {
        let ada = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.0.id, "acme").await;
        let ada = Acting::new(&gateway, ada, acme.id).await;
        assert_eq!(ada.organization().await["slug"], "acme");
        organizations(&gateway).delete(&Actor::host(), acme.id).await.expect("deleted");
        ada.is_refused().await;
        ada.cannot_refresh().await;
    }
}

on_both_engines! {
    async fn the_endpoint_of_an_organization_is_a_resource_of_its_own(gateway: TestGateway) {
        let ada = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.0.id, "acme").await;
        let shared = Acting::new(&gateway, ada.clone(), acme.id).await;
        let own = Acting::at(&gateway, ada, acme.id, "acme").await;
        assert_eq!(own.organization().await["slug"], "acme");
        // A token opens what it is for and nothing else, though both act for the same organization.
        for (token, url) in [(&own.tokens.access, &shared.url), (&shared.tokens.access, &own.url)] {
            let reply = own.agent.modern(url, token).call("whoami", json!({})).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{url}");
        }
        // What is there and what is not look alike.
        let mut browser = gateway.browser();
        let (there, nowhere) = (
            browser.get("/.well-known/oauth-protected-resource/o/acme/mcp").await,
            browser.get("/.well-known/oauth-protected-resource/o/nowhere/mcp").await,
        );
        let metadata: Value = serde_json::from_str(&there.body).expect("JSON");
        assert_eq!(metadata["resource"], own.url);
        assert_eq!(there.without("acme"), nowhere.without("nowhere"));
        let stranger = own.agent.modern(&own.url, "blg_at_nothing").call("whoami", json!({})).await;
        let elsewhere = format!("{}/o/nowhere/mcp", gateway.url);
        let missing = own.agent.modern(&elsewhere, "blg_at_nothing").call("whoami", json!({})).await;
        assert_eq!(stranger.status, missing.status);
        assert_eq!(stranger.challenge().replace("acme", "nowhere"), missing.challenge());
        assert!(stranger.challenge().contains("/.well-known/oauth-protected-resource/o/acme/mcp"));
        for path in ["/.well-known/oauth-protected-resource/o/A_b/mcp", "/o/A_b/mcp"] {
            assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

on_both_engines! {
    async fn a_new_name_ends_what_was_given_for_the_old_address(gateway: TestGateway) {
        let ada = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.0.id, "acme").await;
        let shared = Acting::new(&gateway, ada.clone(), acme.id).await;
        let mut own = Acting::at(&gateway, ada, acme.id, "acme").await;
        let changes = OrganizationChanges { slug: Some("apex".to_owned()), ..OrganizationChanges::default() };
        organizations(&gateway).update(&Actor::host(), acme.id, changes).await.expect("renamed");
        own.is_refused().await;
        own.cannot_refresh().await;
        own.url = format!("{}/o/apex/mcp", gateway.url);
        own.is_refused().await;
        assert_eq!(shared.organization().await["slug"], "apex", "who acts for it at the shared endpoint goes on");
    }
}

on_both_engines! {
    async fn a_name_that_is_taken_back_brings_nothing_back(gateway: TestGateway, setup = Setup::default().with_public_address()) {
        let ada = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.0.id, "acme").await;
        let mut browser = ada.1.clone();
        let wish = json!({ "name": "Nightly", "role": "member", "scope": "org:read", "ttl_seconds": 600 });
        let service = done(&mut browser, &at("acme", "/services/create"), wish).await["service"]["id"].clone();
        let service = service.as_str().expect("an id");
        let machine = Machine::made(&gateway, &["--machine", "--scope", "org:read", "--org", "acme", "--service", service]).await;
        let shared = Acting::new(&gateway, ada.clone(), acme.id).await;
        for round in 0..3 {
            let own = Acting::at(&gateway, ada.clone(), acme.id, "acme").await;
            assert_eq!(own.organization().await["slug"], "acme", "{round}");
            let stream = own.subscription().await;
            let of_machine = machine.token(&[("resource", &own.url)]).await;
            let elsewhere = machine.token(&[]).await;
            let opens = async |url: &str, token: &str| {
                let reply = machine.agent.modern(url, token).call("whoami", json!({})).await;
                reply.status == StatusCode::OK
            };
            assert!(opens(&own.url, &of_machine).await);

            // There and back, before anybody can have heard of the first.
            for slug in ["apex", "acme"] {
                let changes = OrganizationChanges { slug: Some(slug.to_owned()), ..OrganizationChanges::default() };
                organizations(&gateway).update(&Actor::host(), acme.id, changes).await.expect("renamed");
            }
            own.is_refused().await;
            own.cannot_refresh().await;
            assert!(!opens(&own.url, &of_machine).await, "{round}: what a machine was given ends, too");
            let rest = stream.rest().await;
            assert!(rest.iter().all(|message| message.get("error").is_none()), "{rest:?}");
            assert!(opens(&shared.url, &elsewhere).await, "{round}: the shared address has not changed");
        }
        assert_eq!(shared.organization().await["slug"], "acme", "nor has it for people");
    }
}

on_both_engines! {
    async fn streams_hear_of_a_change_and_end_with_the_membership(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let (ada, _) = known(&gateway, "ada@example.org").await;
        let bob = known(&gateway, "bob@example.org").await;
        let acme = owned_by(&gateway, ada.id, "acme").await;
        join(&gateway, acme.id, bob.0.id, "member").await;
        let bob = Acting::new(&gateway, bob, acme.id).await;
        let session = bob.session().await;
        let mut streams = [EventStream::open(session.get()).await, bob.subscription().await];
        become_of(&gateway, acme.id, bob.person.id, "admin").await;
        for stream in &mut streams {
            let news = stream.next().await.expect("the stream goes on");
            assert_eq!(news["method"], "notifications/tools/list_changed");
        }
        remove(&gateway, acme.id, bob.person.id).await;
        for stream in streams {
            let rest = stream.rest().await;
            assert!(rest.iter().all(|message| message.get("error").is_none()), "{rest:?}");
        }
        bob.is_refused().await;
    }
}

on_both_engines! {
    async fn a_session_is_of_the_organization_it_was_opened_for(gateway: TestGateway) {
        let ada = known(&gateway, "ada@example.org").await;
        let acme = owned_by(&gateway, ada.0.id, "acme").await;
        let rose = owned_by(&gateway, ada.0.id, "rose").await;
        let mut ada = Acting::new(&gateway, ada, acme.id).await;
        let session = ada.session().await;
        assert_eq!(session.send("ping", json!({})).await.status, StatusCode::OK);
        let answer = choose(&ada.agent, &mut ada.browser, "/mcp", &[("organization", &rose.id.to_string())]).await;
        let reply = ada.agent.redeem(&answer.sent_parameter("code").expect("a code")).await;
        let other = LegacySession { token: Tokens::of(&reply).access, ..session };
        assert_eq!(other.send("ping", json!({})).await.status, StatusCode::NOT_FOUND);
    }
}
