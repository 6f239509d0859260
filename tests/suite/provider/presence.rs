//! Proving to be there by passing through a provider once more: what shows it, what does not, and who asked.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{START, arrived, link, open, read, sign_in, with_idp};
use crate::support::gateway::PASSWORD;
use crate::support::idp::{CLIENT, SECRET, param};
use crate::support::{Browser, Idp, Page, Setup, TestGateway};

const CONFIRM: &str = "/auth/confirm";
const WANTED: &str = "/account/email";
const LONG: u64 = 601;

async fn is_fresh(browser: &mut Browser) -> bool {
    let (_, body) = read(browser, "/auth/session").await;
    body["session"]["is_fresh"] == Value::Bool(true)
}

/// Time goes by, here and at the provider.
fn wait(gateway: &TestGateway, idp: &Idp) {
    gateway.clock.advance(Duration::from_secs(LONG));
    let mut ways = idp.ways();
    ways.ahead += LONG;
    ways.signed_in_ago = ways.signed_in_ago.map(|ago| ago + LONG);
}

/// Sends the form of the page that asks, for a provider.
async fn ask(browser: &mut Browser, provider: &str) -> Page {
    let form = browser.get(&format!("{CONFIRM}?return_to={WANTED}")).await.form(CONFIRM);
    browser.submit(&form, &[("provider", provider)]).await
}

/// Passes through the provider once more.
async fn confirm(browser: &mut Browser, idp: &Idp) -> Page {
    let out = ask(browser, "acme").await;
    assert_eq!(out.status, StatusCode::SEE_OTHER, "{}", out.body);
    browser.get(&idp.agree_by_query(&out.location())).await
}

with_idp! {
    async fn whoever_signs_in_anew_at_the_provider_is_there(gateway, idp) {
        let mut ada = arrived(&gateway, &idp).await;
        assert!(is_fresh(&mut ada).await, "the provider said that it was just now");
        wait(&gateway, &idp);
        assert!(!is_fresh(&mut ada).await);
        let session = ada.cookie("belgie_session").expect("a session").to_owned();

        let page = ada.get(&format!("{CONFIRM}?return_to={WANTED}")).await;
        let policy = page.headers["content-security-policy"].to_str().expect("a policy");
        assert!(!policy.contains("form-action"), "the form ends at the provider: {policy}");
        let out = ask(&mut ada, "acme").await.location();
        assert_eq!((param(&out, "prompt"), param(&out, "max_age")), ("login".into(), "0".into()));
        assert_eq!(ada.get(&idp.agree_by_query(&out)).await.location(), WANTED);
        assert!(is_fresh(&mut ada).await);
        assert_eq!(ada.cookie("belgie_session"), Some(session.as_str()), "it is the same session");
    }
}

with_idp! {
    async fn a_provider_that_only_repeats_what_it_knew_shows_nothing(gateway, idp) {
        // Somebody finds the browser: the provider would let it pass without a question.
        let mut thief = arrived(&gateway, &idp).await;
        wait(&gateway, &idp);
        idp.ways().asks_again = false;
        for ago in [Some(LONG), Some(120), None] {
            idp.ways().signed_in_ago = ago;
            let page = confirm(&mut thief, &idp).await;
            assert!(page.location().starts_with(CONFIRM), "{}", page.location());
            let told = thief.get(&page.location()).await;
            assert!(told.body.contains("Confirm in another way"), "{}", told.body);
            assert!(!is_fresh(&mut thief).await);
        }
        assert!(thief.get(WANTED).await.location().starts_with(CONFIRM));
    }
}

with_idp! {
    async fn a_plain_sign_in_makes_no_session_fresh_that_was_not(gateway, idp) {
        let mut victim = arrived(&gateway, &idp).await;
        wait(&gateway, &idp);
        // Even when the person signed in there a moment ago: nobody here asked for it, and anybody can make this link.
        idp.ways().signed_in_ago = Some(0);
        for start in [START.to_owned(), format!("{START}?prompt=login&return_to={WANTED}")] {
            let out = victim.get(&start).await.location();
            victim.get(&idp.agree_by_query(&out)).await;
            assert!(victim.is_signed_in().await && !is_fresh(&mut victim).await, "{start}");
        }
        // Nor does signing out and in again through what the provider says it remembers.
        for (ago, counts) in [(Some(LONG), false), (None, true), (Some(0), true)] {
            idp.ways().signed_in_ago = ago;
            victim.post("/auth/signout", &[]).await;
            sign_in(&mut victim, &idp).await;
            assert!(victim.is_signed_in().await);
            assert_eq!(is_fresh(&mut victim).await, counts, "{ago:?}");
        }
    }
}

