//! Microsoft, as far as it differs.

use reqwest::StatusCode;
use serde_json::json;

use super::{assert_refused, open, people, read, through, with_idp};
use crate::support::idp::{CLIENT, SECRET, param};
use crate::support::{Idp, Setup};

const START: &str = "/auth/provider/microsoft/start";
const CONTOSO: &str = "11111111-2222-3333-4444-555555555555";
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn microsoft(idp: &Idp, tenant: &str) -> Setup {
    let (authority, graph) = (idp.at(""), idp.at("/graph"));
    open(&format!(
        "[plugins.microsoft]\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\nauthority = \"{authority}\"\n\
         graph_url = \"{graph}\"\ntenant = \"{tenant}\"\n"
    ))
}

/// Somebody of a tenant, whose token names the issuer of that tenant while the description names a template.
fn comes_from(idp: &Idp, tenant: &'static str, description: &str) {
    let issuer = idp.at(&format!("/{tenant}/v2.0"));
    idp.ways().issuer = Some(idp.at(&format!("/{description}/v2.0")));
    idp.spoil(move |_, claims| {
        claims.insert("tid".into(), tenant.into());
        claims.insert("iss".into(), issuer.clone().into());
    });
}

with_idp! {
    async fn somebody_of_any_tenant_signs_in(gateway, idp, setup = |idp: &Idp| microsoft(idp, "common")) {
        comes_from(&idp, CONTOSO, "{tenantid}");
        idp.ways().person = json!({ "sub": "ada-1", "preferred_username": "ada@contoso.example", "name": "Ada" });
        idp.ways().picture = Some(b"a picture".to_vec());
        let mut browser = gateway.browser();
        let location = browser.get(START).await.location();
        assert_eq!(param(&location, "scope"), "openid profile email offline_access User.Read");
        assert_eq!(param(&location, "response_mode"), "query");
        through(&mut browser, &idp, START).await;
        assert!(browser.is_signed_in().await);
        let ada = people(&gateway).await[0].clone();
        assert_eq!((ada.email.as_str(), ada.email_verified), ("ada@contoso.example", false), "an address there proves nothing");
        let profile = gateway.gateway.host().accounts().profile(ada.id).await.expect("an answer").expect("a profile");
        assert_eq!(profile.image.as_deref(), Some("data:image/jpeg;base64,YSBwaWN0dXJl"));
        assert_eq!(idp.count("/graph/me/photos/96x96/$value"), 1);

        gateway.clock.advance(std::time::Duration::from_secs(3590));
        let (status, answer) = super::call(&mut browser, "/auth/provider/microsoft/access-token", json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert!(idp.last("/token").0["scope"].contains("User.Read"), "the scope is said again");
    }
}

with_idp! {
    async fn somebody_whose_address_microsoft_does_not_vouch_for_is_asked_by_mail(gateway, idp,
        setup = |idp: &Idp| microsoft(idp, "common").with_mail())
    {
        comes_from(&idp, CONTOSO, "{tenantid}");
        idp.ways().person = json!({ "sub": "ada-1", "preferred_username": "ada@contoso.example", "name": "Ada" });
        let mut browser = gateway.browser();
        let page = through(&mut browser, &idp, START).await;
        assert!(page.body.contains("Look into your mail"), "{}", page.body);
        browser.fill(&gateway.letter_to("ada@contoso.example").await.link(), "/auth/signup/finish", &[]).await;
        assert!(browser.is_signed_in().await);
        let mut elsewhere = gateway.browser();
        through(&mut elsewhere, &idp, START).await;
        assert!(elsewhere.is_signed_in().await);
    }
}

with_idp! {
    async fn the_same_subject_in_two_tenants_is_two_people(gateway, idp, setup = |idp: &Idp| microsoft(idp, "common")) {
        comes_from(&idp, CONTOSO, "{tenantid}");
        idp.ways().person = json!({ "sub": "one", "email": "ada@contoso.example" });
        through(&mut gateway.browser(), &idp, START).await;
        comes_from(&idp, PERSONAL, "{tenantid}");
        // Whoever runs a tenant can write any address into it.
        let mut attacker = gateway.browser();
        let page = through(&mut attacker, &idp, START).await;
        assert_refused(&mut attacker, &page, "account_not_linked").await;
        idp.ways().person["email"] = "other@outlook.example".into();
        through(&mut attacker, &idp, START).await;
        let (_, answer) = read(&mut attacker, "/auth/provider/microsoft/accounts").await;
        assert_eq!(answer["accounts"][0]["email"], "other@outlook.example");
        assert_eq!(people(&gateway).await.len(), 2);
    }
}

with_idp! {
    async fn a_token_of_another_tenant_than_its_issuer_is_refused(gateway, idp, setup = |idp: &Idp| microsoft(idp, "common")) {
        comes_from(&idp, CONTOSO, "{tenantid}");
        let issuer = idp.at(&format!("/{CONTOSO}/v2.0"));
        idp.spoil(move |_, claims| {
            claims.insert("tid".into(), PERSONAL.into());
            claims.insert("iss".into(), issuer.clone().into());
        });
        let mut browser = gateway.browser();
        let page = through(&mut browser, &idp, START).await;
        assert_refused(&mut browser, &page, "oauth_code_verification_failed").await;
    }
}

with_idp! {
    async fn a_tenant_that_is_pinned_lets_nobody_else_in(gateway, idp, setup = |idp: &Idp| microsoft(idp, CONTOSO)) {
        comes_from(&idp, PERSONAL, CONTOSO);
        let mut browser = gateway.browser();
        let page = through(&mut browser, &idp, START).await;
        assert_refused(&mut browser, &page, "oauth_code_verification_failed").await;
        comes_from(&idp, CONTOSO, CONTOSO);
        through(&mut browser, &idp, START).await;
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn where_organizations_are_asked_for_a_personal_account_does_not_do(gateway, idp, setup = |idp: &Idp| microsoft(idp, "organizations")) {
        comes_from(&idp, PERSONAL, "{tenantid}");
        let mut browser = gateway.browser();
        let page = through(&mut browser, &idp, START).await;
        assert_refused(&mut browser, &page, "oauth_code_verification_failed").await;
        comes_from(&idp, CONTOSO, "{tenantid}");
        through(&mut browser, &idp, START).await;
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn a_tenant_known_by_its_domain_is_the_one_that_is_described(gateway, idp, setup = |idp: &Idp| microsoft(idp, "contoso.example")) {
        comes_from(&idp, PERSONAL, CONTOSO);
        let mut browser = gateway.browser();
        let page = through(&mut browser, &idp, START).await;
        assert_refused(&mut browser, &page, "oauth_code_verification_failed").await;
        comes_from(&idp, CONTOSO, CONTOSO);
        through(&mut browser, &idp, START).await;
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn the_picture_is_left_out_where_that_is_wished(gateway, idp,
        setup = |idp: &Idp| microsoft(idp, "common\"\ndisable_profile_photo = true\nprofile_photo_size = \"240"))
    {
        comes_from(&idp, CONTOSO, "{tenantid}");
        idp.ways().picture = Some(b"a picture".to_vec());
        through(&mut gateway.browser(), &idp, START).await;
        let ada = people(&gateway).await[0].id;
        let profile = gateway.gateway.host().accounts().profile(ada).await.expect("an answer").expect("a profile");
        assert_eq!((profile.image, idp.count("/graph/me/photos/240x240/$value")), (None, 0));
    }
}

with_idp! {
    async fn the_picture_has_the_size_that_is_wished(gateway, idp,
        setup = |idp: &Idp| microsoft(idp, "common\"\nprofile_photo_size = \"240"))
    {
        comes_from(&idp, CONTOSO, "{tenantid}");
        idp.ways().picture = Some(b"a picture".to_vec());
        through(&mut gateway.browser(), &idp, START).await;
        assert_eq!(people(&gateway).await.len(), 1);
        assert_eq!(idp.count("/graph/me/photos/240x240/$value"), 1);
        assert_eq!(idp.count("/graph/me/photos/96x96/$value"), 0);
    }
}

with_idp! {
    async fn an_application_names_the_tenant_of_an_account_it_links(gateway, idp, setup = |idp: &Idp| microsoft(idp, "common")) {
        comes_from(&idp, CONTOSO, "{tenantid}");
        let ada = gateway.person("ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let clients = gateway.gateway.host().provided::<belgie_oauth_client::OAuthClient>().expect("the engine");
        let client = clients.provider("microsoft").expect("it");
        let account = |issuer: Option<String>| belgie_oauth_client::ForeignAccount {
            provider_account_id: "one".into(),
            issuer,
            ..belgie_oauth_client::ForeignAccount::default()
        };
        let of = |tenant: &str| account(Some(idp.at(&format!("/{tenant}/v2.0"))));
        for (brought, code) in [(account(None), "issuer_missing"), (of("not-a-tenant"), "issuer_mismatch")] {
            assert_eq!(client.link_account(ada.id, &brought).await.expect_err("a refusal").code(), code);
        }
        client.link_account(ada.id, &of(CONTOSO)).await.expect("a link");
        let found = client.find_account("one").await.expect("an answer").expect("an account");
        assert_eq!(found.individual_id, ada.id);
        client.link_account(bob.id, &of(PERSONAL)).await.expect("another account");
        assert_eq!(client.find_account("one").await.expect_err("there are two").code(), "account_ambiguous");

        idp.ways().person = json!({ "sub": "one", "email": "somebody@contoso.example" });
        let mut browser = gateway.browser();
        through(&mut browser, &idp, START).await;
        assert!(browser.get("/account").await.body.contains("ada@example.org"), "whoever comes from that tenant is ada");
    }
}
