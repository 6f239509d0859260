//! Wearing somebody's session: what it shows, what it cannot do, how it ends.

use std::time::Duration;

use belgie_api::on;
use reqwest::StatusCode;

use super::{OPERATOR, act, at, operator, press, record};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, Browser, Connected, Setup, TestGateway, waits_for_lock};

/// Begins to see the pages as somebody.
async fn wear(browser: &mut Browser, user: belgie_api::UserId) {
    let done = act(browser, user, "impersonate", &[]).await;
    assert_eq!((done.status, done.location().as_str()), (StatusCode::SEE_OTHER, "/account"));
}

/// Ends it as the banner does.
async fn take_off(browser: &mut Browser) -> crate::support::Page {
    let form = browser.get("/account").await.form("/admin/impersonation/end");
    browser.submit(&form, &[]).await
}

on_both_engines! {
    async fn an_operator_sees_the_pages_as_somebody_and_comes_back(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let own = browser.cookie("belgie_session").expect("a session").to_owned();
        wear(&mut browser, ada.id).await;
        for path in ["/", "/account", "/nowhere"] {
            let page = browser.get(path).await;
            assert!(page.body.contains("You are seeing this as <strong>ada@example.org</strong>"), "{path}");
        }
        let sealed = browser.cookie("belgie_session_operator").expect("a sealed session").to_owned();
        assert!(!sealed.contains(&own), "the browser keeps the operator's own session sealed");
        assert_eq!(browser.get("/admin").await.status, StatusCode::NOT_FOUND, "it is ada who looks");

        let back = take_off(&mut browser).await;
        assert_eq!(back.location(), at(ada.id, ""));
        assert_eq!(browser.cookie("belgie_session"), Some(own.as_str()));
        assert!(browser.cookie("belgie_session_operator").is_none());
        let page = browser.get("/account").await.body;
        assert!(page.contains(OPERATOR) && !page.contains("You are seeing this"));
        let acts = gateway.gateway.identity().acts(Some(ada.id), 9).await.expect("the record");
        let told: Vec<_> = acts.iter().map(|act| (act.action.as_str(), act.actor_id)).collect();
        assert_eq!(told, [("impersonation.ended", Some(person.id)), ("impersonation.began", Some(person.id))]);
    }
}

on_both_engines! {
    async fn signing_out_of_a_worn_session_leads_the_operator_back(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let own = browser.cookie("belgie_session").expect("a session").to_owned();
        wear(&mut browser, ada.id).await;
        let worn = browser.cookie("belgie_session").expect("a session").to_owned();
        let foreign = browser.raw().post(gateway.at("/auth/signout")).header("origin", "https://evil.example");
        assert_eq!(browser.send(foreign).await.status, StatusCode::FORBIDDEN);
        assert_eq!(browser.cookie("belgie_session"), Some(worn.as_str()), "no other site ends it");

        let back = browser.fill("/account", "/auth/signout", &[]).await;
        assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, at(ada.id, "")));
        assert_eq!(browser.cookie("belgie_session"), Some(own.as_str()));
        assert!(browser.cookie("belgie_session_operator").is_none());
        let page = browser.get("/account").await.body;
        assert!(page.contains(OPERATOR) && !page.contains("You are seeing this"));
        let mut thief = gateway.browser();
        thief.plant("belgie_session", &worn);
        assert!(!thief.is_signed_in().await, "the worn session is over");
        let acts = gateway.gateway.identity().acts(Some(ada.id), 1).await.expect("the record");
        assert_eq!((acts[0].action.as_str(), acts[0].actor_id), ("impersonation.ended", Some(person.id)));
        assert_eq!(browser.fill("/account", "/auth/signout", &[]).await.location(), "/");
        assert!(!browser.is_signed_in().await, "the second time it is the operator who signs out");
    }
}

