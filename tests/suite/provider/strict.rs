//! With a strict session cookie, which stays at home when somebody comes from a mail or a provider.

use reqwest::StatusCode;

use super::{START, open, people, with_idp};
use crate::support::gateway::PASSWORD;
use crate::support::{Browser, Idp, Page, Setup, unescape};

const FINISH: &str = "/auth/signup/finish";
const ASIDE: &str = "/auth/provider/acme/callback?answer=";

fn strict(idp: &Idp) -> Setup {
    open(&idp.table("")).with_mail().config("[cookie]\nsame_site = \"strict\"")
}

with_idp! {
    async fn a_strict_session_cookie_does_not_keep_the_browser_from_being_known_again(gateway, idp, setup = strict) {
        let mut ada = gateway.browser();
        let page = ada.get("/auth/signin").await;
        let cookies = page.headers.get_all("set-cookie").iter();
        let cookies: Vec<&str> = cookies.map(|cookie| cookie.to_str().expect("a text")).collect();
        assert!(cookies.len() == 1 && cookies[0].contains("SameSite=Lax"), "{cookies:?}");

        // Back from the provider, and then from the mail.
        idp.ways().person["email_verified"] = false.into();
        let out = ada.get(START).await.location();
        let asked = ada.follow(&idp.agree_by_query(&out)).await;
        assert!(asked.body.contains("Look into your mail"), "{}", asked.body);
        let letter = gateway.letter_to("ada@example.org").await;
        let page = ada.follow(&letter.link()).await;
        assert!(page.body.contains("sign in to with Acme") && !page.body.contains("did not begin"), "{}", page.body);
        let done = ada.submit(&page.form(FINISH), &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        let set = done.headers["set-cookie"].to_str().expect("a cookie");
        assert!(set.starts_with("belgie_session=") && set.contains("SameSite=Strict"), "{set}");
        assert!(ada.is_signed_in().await);
        assert_eq!(people(&gateway).await.len(), 1);

        // The whole way again: what a provider sends back begins a session, though ours stays at home on the way.
        ada.post("/auth/signout", &[]).await;
        let out = ada.get(START).await.location();
        let landed = come_back(&mut ada, &idp.agree_by_query(&out), "/auth/signin").await;
        assert_eq!(landed.location(), "/account", "and no stranger where they land");
        assert!(ada.is_signed_in().await);
        assert_ne!(ada.follow("/account").await.status, StatusCode::OK, "a stranger, for whoever comes from elsewhere");
    }
}

/// Comes back from the provider: over the stop that goes on by itself, like a browser that does as it is told.
async fn come_back(browser: &mut Browser, back: &str, to: &str) -> Page {
    let stop = browser.follow(back).await;
    assert_eq!(stop.status, StatusCode::OK, "{}", stop.body);
    assert_eq!(stop.headers.contains_key("set-cookie"), to != ASIDE, "nothing is over before it comes again");
    assert_eq!(stop.headers["referrer-policy"], "no-referrer");
    let on = stop.headers["refresh"].to_str().expect("a text").strip_prefix("0; url=").expect("at once").to_owned();
    assert!(on.starts_with(to) && unescape(&stop.body).contains(&on), "{on}");
    assert!(!on.contains("code-"), "the code is in no address of ours");
    let request = browser.raw().get(browser.address(&on)).header("sec-fetch-site", "same-origin");
    browser.send(request).await
}

async fn ask_to_link(browser: &mut Browser) -> String {
    browser.fill("/account", "/auth/provider/acme/link", &[]).await.location()
}

with_idp! {
    async fn a_strict_session_cookie_does_not_keep_an_account_from_being_linked(gateway, idp, setup = strict) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let back = idp.agree_by_query(&ask_to_link(&mut ada).await);
        let done = come_back(&mut ada, &back, ASIDE).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/account".to_owned()), "{}", done.body);
        assert!(ada.get("/account").await.body.contains("/account/unlink/"));
        assert_eq!(ada.get(&back).await.status, StatusCode::BAD_REQUEST, "an answer counts once");
    }
}

with_idp! {
    async fn a_strict_session_cookie_does_not_keep_anybody_from_confirming(gateway, idp, setup = |idp: &Idp| {
        let form = "response_mode = \"form_post\"";
        open(&idp.table(form)).with_mail().config("[cookie]\nsame_site = \"strict\"")
    }) {
        let mut ada = gateway.browser();
        let out = ada.get(START).await.location();
        let stranger = gateway.browser();
        let request = |fields: &[(String, String)]| {
            let request = stranger.raw().post(gateway.at("/auth/provider/acme/callback"));
            request.header("sec-fetch-site", "cross-site").header("origin", "https://idp.example").form(fields)
        };
        let back = gateway.browser().send(request(&idp.agree(&out))).await.location();
        ada.follow(&back).await;
        gateway.clock.advance(std::time::Duration::from_secs(601));
        idp.ways().ahead += 601;

        let form = ada.get("/auth/confirm?return_to=/account/email").await.form("/auth/confirm");
        let out = ada.submit(&form, &[("provider", "acme")]).await.location();
        let back = gateway.browser().send(request(&idp.agree(&out))).await.location();
        let done = come_back(&mut ada, &back, ASIDE).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/account/email".to_owned()), "{}", done.body);
        assert_eq!(ada.get("/account/email").await.status, StatusCode::OK, "the session is fresh");
    }
}

with_idp! {
    async fn the_stop_on_the_way_back_helps_nobody_else(gateway, idp, setup = strict) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let back = idp.agree_by_query(&ask_to_link(&mut ada).await);
        let stop = ada.follow(&back).await;
        let on = stop.headers["refresh"].to_str().expect("a text").strip_prefix("0; url=").expect("at once").to_owned();
        let mut mallory = gateway.at_home("mallory@example.org").await;
        assert_eq!(mallory.get(&on).await.status, StatusCode::BAD_REQUEST, "the flow is of another browser");

        // Somebody who signed out in the meantime stops once, and is then told.
        let back = idp.agree_by_query(&ask_to_link(&mut ada).await);
        ada.post("/auth/signout", &[]).await;
        let refused = come_back(&mut ada, &back, ASIDE).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
        ada.sign_in("ada@example.org", PASSWORD).await;
        assert!(!ada.get("/account").await.body.contains("/account/unlink/"));
    }
}