with_idp! {
    async fn only_the_form_of_the_page_that_asks_begins_it_and_only_its_session_ends_it(gateway, idp) {
        let mut ada = arrived(&gateway, &idp).await;
        wait(&gateway, &idp);
        let forged = ada.post(CONFIRM, &[("provider", "acme"), ("return_to", WANTED)]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "no form token");
        assert_eq!(ask(&mut ada, "nobody").await.status, StatusCode::NOT_FOUND);

        // Somebody else at the provider, without an account here and with one.
        for is_known in [false, true] {
            let out = ask(&mut ada, "acme").await.location();
            let mallory = json!({
                "sub": "mallory-1", "name": "Mallory", "email": "mallory@example.org", "email_verified": true
            });
            let person = std::mem::replace(&mut idp.ways().person, mallory);
            if is_known {
                arrived(&gateway, &idp).await;
            }
            let back = idp.agree_by_query(&out);
            idp.ways().person = person;
            assert!(ada.get(&back).await.location().contains("error=another_account"), "{is_known}");
            assert!(!is_fresh(&mut ada).await);
        }

        // Another session of the same person in the same browser.
        let out = ask(&mut ada, "acme").await.location();
        ada.post("/auth/signout", &[]).await;
        idp.ways().signed_in_ago = Some(LONG);
        sign_in(&mut ada, &idp).await;
        assert!(ada.get(&idp.agree_by_query(&out)).await.location().contains("error=state_mismatch"));
        assert!(!is_fresh(&mut ada).await);

        // Another browser.
        let back = idp.agree_by_query(&ask(&mut ada, "acme").await.location());
        let mut other = gateway.browser();
        assert_eq!(other.get(&back).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(ada.get(&back).await.location(), WANTED);
        assert!(is_fresh(&mut ada).await);
    }
}

fn plain(idp: &Idp) -> Setup {
    open(&format!(
        "[plugins.oauth-client.acme]\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\nscopes = [\"profile\"]\n\
         authorization_endpoint = \"{}\"\ntoken_endpoint = \"{}\"\nuserinfo_endpoint = \"{}\"\n",
        idp.at("/authorize"),
        idp.at("/token"),
        idp.at("/userinfo"),
    ))
}

with_idp! {
    async fn a_provider_that_can_show_nothing_is_asked_only_where_there_is_nothing_better(gateway, idp, setup = plain) {
        let mut ada = arrived(&gateway, &idp).await;
        wait(&gateway, &idp);
        assert!(!is_fresh(&mut ada).await);
        let out = ask(&mut ada, "acme").await.location();
        assert_eq!(param(&out, "prompt"), "login");
        assert!(!out.contains("max_age"));
        assert_eq!(ada.get(&idp.agree_by_query(&out)).await.location(), WANTED);
        assert!(is_fresh(&mut ada).await, "the only way there is");

        idp.ways().person = json!({ "sub": "bob-1", "email": "bob@example.org", "email_verified": true });
        let mut bob = gateway.signed_in("bob@example.org").await;
        assert_eq!(link(&mut bob, &idp).await.location(), "/account");
        wait(&gateway, &idp);
        assert!(!bob.get(CONFIRM).await.body.contains("name=\"provider\""), "there is a password");
        assert_eq!(ask(&mut bob, "acme").await.status, StatusCode::NOT_FOUND, "nor can it be asked for by hand");
        bob.fill(CONFIRM, CONFIRM, &[("password", PASSWORD)]).await;
        assert!(is_fresh(&mut bob).await);
    }
}

with_idp! {
    async fn an_operator_says_of_a_provider_that_it_cannot_show_it(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("proves_presence = false\nconfirm_prompt = \"select_account\"")))
    {
        let mut ada = arrived(&gateway, &idp).await;
        wait(&gateway, &idp);
        let out = ask(&mut ada, "acme").await.location();
        assert_eq!(param(&out, "prompt"), "select_account");
        assert!(!out.contains("max_age"));
        idp.ways().signed_in_ago = None;
        assert_eq!(ada.get(&idp.agree_by_query(&out)).await.location(), WANTED);
        assert!(is_fresh(&mut ada).await);
    }
}
