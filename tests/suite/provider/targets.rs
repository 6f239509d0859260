//! Where people land.

use reqwest::StatusCode;

use super::{START, arrived, open, sign_in, through, with_idp};
use crate::support::Idp;
use crate::support::idp::param;

with_idp! {
    async fn a_person_lands_where_they_wanted_to_go(gateway, idp) {
        let mut browser = gateway.browser();
        let here = gateway.at("/account?tab=1#part");
        let new = format!("{START}?return_to=/one&new_user_redirect_url=/welcome");
        assert_eq!(through(&mut browser, &idp, &new).await.location(), "/welcome");
        assert_eq!(through(&mut gateway.browser(), &idp, &new).await.location(), "/one", "not new any more");
        let same_origin = format!("{START}?return_to={}", url::form_urlencoded::byte_serialize(here.as_bytes()).collect::<String>());
        assert_eq!(through(&mut gateway.browser(), &idp, &same_origin).await.location(), "/account?tab=1");
    }
}

with_idp! {
    async fn signing_in_with_a_provider_never_leads_to_another_site(gateway, idp) {
        for target in ["https://evil.example/", "//evil.example/", "/\\evil.example", "/%09/evil.example", "javascript:alert(1)"] {
            let target: String = url::form_urlencoded::byte_serialize(target.replace("%09", "\t").as_bytes()).collect();
            let path = format!("{START}?return_to={target}&new_user_redirect_url={target}&error_redirect_url={target}");
            assert_eq!(through(&mut gateway.browser(), &idp, &path).await.location(), "/auth/signin", "{target}");

            let mut browser = gateway.browser();
            let state = param(&browser.get(&path).await.location(), "state");
            let page = browser.get(&format!("/auth/provider/acme/callback?error=access_denied&state={state}")).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "a page of ours, and no redirect");
        }
    }
}

with_idp! {
    async fn errors_go_where_the_link_says(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("default_error_redirect_url = \"/oops?from=acme\"")))
    {
        let mut browser = gateway.browser();
        let state = param(&browser.get(&format!("{START}?error_redirect_url=/sorry")).await.location(), "state");
        let page = browser.get(&format!("/auth/provider/acme/callback?error=access_denied&state={state}")).await;
        assert_eq!((page.status, page.location().as_str()), (StatusCode::SEE_OTHER, "/sorry?error=access_denied"));
        let page = browser.get("/auth/provider/acme/callback?error=access_denied&state=nonsense").await;
        assert_eq!(page.location(), "/oops?from=acme&error=state_mismatch", "else where the settings say");
        idp.ways().is_silent = false;
        arrived(&gateway, &idp).await;
    }
}

with_idp! {
    async fn a_link_asks_for_no_more_than_the_operator_foresaw(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("incremental_scopes = [\"calendar\"]\nauthorization_params = { ui = \"dark\", state = \"x\" }")))
    {
        let mut browser = gateway.browser();
        let location = browser.get(&format!("{START}?scopes=calendar&prompt=consent")).await.location();
        assert_eq!(param(&location, "scope"), "openid email profile calendar");
        assert_eq!(param(&location, "prompt"), "consent");
        assert_eq!(param(&location, "ui"), "dark");
        assert!(param(&location, "state").starts_with("blg_"), "what protects the flow cannot be set");
        assert_eq!(browser.get(&format!("{START}?scopes=mail")).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(browser.get(&format!("{START}?prompt=none")).await.status, StatusCode::BAD_REQUEST);
        sign_in(&mut browser, &idp).await;
        assert!(browser.is_signed_in().await);
    }
}