on_both_engines! {
    async fn signing_out_of_a_worn_session_opens_nothing_that_was_left_for_another(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        wear(&mut browser, ada.id).await;
        let sealed = browser.cookie("belgie_session_operator").expect("a sealed session").to_owned();
        take_off(&mut browser).await;
        wear(&mut browser, bob.id).await;
        browser.plant("belgie_session_operator", &sealed);
        assert_eq!(browser.fill("/account", "/auth/signout", &[]).await.location(), "/");
        assert!(!browser.is_signed_in().await);

        // Whoever wears nothing gets nothing out of a sealed session either.
        let mut mallory = gateway.signed_in("mallory@example.org").await;
        mallory.plant("belgie_session_operator", &sealed);
        assert_eq!(mallory.fill("/account", "/auth/signout", &[]).await.location(), "/");
        assert!(!mallory.is_signed_in().await);
    }
}

on_both_engines! {
    async fn a_worn_session_ends_for_good_and_its_cookies_open_nothing_any_more(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        wear(&mut browser, ada.id).await;
        let worn = browser.cookie("belgie_session").expect("a session").to_owned();
        let sealed = browser.cookie("belgie_session_operator").expect("a sealed session").to_owned();
        take_off(&mut browser).await;
        let mut thief = gateway.browser();
        thief.plant("belgie_session", &worn);
        thief.plant("belgie_session_operator", &sealed);
        assert!(!thief.is_signed_in().await);
        assert_eq!(thief.post("/admin/impersonation/end", &[]).await.status, StatusCode::NOT_FOUND);

        // Left for another worn session it does not open, so whoever has only that one does not become the operator.
        wear(&mut browser, bob.id).await;
        let mut thief = browser.clone();
        thief.plant("belgie_session_operator", &sealed);
        let end = take_off(&mut thief).await;
        assert_eq!(end.location(), "/auth/signin");
        assert!(!thief.is_signed_in().await);
    }
}

on_both_engines! {
    async fn a_worn_session_is_never_prolonged_and_never_fresh(gateway: TestGateway,
        setup = Setup::default().config("[session]\nupdate_age_seconds = 60"))
    {
        let (_, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        wear(&mut browser, ada.id).await;
        let forgery = browser.get("/account").await.form("/admin/impersonation/end").fields;
        for path in ["/account/password", "/account/delete", "/account/export", "/auth/confirm"] {
            let refused = browser.get(path).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
            assert!(refused.body.contains("This is for the person alone"), "{path}");
        }
        // Not even with the password of the person.
        let fields: Vec<(&str, &str)> = forgery.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let proof = [fields.as_slice(), &[("password", PASSWORD)]].concat();
        assert_eq!(browser.post("/auth/confirm", &proof).await.status, StatusCode::FORBIDDEN);
        for _ in 0..2 {
            gateway.clock.advance(Duration::from_secs(29 * 60));
            assert!(browser.is_signed_in().await);
        }
        gateway.clock.advance(Duration::from_secs(3 * 60));
        assert!(!browser.is_signed_in().await, "an hour after it began");
    }
}

on_both_engines! {
    async fn whoever_wears_a_session_lets_no_agent_in_and_calls_no_tool(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        wear(&mut browser, ada.id).await;
        let asked = browser.get(&agent.authorize_url(&agent.authorization(""))).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN);
        assert!(asked.body.contains("Only the person can let an agent in"));
        let cookie = format!("belgie_session={}", browser.cookie("belgie_session").expect("a session"));
        let modern = crate::support::Modern { client: browser.raw(), url: &gateway.mcp_url(), token: None };
        let call = modern.request("tools/call", serde_json::json!({ "name": "whoami", "arguments": {} }));
        let call = call.header("origin", &gateway.url).header("cookie", cookie).send().await.expect("an answer");
        assert_eq!(call.status(), StatusCode::FORBIDDEN);
    }
}

