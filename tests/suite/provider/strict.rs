//! With a strict session cookie, which stays at home when somebody comes from a mail or a provider.

use reqwest::StatusCode;

use super::{START, open, people, with_idp};
use crate::support::{Idp, Setup};

const FINISH: &str = "/auth/signup/finish";

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
        ada.follow(&idp.agree_by_query(&out)).await;
        assert!(ada.is_signed_in().await);
        assert_ne!(ada.follow("/account").await.status, StatusCode::OK, "a stranger, for whoever comes from elsewhere");
    }
}
