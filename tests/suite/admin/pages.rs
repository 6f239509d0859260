//! Who sees the pages, and what they show.

use std::time::Duration;

use reqwest::StatusCode;

use super::{OPERATOR, act, at, operator, press, record};
use crate::on_both_engines;
use crate::support::{Page, TestGateway};

/// An answer without what differs between two of them.
fn bare(page: Page) -> (StatusCode, String) {
    let id = page.headers["x-request-id"].to_str().expect("an id").to_owned();
    let token = page.body.split("name=\"csrf_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let body = token.map_or_else(|| page.body.clone(), |token| page.body.replace(token, "TOKEN"));
    (page.status, body.replace(&id, "ID"))
}

on_both_engines! {
    async fn for_everybody_else_there_is_nothing_at_the_pages_of_operators(gateway: TestGateway) {
        let (person, _) = operator(&gateway).await;
        let mut stranger = gateway.browser();
        let mut ada = gateway.signed_in("ada@example.org").await;
        for browser in [&mut stranger, &mut ada] {
            let nowhere = bare(browser.get("/nowhere-at-all").await);
            assert_eq!(nowhere.0, StatusCode::NOT_FOUND);
            for path in ["/admin", "/admin/users", "/admin/audit", "/admin/explain", "/admin/nothing"] {
                assert_eq!(bare(browser.get(path).await), nowhere, "{path}");
            }
            let nowhere = bare(browser.post("/nowhere-at-all", &[("csrf_token", "x")]).await);
            for act in ["", "ban", "unban", "delete", "scopes", "verify", "impersonate", "sessions/end", "connections/end"] {
                let path = at(person.id, act);
                assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
                assert_eq!(bare(browser.post(&path, &[("csrf_token", "x")]).await), nowhere, "{path}");
            }
            let end = browser.post("/admin/impersonation/end", &[]).await;
            assert_eq!(bare(end), nowhere);
        }
        assert!(record(&gateway, person.id).await.is_empty());
    }
}

on_both_engines! {
    async fn a_form_for_operators_that_another_site_made_changes_nothing(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let path = at(ada.id, "ban");
        let without = browser.post(&path, &[("reason", "forged")]).await;
        assert_eq!(without.status, StatusCode::FORBIDDEN);
        let token = browser.get(&path).await.form(&path).value("csrf_token");
        let foreign = browser.raw().post(gateway.at(&path)).header("origin", "https://evil.example");
        let foreign = browser.send(foreign.form(&[("csrf_token", token.as_str()), ("reason", "forged")])).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN);
        assert!(record(&gateway, ada.id).await.is_empty());
        let profile = gateway.gateway.identity().row(ada.id).await.expect("an answer").expect("ada");
        assert!(profile.banned_at.is_none());
    }
}

on_both_engines! {
    async fn dangerous_acts_ask_for_a_proof_of_presence_first(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        let path = at(ada.id, "ban");
        let token = browser.get(&path).await.form(&path).value("csrf_token");
        gateway.clock.advance(Duration::from_secs(11 * 60));
        for act in ["ban", "delete", "scopes", "verify", "impersonate"] {
            let path = at(ada.id, act);
            let asked = browser.get(&path).await;
            let wanted = format!("/auth/confirm?return_to={}", path.replace('/', "%2F"));
            // Its form is on the page of the person, and who comes back from proving it is led there.
            let asks = if act == "verify" { at(ada.id, "") } else { wanted.clone() };
            assert_eq!((asked.status, asked.location()), (StatusCode::SEE_OTHER, asks), "{act}");
            let sent = browser.post(&path, &[("csrf_token", &token), ("email", "ada@example.org")]).await;
            assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, wanted), "{act}");
        }
        assert!(record(&gateway, ada.id).await.is_empty());
        let profile = gateway.gateway.identity().row(ada.id).await.expect("an answer").expect("ada");
        assert!(profile.email_verified_at.is_none());
    }
}

on_both_engines! {
    async fn people_are_found_by_the_beginning_of_address_or_name_page_by_page(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let identity = gateway.gateway.identity();
        for number in 0..60 {
            let name = if number == 7 { "Grace 100%" } else { "" };
            let user = belgie_api::ports::NewUser {
                email: format!("person-{number:02}@example.org"),
                name: name.to_owned(),
                ..Default::default()
            };
            identity.get_or_create(&user, "operator").await.expect("an account");
        }
        let first = crate::support::unescape(&browser.get("/admin/users?q=PERSON-").await.body);
        assert!(first.contains("person-00@") && first.contains("person-49@") && !first.contains("person-50@"));
        let next = first.split("href=\"/admin/users?").find(|part| part.contains("Next page")).expect("a next page");
        let next = next.split('"').next().expect("an address");
        let second = browser.get(&format!("/admin/users?{next}")).await.body;
        assert!(second.contains("person-50@") && second.contains("person-59@") && !second.contains("person-49@"));

        let by_name = browser.get("/admin/users?q=grace+100%25").await.body;
        assert!(by_name.contains("person-07@") && !by_name.contains("person-08@"));
        let wild = browser.get("/admin/users?q=%25").await.body;
        assert!(!wild.contains("person-07@"), "a sign that means anything to the database is a sign like others");
    }
}