on_both_engines! {
    async fn whoever_wears_the_session_of_somebody_who_becomes_an_operator_is_none(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        gateway.person_with("second@example.org", "admin").await;
        let ada = gateway.person("ada@example.org").await;
        let mut second = gateway.browser();
        second.sign_in("second@example.org", PASSWORD).await;
        wear(&mut browser, ada.id).await;
        act(&mut second, ada.id, "scopes", &[("scopes", "admin")]).await;
        for path in ["/admin", "/admin/users", &at(ada.id, "")] {
            assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

on_both_engines! {
    async fn what_is_done_in_a_worn_session_is_on_record_with_who_wore_it(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        wear(&mut browser, ada.person.id).await;
        let form = browser.get("/account").await.form("/account/connections/revoke");
        browser.submit(&form, &[]).await;
        ada.is_refused().await;
        let acts = gateway.gateway.identity().acts(Some(ada.person.id), 9).await.expect("the record");
        let cut = acts.iter().find(|act| act.action == "connection.revoked").expect("it is on record");
        assert_eq!((cut.actor_id, cut.impersonator_id), (Some(ada.person.id), Some(person.id)));
        let of_operator = gateway.gateway.identity().acts(Some(person.id), 9).await.expect("the record");
        assert!(of_operator.iter().any(|act| act.id == cut.id), "it is found under the operator, too");

        let mut elsewhere = gateway.browser();
        elsewhere.sign_in("ada@example.org", PASSWORD).await;
        let profile = browser.get("/account/profile").await.form("/account/profile");
        browser.submit(&profile, &[("name", "Countess")]).await;
        let form = browser.get("/account").await.form("/account/sessions/revoke");
        browser.submit(&form, &[]).await;
        browser.fill("/account", "/account/sessions/revoke-others", &[]).await;
        assert!(!elsewhere.is_signed_in().await);
        let acts = gateway.gateway.identity().acts(Some(ada.person.id), 9).await.expect("the record");
        for action in ["profile.changed", "session.ended", "session.others_ended"] {
            let act = acts.iter().find(|act| act.action == action).expect(action);
            assert_eq!((act.actor_id, act.impersonator_id), (Some(ada.person.id), Some(person.id)), "{action}");
            assert!(act.ip.is_some() && act.request_id.is_some(), "{action}");
        }
    }
}

on_both_engines! {
    async fn nobody_wears_the_session_of_an_operator_of_themselves_or_of_somebody_banned(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        let second = gateway.person_with("second@example.org", "admin").await;
        let banned = gateway.person("banned@example.org").await;
        act(&mut browser, banned.id, "ban", &[]).await;
        for user in [person.id, second.id, banned.id] {
            let refused = act(&mut browser, user, "impersonate", &[]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            assert!(browser.get("/account").await.body.contains(OPERATOR));
        }
        assert!(record(&gateway, second.id).await.is_empty());
    }
}

on_both_engines! {
    async fn a_worn_session_falls_with_the_operator_behind_it(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        gateway.person_with("second@example.org", "admin").await;
        let ada = gateway.person("ada@example.org").await;
        let mut second = gateway.browser();
        second.sign_in("second@example.org", PASSWORD).await;

        wear(&mut browser, ada.id).await;
        press(&mut second, person.id, "sessions/end").await;
        assert!(!browser.is_signed_in().await, "what was put on in a session ends with it");

        browser = gateway.browser();
        browser.sign_in(OPERATOR, PASSWORD).await;
        wear(&mut browser, ada.id).await;
        act(&mut second, person.id, "scopes", &[("scopes", "")]).await;
        assert!(!browser.is_signed_in().await, "no operator any more");

        act(&mut second, person.id, "scopes", &[("scopes", "admin")]).await;
        browser.sign_in(OPERATOR, PASSWORD).await;
        wear(&mut browser, ada.id).await;
        act(&mut second, person.id, "ban", &[]).await;
        assert!(!browser.is_signed_in().await, "banned");
        let told = record(&gateway, ada.id).await;
        assert_eq!(told, ["impersonation.ended", "impersonation.began"].repeat(3), "each time it is on record how it ended");
    }
}

on_both_engines! {
    async fn what_an_operator_wears_ends_with_the_sessions_of_the_operator(gateway: TestGateway,
        setup = Setup::default().with_mail().config("[sign_in]\nrequire_verified_email = false"))
    {
        // An intruder in the account of the operator has put on the session of somebody.
        let (person, mut intruder) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        for way in ["others", "password", "signed out", "ended", "reset"] {
            wear(&mut intruder, ada.id).await;
            assert!(intruder.is_signed_in().await, "{way}");
            let mut owner = gateway.browser();
            if way == "reset" {
                owner.press("/auth/forgot", OPERATOR, None).await;
                let letter = gateway.letter_to(OPERATOR).await;
                owner.fill(&letter.link(), "/auth/reset", &[("password", "the owner's very own words")]).await;
            } else {
                owner.sign_in(OPERATOR, PASSWORD).await;
            }
            match way {
                "others" => drop(owner.fill("/account", "/account/sessions/revoke-others", &[]).await),
                "password" => drop(owner.fill("/account/password", "/account/password", &[("password", PASSWORD)]).await),
                "signed out" => drop(owner.fill("/account", "/auth/signout", &[]).await),
                "ended" => {
                    let identity = gateway.gateway.identity();
                    let session = identity.list_sessions(person.id).await.expect("a list").first().expect("one").id;
                    assert!(identity.end_session_by(session, belgie::identity::By::Host).await.expect("an answer"));
                }
                _ => {}
            }
            assert!(!intruder.is_signed_in().await, "{way}");
            let acts = gateway.gateway.identity().acts(Some(ada.id), 1).await.expect("the record");
            assert_eq!((acts[0].action.as_str(), acts[0].actor_id), ("impersonation.ended", Some(person.id)), "{way}");
            intruder = gateway.browser();
            if way != "reset" {
                intruder.sign_in(OPERATOR, PASSWORD).await;
            }
        }
    }
}

on_both_engines! {
    async fn an_operator_who_is_signed_out_at_that_moment_wears_nothing(gateway: TestGateway) {
        const END: &str = "UPDATE core_sessions SET revoked_at = $1 WHERE user_id = $2";
        const WORN: &str = "SELECT COUNT(*) FROM core_sessions WHERE impersonator_id IS NOT NULL AND revoked_at IS NULL";
        let (person, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let path = at(ada.id, "impersonate");
        let form = browser.get(&at(ada.id, "impersonate")).await.form(&path);
        let host = gateway.gateway.host();
        let mut tx = host.db().begin().await.expect("a transaction");
        on!(&mut tx, c => sqlx::query(END).bind(host.now()).bind(person.id).execute(c).await.map(drop)).expect("they end");
        let wearing = tokio::spawn(async move { browser.submit(&form, &[]).await.status });
        waits_for_lock(&gateway, 1, &wearing).await;
        tx.commit(host.now()).await.expect("a commit");
        let status = wearing.await.expect("an answer");
        assert!(status.is_client_error(), "{status}");
        let mut conn = host.db().read().await.expect("a connection");
        let worn = on!(&mut conn, c => sqlx::query_scalar::<_, i64>(WORN).fetch_one(c).await).expect("a count");
        assert_eq!(worn, 0, "it would outlive the session of whoever wears it");
    }
}

on_both_engines! {
    async fn a_worn_session_that_is_ended_from_the_page_of_its_person_is_on_record_as_that(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        gateway.person_with("second@example.org", "admin").await;
        let ada = gateway.person("ada@example.org").await;
        let mut second = gateway.browser();
        second.sign_in("second@example.org", PASSWORD).await;
        wear(&mut browser, ada.id).await;
        press(&mut second, ada.id, "sessions/end").await;
        assert!(!browser.is_signed_in().await);
        let acts = gateway.gateway.identity().acts(Some(ada.id), 9).await.expect("the record");
        let ended = acts.iter().find(|act| act.action == "impersonation.ended").expect("it is on record");
        assert_eq!(ended.actor_id, Some(person.id));
        // One that is over by itself has not been ended.
        browser = gateway.browser();
        browser.sign_in(OPERATOR, PASSWORD).await;
        wear(&mut browser, ada.id).await;
        let form = second.get(&at(ada.id, "")).await.form(&at(ada.id, "sessions/end"));
        gateway.clock.advance(Duration::from_mins(61));
        second.submit(&form, &[]).await;
        let told = record(&gateway, ada.id).await;
        assert_eq!(told.iter().filter(|act| *act == "impersonation.ended").count(), 1, "{told:?}");
    }
}
