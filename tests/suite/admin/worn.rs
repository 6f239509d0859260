//! What an operator who wears somebody's session cannot do in it, whatever is sent by hand.

use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{OPERATOR, act, operator, operator_at_home};
use crate::on_both_engines;
use crate::organization::{invite, join, known, organizations, owned_by};
use crate::provider::{call, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway, unescape};

on_both_engines! {
    async fn in_a_worn_session_nothing_dangerous_is_done(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        let (_, mut browser) = operator_at_home(&gateway).await;
        let user = gateway.gateway.identity().row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        act(&mut browser, user, "impersonate", &[]).await;
        let token = browser.get("/account").await.form("/admin/impersonation/end").value("csrf_token");
        for (path, field, value) in [
            ("/account/password", "password", "some other words entirely"),
            ("/account/password/remove", "", ""),
            ("/account/email", "email", "operator@elsewhere.example"),
            ("/account/email/verify", "", ""),
            ("/account/delete", "email", "ada@example.org"),
            ("/account/tokens/new", "scope", "connections:read"),
            ("/auth/confirm", "password", PASSWORD),
            ("/auth/confirm", "send", "code"),
        ] {
            let refused = browser.post(path, &[("csrf_token", token.as_str()), (field, value)]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
            assert!(refused.body.contains("This is for the person alone"), "{path}: {}", refused.body);
        }
        // The room for programs does not know the session at all.
        let wish = json!({ "name": "Nightly", "scope": "connections:read", "ttl_seconds": 3600 });
        assert_eq!(call(&mut browser, "/auth/tokens/create", wish).await.0, StatusCode::UNAUTHORIZED);

        assert!(ada.is_signed_in().await, "the account is there");
        assert_eq!(gateway.browser().sign_in("ada@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
        assert!(gateway.letters_to("operator@elsewhere.example").await.is_empty());
        assert_eq!(read(&mut ada, "/auth/tokens").await.1["tokens"], json!([]));
    }
}

on_both_engines! {
    async fn an_operator_who_wears_the_session_proves_no_address(
        gateway: TestGateway,
        setup = Setup::default().with_mail().config("[sign_in]\nrequire_verified_email = false")
    ) {
        let mut stranger = gateway.signed_in("victim@example.org").await;
        stranger.fill("/account", "/account/email/verify", &[]).await;
        let link = gateway.letter_to("victim@example.org").await.link();
        let (_, mut browser) = operator(&gateway).await;
        let user = gateway.gateway.identity().row_by_email("victim@example.org").await.expect("an answer").expect("it").id;
        act(&mut browser, user, "impersonate", &[]).await;
        let page = browser.get(&link).await;
        assert!(page.body.contains("type=\"password\""), "it is not the person who looks: {}", page.body);
        browser.submit(&page.form("/auth/verify"), &[]).await;
        assert!(!stranger.is_signed_in().await, "what was there before the owner came has ended");
        assert_ne!(gateway.browser().sign_in("victim@example.org", PASSWORD).await.status, StatusCode::SEE_OTHER);
    }
}

on_both_engines! {
    async fn what_is_done_in_a_worn_session_is_told_as_the_operators(
        gateway: TestGateway,
        setup = Setup::default().server("trusted_proxies = [\"127.0.0.1\"]")
    ) {
        let (theirs, own) = ("198.51.100.7", "192.0.2.1");
        let ada = gateway.person("ada@example.org").await;
        let mut of_ada = gateway.browser().at_address(own);
        of_ada.sign_in("ada@example.org", PASSWORD).await;
        let person = gateway.person_with(OPERATOR, "admin").await;
        let mut browser = gateway.browser().at_address(theirs);
        browser.sign_in(OPERATOR, PASSWORD).await;
        act(&mut browser, ada.id, "impersonate", &[]).await;
        browser.fill("/account/profile", "/account/profile", &[("name", "Ada Lovelace")]).await;

        let page = of_ada.get("/account").await.body;
        assert!(page.contains("Worn by an administrator") && page.contains(own), "{page}");
        assert!(!page.contains(theirs), "{page}");
        let taken = of_ada.get("/account/export").await.body;
        let data: Value = serde_json::from_str(&taken).expect("JSON");
        let core = &data["data"]["core"];
        let act = &core["acts"][0];
        assert_eq!((&act["action"], &act["worn_by_operator"]), (&json!("profile.changed"), &json!(true)), "{taken}");
        let sessions = core["sessions"].as_array().expect("sessions");
        let worn: Vec<_> = sessions.iter().map(|session| (&session["worn_by_operator"], &session["ip"])).collect();
        assert!(worn.contains(&(&json!(true), &Value::Null)) && worn.contains(&(&json!(false), &json!(own))), "{taken}");
        assert!(!taken.contains(theirs), "{taken}");

        let mut command = Command::new(env!("CARGO_BIN_EXE_belgie"));
        command.args(["audit", "list", "--user", "ada@example.org", "--config"]).arg(gateway.config_file());
        let listed = command.stdin(Stdio::null()).output().await.expect("the program runs").stdout;
        let listed = String::from_utf8_lossy(&listed);
        let line = listed.lines().find(|line| line.contains("profile.changed")).expect("the act");
        assert!(line.contains(&format!("{} (worn by {})", ada.id, person.id)), "{line}");
    }
}

on_both_engines! {
    async fn an_operator_who_wears_the_session_makes_no_owners_and_puts_its_person_nowhere(gateway: TestGateway) {
        let (ada, mut of_ada) = known(&gateway, "ada@example.org").await;
        let (eve, mut of_eve) = known(&gateway, "eve@example.org").await;
        let (acme, rose) = (owned_by(&gateway, ada.id, "acme").await, owned_by(&gateway, eve.id, "rose").await);
        join(&gateway, acme.id, eve.id, "member").await;
        join(&gateway, rose.id, ada.id, "member").await;
        let blue = owned_by(&gateway, eve.id, "blue").await;
        let invited = invite(&mut of_eve, "blue", "ada@example.org").await;
        let (worn_by, mut browser) = operator(&gateway).await;
        act(&mut browser, ada.id, "impersonate", &[]).await;

        let page = format!("/organizations/acme/members/{}", eve.id);
        let (new, list) = ("/organizations/new", "/organizations");
        let invite_them = [("email", OPERATOR), ("role", "owner")];
        for (from, to, fields) in [
            (page.as_str(), page.as_str(), &[("role", "owner")][..]),
            ("/organizations/acme", "/organizations/acme/invite", &invite_them),
            (list, "/organizations/invitations", &[("invitation", invited.as_str()), ("decision", "accept")]),
            (list, "/organizations/invitations", &[("invitation", invited.as_str()), ("decision", "decline")]),
            ("/organizations/rose/leave", "/organizations/rose/leave", &[]),
            (new, new, &[("name", "Another"), ("slug", "another")]),
        ] {
            let token = browser.get(from).await.form("/admin/impersonation/end").value("csrf_token");
            let fields: Vec<_> = fields.iter().copied().chain([("csrf_token", token.as_str())]).collect();
            let refused = browser.post(to, &fields).await;
            assert!(unescape(&refused.body).contains("This is for the person alone."), "{to}: {} {}", refused.status, refused.body);
        }
        let lent = organizations(&gateway);
        let roles = async |user, id| {
            lent.membership(user, id).await.expect("an answer").map(|place| place.roles.into_iter().collect::<String>()).unwrap_or_default()
        };
        assert_eq!(roles(eve.id, acme.id).await, "member");
        assert_eq!(roles(ada.id, rose.id).await, "member");
        assert_eq!(roles(ada.id, blue.id).await, "");
        assert_eq!(lent.list_for(ada.id).await.expect("a list").len(), 2);
        assert_eq!(lent.list_for(worn_by.id).await.expect("a list").len(), 0);
        // The person themselves, who proved a moment ago to be there, does it all.
        let owner = of_ada.fill(&page, &page, &[("role", "owner")]).await;
        assert_eq!(owner.location(), "/organizations/acme?done=roles", "{}", owner.body);
        let fields = [("invitation", invited.as_str()), ("decision", "accept")];
        let joined = of_ada.fill(list, "/organizations/invitations", &fields).await;
        assert_eq!(joined.status, StatusCode::SEE_OTHER, "{}", joined.body);
        assert_eq!(roles(ada.id, blue.id).await, "member");
    }
}