on_both_engines! {
    async fn the_overview_and_the_record_say_what_was_done(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        act(&mut browser, ada.id, "ban", &[("reason", "sold <b>fakes</b>")]).await;
        press(&mut browser, ada.id, "unban").await;
        press(&mut browser, ada.id, "verify").await;
        for path in ["/admin", "/admin/audit", "/admin/audit?user=ada@example.org", &at(ada.id, "")] {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            for words in ["took back the ban of", "marked the address as proven of", OPERATOR, "ada@example.org"] {
                assert!(page.body.contains(words), "{words} on {path}");
            }
            assert!(page.body.contains("&lt;b&gt;fakes") && !page.body.contains("<b>fakes"), "{path}");
        }
        let acts = gateway.gateway.identity().acts(Some(ada.id), 9).await.expect("the record");
        assert!(acts.iter().all(|act| act.actor_id == Some(person.id) && act.ip.is_some() && act.request_id.is_some()));
        let unknown = browser.get("/admin/audit?user=nobody@example.org").await.body;
        assert!(unknown.contains("Nobody has this address"));
        let profile = gateway.gateway.identity().row(ada.id).await.expect("an answer").expect("ada");
        assert!(profile.email_verified_at.is_some());
    }
}

on_both_engines! {
    async fn an_account_is_deleted_only_with_its_address_typed(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let user = gateway.gateway.identity().row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        let refused = act(&mut browser, user, "delete", &[("email", "bob@example.org")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(ada.is_signed_in().await);
        let done = act(&mut browser, user, "delete", &[("email", " Ada@example.org ")]).await;
        assert_eq!(done.location(), "/admin/users");
        assert!(!ada.is_signed_in().await);
        assert_eq!(record(&gateway, user).await, ["user.deleted"]);
        assert_eq!(browser.get(&at(user, "")).await.status, StatusCode::NOT_FOUND);
    }
}

on_both_engines! {
    async fn operators_end_one_session_or_all(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let mut first = gateway.signed_in("ada@example.org").await;
        let mut second = gateway.browser();
        second.sign_in("ada@example.org", crate::support::gateway::PASSWORD).await;
        let user = gateway.gateway.identity().row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        press(&mut browser, user, "sessions/end").await;
        assert_ne!(first.is_signed_in().await, second.is_signed_in().await, "the first form ends one of them");
        let all = browser.get(&at(user, "")).await;
        let form = crate::support::forms(&all.body).into_iter().find(|form| {
            form.action == at(user, "sessions/end") && !form.has("session_id")
        });
        browser.submit(&form.expect("a form for all sessions"), &[]).await;
        assert!(!first.is_signed_in().await && !second.is_signed_in().await);
        assert_eq!(record(&gateway, user).await, ["session.all_ended", "session.ended"]);
    }
}

on_both_engines! {
    async fn the_record_of_operators_has_calls_too_and_the_filters_of_the_command_line(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let (ada, _) = crate::organization::known(&gateway, "ada@example.org").await;
        let acme = crate::organization::owned_by(&gateway, ada.id, "acme").await;
        let agent = crate::support::Connected::of(&gateway, &ada, "connections:read", Some(acme.id)).await;
        let other = crate::support::Connected::new(&gateway, "bob@example.org").await;
        agent.call().await;
        agent.modern().call("step_up", serde_json::json!({})).await;
        other.call().await;
        let mut count = async |query: &str, words: &str| {
            let page = browser.get(&format!("/admin/audit?{query}")).await;
            assert_eq!(page.status, StatusCode::OK, "{query}");
            page.body.matches(words).count()
        };
        let call = "<code>tool.call</code>";
        let client = &other.agent.client_id;
        for (query, expected) in [
            (String::new(), 3),
            ("type=decision&org=acme".to_owned(), 2),
            (format!("org={}", acme.id), 2),
            ("user=bob@example.org".to_owned(), 1),
            (format!("user={}", ada.id), 2),
            (format!("client={client}"), 1),
            ("tool=echo".to_owned(), 2),
            ("result=refused".to_owned(), 1),
            ("type=act".to_owned(), 0),
            ("since=1h".to_owned(), 3),
            ("until=2020-01-01".to_owned(), 0),
        ] {
            assert_eq!(count(&query, call).await, expected, "{query}");
        }
        assert_eq!(count("result=refused", "scope_missing").await, 1);
        assert!(count("type=act", "organization.created").await > 0);
        for (wrong, words) in [
            ("org=nowhere", "There is no such organization."),
            ("since=yesterday", "cannot be read"),
            ("type=x", "cannot be read"),
            ("before=x", "cannot be read"),
        ] {
            assert_eq!(count(wrong, words).await, 1, "{wrong}");
        }
        for _ in 0..100 {
            other.call().await;
        }
        assert_eq!(count("tool=echo", call).await, 100);
        let page = crate::support::unescape(&browser.get("/admin/audit?tool=echo").await.body);
        let older = page.split("href=\"").find_map(|rest| rest.split('"').next().filter(|href| href.contains("before="))).expect("a way on");
        assert_eq!(browser.get(older).await.body.matches(call).count(), 2);
    }
}
