//! The good way.

use belgie_api::crypto::{base64url, sha256};
use reqwest::StatusCode;
use serde_json::json;

use super::{START, arrived, open, people, sign_in, through, with_idp};
use crate::support::Idp;
use crate::support::idp::{CLIENT, SECRET, param};

with_idp! {
    async fn somebody_new_signs_in_and_comes_back_to_the_same_account(gateway, idp) {
        let mut browser = gateway.browser();
        let page = crate::support::unescape(&browser.get("/auth/signin").await.body);
        assert!(page.contains("Continue with Acme") && page.contains("href=\"/auth/provider/acme/start\""));

        let page = sign_in(&mut browser, &idp).await;
        assert_eq!((page.status, page.location().as_str()), (StatusCode::SEE_OTHER, "/auth/signin"));
        assert_eq!(browser.get("/auth/signin").await.location(), "/account", "on to where people land");
        let account = browser.get("/account").await.body;
        assert!(account.contains("ada@example.org") && account.contains("Linked accounts") && account.contains("Acme"));

        arrived(&gateway, &idp).await;
        let people = people(&gateway).await;
        assert_eq!(people.len(), 1);
        assert!(people[0].email_verified);
        assert_eq!(people[0].name, "Ada");
    }
}

with_idp! {
    async fn the_request_binds_the_code_to_this_browser_and_this_client(gateway, idp) {
        let mut browser = gateway.browser();
        let out = browser.get(START).await;
        let location = out.location();
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("scope", "openid email profile"),
            ("code_challenge_method", "S256"),
            ("redirect_uri", &gateway.at("/auth/provider/acme/callback")),
        ] {
            assert_eq!(param(&location, name), value);
        }
        let cookie = out.headers["set-cookie"].to_str().expect("a cookie");
        let name = "belgie_oauth_state_acme_";
        assert!(cookie.starts_with(name) && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(param(&location, "nonce").len() >= 43 && param(&location, "state").len() >= 43);

        browser.get(&idp.agree_by_query(&location)).await;
        let (form, _) = idp.last("/token");
        let verifier = &form["code_verifier"];
        assert_eq!(base64url(&sha256(verifier.as_bytes())), param(&location, "code_challenge"));
        assert!(verifier.len() >= 43 && form["client_secret"] == SECRET);
        assert!(browser.cookie(name).is_none());
    }
}

with_idp! {
    async fn a_plain_oauth_provider_says_who_somebody_is_at_its_profile_endpoint(gateway, idp, setup = plain) {
        idp.ways().person = json!({ "sub": "ada-1", "email": "ada@example.org", "email_verified": "true", "name": "Ada" });
        arrived(&gateway, &idp).await;
        assert_eq!(idp.count("/userinfo"), 1);
        assert_eq!(idp.count("/.well-known/openid-configuration"), 0, "it is described by hand");
        let (form, headers) = idp.last("/token");
        assert!(headers["authorization"].to_str().expect("a text").starts_with("Basic "));
        assert!(!form.contains_key("client_secret"));
        assert!(people(&gateway).await[0].email_verified, "a text that says true is a yes");
    }
}

fn plain(idp: &Idp) -> crate::support::Setup {
    open(&format!(
        "[plugins.oauth-client.acme]\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\nscopes = [\"profile\"]\n\
         token_endpoint_auth_method = \"client_secret_basic\"\nauthorization_endpoint = \"{}\"\n\
         token_endpoint = \"{}\"\nuserinfo_endpoint = \"{}\"\n",
        idp.at("/authorize"),
        idp.at("/token"),
        idp.at("/userinfo"),
    ))
}

with_idp! {
    async fn the_state_may_live_in_the_cookie_alone(gateway, idp,
        setup = |idp: &Idp| open(&idp.table("state_strategy = \"cookie\"")))
    {
        let mut browser = arrived(&gateway, &idp).await;
        browser.post("/auth/signout", &[]).await;

        let out = browser.get(START).await;
        let back = idp.agree_by_query(&out.location());
        let mut other = gateway.browser();
        let page = other.get(&back).await;
        super::assert_refused(&mut other, &page, "state_mismatch").await;
        gateway.clock.advance(std::time::Duration::from_secs(601));
        let page = browser.get(&back).await;
        super::assert_refused(&mut browser, &page, "state_not_found").await;
    }
}

with_idp! {
    async fn what_the_token_lacks_comes_from_the_profile_endpoint_of_the_same_person(gateway, idp) {
        idp.ways().userinfo_only = vec!["email", "email_verified", "name"];
        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await[0].email, "ada@example.org");

        idp.spoil(|_, claims| { claims.insert("sub".into(), "somebody-else".into()); });
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        super::assert_refused(&mut browser, &page, "oauth_code_verification_failed").await;
    }
}

with_idp! {
    async fn a_sign_in_overwrites_name_and_picture_only_where_that_is_wished(gateway, idp,
        setup = |idp: &Idp| open(&format!("{}{}", idp.table(""), idp.table_of("bold", "override_user_info_on_sign_in = true"))))
    {
        arrived(&gateway, &idp).await;
        idp.ways().person["name"] = "Countess".into();
        arrived(&gateway, &idp).await;
        assert_eq!(people(&gateway).await[0].name, "Ada");
        idp.ways().person["picture"] = "https://pictures.example/ada.png".into();
        through(&mut gateway.browser(), &idp, "/auth/provider/bold/start").await;
        let ada = people(&gateway).await[0].clone();
        assert_eq!(ada.name, "Countess");
        let profile = gateway.gateway.host().accounts().profile(ada.id).await.expect("an answer").expect("a profile");
        assert_eq!(profile.image.as_deref(), Some("https://pictures.example/ada.png"));
    }
}

with_idp! {
    async fn a_provider_that_does_not_say_who_somebody_is_signs_nobody_in(gateway, idp, setup = plain) {
        idp.ways().person = json!({ "email": "ada@example.org", "email_verified": true });
        let mut browser = gateway.browser();
        let page = sign_in(&mut browser, &idp).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY);
        super::assert_refused(&mut browser, &page, "user_info_missing").await;
        let (status, answer) = super::read(&mut arrived_as(&gateway, &idp).await, "/auth/provider/nobody/accounts").await;
        assert_eq!((status, answer["error"].as_str()), (StatusCode::NOT_FOUND, Some("provider_unknown")));
    }
}

async fn arrived_as(gateway: &crate::support::TestGateway, idp: &Idp) -> crate::support::Browser {
    idp.ways().person = json!({ "sub": "ada-1", "email": "ada@example.org", "email_verified": true });
    arrived(gateway, idp).await
}

with_idp! {
    async fn cookies_of_a_flow_are_secure_where_the_operator_says_so(gateway, idp,
        setup = |idp: &Idp| open(&format!("[cookie]\nsecure = \"true\"\n{}", idp.table(""))))
    {
        let out = gateway.browser().get(START).await;
        let cookie = out.headers["set-cookie"].to_str().expect("a cookie");
        assert!(cookie.starts_with("belgie_oauth_state_acme_") && cookie.ends_with("; Secure"), "{cookie}");
        assert_eq!(idp.count("/token"), 0);
    }
}
