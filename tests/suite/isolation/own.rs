//! What somebody has in an organization that is theirs alone: an answer that is remembered, a question that is open, a token;
//! and devices, which belong to nobody before they are let in.

use belgie_api::OrgId;
use reqwest::StatusCode;

use super::world::{Place, WORDS, World};
use crate::oauth::machines::create;
use crate::organization::known;
use crate::provider::read;
use crate::support::{Agent, Browser, TestGateway};

/// Lets an agent act for the organization, which is remembered, and leaves the question of another unanswered.
pub async fn given(
    asks: &Agent,
    remembered: &Agent,
    browser: &mut Browser,
    organization: OrgId,
) -> Vec<(&'static str, String)> {
    let page = browser.get(&remembered.authorize_url(&remembered.authorization("org:read"))).await;
    let chosen = organization.to_string();
    browser.submit(&page.form("/authorize"), &[("decision", "allow"), ("organization", &chosen)]).await;
    let account = browser.get("/account").await;
    let page = browser.get(&asks.authorize_url(&asks.authorization("org:read"))).await;
    let tokens = read(browser, "/auth/tokens").await.1;
    vec![
        ("consent", account.form("/account/consents/withdraw").value("consent_id")),
        ("question", page.form("/authorize").value("request")),
        ("token", tokens["tokens"][0]["id"].as_str().expect("an id").to_owned()),
    ]
}

/// What of it is left.
pub async fn left(place: &Place) -> Vec<String> {
    let (mut browser, names) = (place.worker(), &place.names[0]);
    let (account, tokens) =
        (browser.get("/account").await.body, read(&mut browser, "/auth/tokens").await.1.to_string());
    let known = ["consent", "token"].map(|name| names.of(name));
    known.into_iter().filter(|id| account.contains(id) || tokens.contains(id)).map(str::to_owned).collect()
}

/// Whoever has them does at the same doors what nobody else could: after everybody has tried.
pub async fn settle(world: &World) {
    for place in &world.places {
        let (mut browser, names) = (place.worker(), &place.names[0]);
        assert_eq!(left(place).await, [names.of("consent"), names.of("token")], "nobody else has taken anything");
        let csrf = browser.get("/account/tokens/new").await.form("/account/tokens/new").value("csrf_token");
        let organization = place.id.to_string();
        let yes = [("request", names.of("question")), ("decision", "allow"), ("organization", &organization)];
        let answer = browser.post("/authorize", &[&[("csrf_token", csrf.as_str())], &yes[..]].concat()).await;
        assert!(answer.sent_parameter("code").is_some(), "the question is still open: {}", answer.location());
        for (door, name, field) in
            [("/account/consents/withdraw", "consent", "consent_id"), ("/account/tokens/revoke", "token", "token")]
        {
            let done = browser.post(door, &[("csrf_token", &csrf), (field, names.of(name))]).await;
            assert_eq!(done.status, StatusCode::SEE_OTHER, "{door}: {}", done.body);
        }
        assert!(left(place).await.is_empty(), "what its owner ends is over");
    }
    for (place, word) in world.places.iter().zip(WORDS) {
        let (_, mut guest) = known(&world.gateway, &format!("guest.{word}@example.org")).await;
        let link = place.names[0].of("link");
        let page = guest.get(&format!("/organizations/invitation?token={link}")).await;
        let done = guest.submit(&page.form("/organizations/invitation"), &[("decision", "accept")]).await;
        let to = format!("/organizations/{}?done=joined", place.id);
        assert_eq!(done.location(), to, "the link is not used up: {}", done.body);
    }
}

/// A client that is let in by the code it shows.
pub struct Television(Agent);

impl Television {
    /// Made by the operator.
    pub async fn new(gateway: &TestGateway) -> Self {
        let made = create(gateway, &["--name", "Television", "--device"]).await.expect("a client");
        Self(Agent::known_as(gateway, made["client_id"].as_str().expect("an id"), ""))
    }

    /// Begins to wait, and shows this code.
    pub async fn begin(&self) -> String {
        let reply = self.0.post("/device_authorization", &[("client_id", self.0.client_id.clone())]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body["user_code"].as_str().expect("a code").to_owned()
    }
}
