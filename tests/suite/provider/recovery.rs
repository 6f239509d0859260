//! Coming back after somebody else was in the account.

use reqwest::StatusCode;

use super::{arrived, link, open, people, prove, sign_in};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Engine, Idp, TestGateway, Tokens};
use serde_json::json;

const NEW: &str = "some other words entirely";
const RESET: &str = "/auth/reset";
const ADA: &str = "ada@example.org";

/// What an intruder leaves in an account whose address is proven: a linked account elsewhere, an agent, a token.
struct Intruder {
    idp: Idp,
    agent: Agent,
    tokens: Tokens,
    personal: String,
}

impl Intruder {
    async fn breaks_into(gateway: &TestGateway, idp: Idp) -> Self {
        let ada = gateway.person(ADA).await;
        prove(gateway, &ada).await;
        let mut browser = gateway.browser();
        browser.sign_in(ADA, PASSWORD).await;
        idp.ways().person = json!({ "sub": "mallory", "email": "mallory@example.net", "email_verified": true });
        assert_eq!(link(&mut browser, &idp).await.location(), "/account");
        let agent = Agent::register(gateway).await;
        let tokens = agent.connect(&mut browser, "connections:read").await;
        let arguments = ["token", "create", "--email", ADA, "--scope", "connections:read", "--ttl", "3600"];
        let (ok, said) = gateway.program(&arguments).await;
        assert!(ok, "{said}");
        let personal = said["token"].as_str().expect("a token").to_owned();
        let intruder = Self { idp, agent, tokens, personal };
        assert!(intruder.gets_in(gateway).await.iter().all(|way| *way));
        intruder
    }

    /// Which of the ways in still work.
    async fn gets_in(&self, gateway: &TestGateway) -> [bool; 4] {
        let mut browser = gateway.browser();
        sign_in(&mut browser, &self.idp).await;
        let elsewhere = browser.get("/account").await.body.contains(ADA);
        let agent = self.agent.whoami(&self.tokens.access).await.status == StatusCode::OK;
        let personal = self.agent.whoami(&self.personal).await.status == StatusCode::OK;
        [elsewhere, agent, personal, browser.is_signed_in().await && elsewhere]
    }
}

async fn takeover(engine: Engine) -> (TestGateway, Intruder) {
    let idp = Idp::start().await;
    let gateway = open(&idp.table("allow_different_link_emails = true")).with_mail().start(engine).await;
    let intruder = Intruder::breaks_into(&gateway, idp).await;
    (gateway, intruder)
}

/// Chooses a new password; whether with the box ticked.
async fn reset(gateway: &TestGateway, ticks: bool) -> Browser {
    let mut ada = gateway.browser();
    ada.press("/auth/forgot", ADA, None).await;
    let form = ada.get(&gateway.letter_to(ADA).await.link()).await.form(RESET);
    assert!(!form.has("cut_off"), "the box is not ticked beforehand");
    let filled: &[_] = if ticks { &[("password", NEW), ("cut_off", "yes")] } else { &[("password", NEW)] };
    let done = ada.submit(&form, filled).await;
    assert!(done.body.contains("Your password is changed"), "{}", done.body);
    assert_eq!(done.body.contains("were cut off"), ticks, "{}", done.body);
    ada
}

on_both_engines! {
    async fn an_owner_who_asks_for_it_cuts_everything_an_intruder_left(engine: Engine) {
        let (gateway, intruder) = takeover(engine).await;
        let mut ada = reset(&gateway, true).await;
        assert_eq!(intruder.gets_in(&gateway).await, [false; 4]);
        assert_ne!(intruder.agent.refresh(&intruder.tokens.refresh).await.status, StatusCode::OK);
        let letter = gateway.letters_to(ADA).await.into_iter().find(|letter| letter.subject.contains("was reset"));
        let letter = letter.expect("a letter").text;
        assert!(letter.contains("were cut off") && letter.contains("were removed"), "{letter}");
        assert!(letter.contains(&gateway.at("/account")), "{letter}");

        assert_eq!(ada.sign_in(ADA, NEW).await.status, StatusCode::SEE_OTHER);
        assert!(!ada.get("/account").await.body.contains("/account/unlink/"));
        // The owner's own account elsewhere has the same address, so it finds its way back by itself.
        intruder.idp.ways().person = json!({ "sub": "ada-1", "email": ADA, "email_verified": true });
        assert!(arrived(&gateway, &intruder.idp).await.get("/account").await.body.contains(ADA));
    }
}

on_both_engines! {
    async fn whoever_only_forgot_the_password_keeps_agents_and_is_told_of_them(engine: Engine) {
        let (gateway, intruder) = takeover(engine).await;
        reset(&gateway, false).await;
        assert_eq!(intruder.gets_in(&gateway).await, [true; 4]);
        let letter = gateway.letters_to(ADA).await.into_iter().find(|letter| letter.subject.contains("was reset"));
        let letter = letter.expect("a letter").text;
        assert!(letter.contains("were not touched") && letter.contains(&gateway.at("/account")), "{letter}");
    }
}

on_both_engines! {
    async fn a_password_that_will_not_do_cuts_nothing_and_keeps_the_tick(engine: Engine) {
        let (gateway, intruder) = takeover(engine).await;
        let mut ada = gateway.browser();
        ada.press("/auth/forgot", ADA, None).await;
        let form = ada.get(&gateway.letter_to(ADA).await.link()).await.form(RESET);
        let again = ada.submit(&form, &[("password", "qwertyuiop123"), ("cut_off", "yes")]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(again.form(RESET).value("cut_off"), "yes");
        assert_eq!(intruder.gets_in(&gateway).await, [true; 4]);
        assert_eq!(people(&gateway).await.iter().filter(|user| user.email == ADA).count(), 1);
    }
}

on_both_engines! {
    async fn an_intruder_who_moved_the_account_cannot_cut_off_the_owners_way_back(engine: Engine) {
        let idp = Idp::start().await;
        let gateway = open(&idp.table("")).with_mail().start(engine).await;
        let mut intruder = gateway.at_home(ADA).await;
        let theirs = "mallory@example.net";
        intruder.fill("/account/email", "/account/email", &[("email", theirs)]).await;
        intruder.fill(&gateway.letter_to(theirs).await.link(), "/auth/email/confirm", &[]).await;
        let way_back = gateway.letter_to(ADA).await.link();
        intruder.post("/auth/signout", &[]).await;
        intruder.press("/auth/forgot", theirs, None).await;
        let form = intruder.get(&gateway.letter_to(theirs).await.link()).await.form(RESET);
        intruder.submit(&form, &[("password", NEW), ("cut_off", "yes")]).await;

        let mut ada = gateway.browser();
        let undone = ada.fill(&way_back, "/auth/email/undo", &[]).await;
        assert_eq!(undone.status, StatusCode::OK, "{}", undone.body);
        assert_eq!(people(&gateway).await[0].email, ADA);
    }
}
