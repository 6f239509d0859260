//! What an operator who wears somebody's session cannot do in it, whatever is sent by hand.

use std::process::Stdio;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{OPERATOR, act, operator, operator_at_home};
use crate::on_both_engines;
use crate::provider::{call, read};
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway};

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
