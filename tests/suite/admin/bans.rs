//! Whoever is banned is out, at once and everywhere.

use std::time::Duration;

use belgie::identity::{Ban, By};
use belgie_api::clock::SystemClock;
use belgie_api::{Clock, on};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{act, operator, operator_at_home, press, record};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Connected, EventStream, Setup, TestGateway, rpc};

/// A ban and nothing that goes with it.
const BAN: &str = "UPDATE core_users SET banned_at = $1 WHERE id = $2";

on_both_engines! {
    async fn a_ban_ends_everything_at_once_in_both_eras(gateway: TestGateway, setup = Setup::default().with_probe()) {
        let (_, mut browser) = operator(&gateway).await;
        let mut ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = Connected::new(&gateway, "bob@example.org").await;
        ada.is_let_in().await;
        let session = ada.session().await;
        let stream = EventStream::open(session.get()).await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut told = EventStream::open(ada.modern().request("subscriptions/listen", filter)).await;
        assert!(told.next().await.is_some());
        let code = ada.agent.code(&mut ada.browser, "").await;

        let done = act(&mut browser, ada.person.id, "ban", &[("reason", "spam")]).await;
        assert!(done.location().ends_with("?done=banned"), "{}", done.location());
        ada.is_refused().await;
        let legacy = session.post(&rpc("tools/list", json!({}))).send().await.expect("an answer");
        assert_eq!(legacy.status(), StatusCode::UNAUTHORIZED);
        for rest in [stream.rest().await, told.rest().await] {
            assert!(rest.iter().all(|message: &Value| message.get("result").is_none()), "{rest:?}");
        }
        assert!(!ada.browser.is_signed_in().await);
        let refreshed = ada.agent.refresh(&ada.tokens.refresh).await;
        assert_eq!((refreshed.status, &refreshed.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        let redeemed = ada.agent.redeem(&code).await;
        assert_eq!((redeemed.status, &redeemed.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        bob.is_let_in().await;
        let acts = ["user.banned", "consent.given", "grant.made", "consent.given"];
        assert_eq!(record(&gateway, ada.person.id).await, acts, "the second agent got no grant");
    }
}

on_both_engines! {
    async fn somebody_banned_reads_so_after_the_right_password_and_nobody_else_does(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        gateway.person("bob@example.org").await;
        act(&mut browser, ada.id, "ban", &[("reason", "a secret of the operators"), ("notice", "Pay <first>."), ("days", "2")]).await;
        let mut banned = gateway.browser();
        let page = banned.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        let until = gateway.clock.now().plus(Duration::from_hours(48)).day();
        assert!(page.body.contains("This account is suspended until") && page.body.contains(&until), "{}", page.body);
        assert!(!page.body.contains("a secret of the operators"), "{}", page.body);
        assert!(page.body.contains("“Pay &lt;first&gt;.”"), "the operators' words, and only words: {}", page.body);
        let shown = browser.get(&format!("/admin/users/{}", ada.id)).await.body;
        assert!(shown.contains("a secret of the operators") && shown.contains("They read: <q>Pay &lt;first"), "{shown}");
        assert!(!banned.is_signed_in().await);

        let guess = "a guess of twelve";
        let mut answers = Vec::new();
        for email in ["ada@example.org", "bob@example.org", "nobody@example.org"] {
            let mut stranger = banned.clone();
            let page = stranger.sign_in(email, guess).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{email}");
            assert!(page.body.contains("do not go together"), "{email}");
            answers.push(page.without(email));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "nobody learns of a ban by guessing");
    }
}

on_both_engines! {
    async fn somebody_banned_reads_so_behind_link_and_code(gateway: TestGateway,
        setup = Setup::default().with_mail())
    {
        let (_, mut browser) = operator_at_home(&gateway).await;
        let ada = gateway.person("ada@example.org").await;
        act(&mut browser, ada.id, "ban", &[]).await;
        let mut banned = gateway.browser();
        // The address is not proven, which is asked of nobody who cannot sign in anyway.
        assert!(banned.sign_in("ada@example.org", PASSWORD).await.body.contains("This account is suspended."));
        assert!(gateway.letters_to("ada@example.org").await.is_empty());

        let code = banned.press("/auth/code", "ada@example.org", None).await.form("/auth/code");
        let typed = gateway.letter_to("ada@example.org").await.code();
        let page = banned.submit(&code, &[("code", &typed)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("This account is suspended."), "{}", page.body);
        banned.press("/auth/link", "ada@example.org", None).await;
        let link = gateway.letter_to("ada@example.org").await.link();
        let page = banned.fill(&link, "/auth/link/open", &[]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("This account is suspended."), "{}", page.body);
        assert!(!banned.is_signed_in().await);
        let row = gateway.gateway.identity().row(ada.id).await.expect("an answer").expect("ada");
        assert!(row.email_verified_at.is_none() && row.password_hash.is_some(), "nothing in the account has changed");
    }
}

on_both_engines! {
    async fn what_was_asked_for_before_the_ban_opens_nothing(gateway: TestGateway, setup = Setup::default().with_mail()) {
        let mut ada = gateway.at_home("ada@example.org").await;
        ada.post("/auth/signout", &[]).await;
        let identity = gateway.gateway.identity();
        let user = identity.row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        ada.press("/auth/link", "ada@example.org", None).await;
        let link = gateway.letter_to("ada@example.org").await.link();
        let typing = ada.press("/auth/code", "ada@example.org", None).await.form("/auth/code");
        let code = gateway.letter_to("ada@example.org").await.code();
        identity.ban(user, &Ban::default(), By::Host).await.expect("a ban");
        let followed = ada.fill(&link, "/auth/link/open", &[]).await;
        assert_eq!(followed.status, StatusCode::FORBIDDEN);
        assert_eq!(ada.submit(&typing, &[("code", &code)]).await.status, StatusCode::FORBIDDEN);
        assert!(!ada.is_signed_in().await);
    }
}

on_both_engines! {
    async fn a_session_that_is_left_over_from_before_a_ban_counts_for_nothing(gateway: TestGateway) {
        // Whatever ends sessions may be at fault one day; who is banned is looked at whenever a session is.
        let ada = gateway.person("ada@example.org").await;
        let (operator, mut worn) = operator(&gateway).await;
        let mut own = gateway.browser();
        own.sign_in("ada@example.org", PASSWORD).await;
        let bob = gateway.person("bob@example.org").await;
        act(&mut worn, bob.id, "impersonate", &[]).await;
        assert!(own.is_signed_in().await && worn.is_signed_in().await);
        let mut tx = gateway.gateway.host().db().begin().await.expect("a transaction");
        for user in [ada.id, operator.id] {
            on!(&mut tx, c => sqlx::query(BAN).bind(SystemClock.now()).bind(user).execute(c).await.map(drop)).expect("banned");
        }
        tx.commit(SystemClock.now()).await.expect("a commit");
        assert!(!own.is_signed_in().await, "somebody banned is signed in");
        assert!(!worn.is_signed_in().await, "an operator who is banned still wears a session");
    }
}

on_both_engines! {
    async fn a_ban_that_is_taken_back_gives_the_agents_back(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        act(&mut browser, ada.person.id, "ban", &[]).await;
        ada.is_refused().await;
        assert_eq!(ada.agent.refresh(&ada.tokens.refresh).await.status, StatusCode::BAD_REQUEST);
        press(&mut browser, ada.person.id, "unban").await;
        ada.is_let_in().await;
        let again = ada.agent.refresh(&ada.tokens.refresh).await;
        assert_eq!(again.status, StatusCode::OK, "the attempt during the ban spent nothing: {}", again.body);
    }
}

on_both_engines! {
    async fn a_ban_for_some_days_ends_by_itself(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let user = gateway.gateway.identity().row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        for days in ["0", "-1", "x", "99999"] {
            let refused = act(&mut browser, user, "ban", &[("days", days)]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{days}");
        }
        act(&mut browser, user, "ban", &[("days", "2")]).await;
        gateway.clock.advance(Duration::from_hours(47));
        ada.sign_in("ada@example.org", PASSWORD).await;
        assert!(!ada.is_signed_in().await);
        gateway.clock.advance(Duration::from_hours(2));
        ada.sign_in("ada@example.org", PASSWORD).await;
        assert!(ada.is_signed_in().await);
    }
}

on_both_engines! {
    async fn nobody_bans_or_deletes_themselves(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        gateway.person_with("second@example.org", "admin").await;
        for (name, fields) in [("ban", vec![]), ("delete", vec![("email", super::OPERATOR)])] {
            let refused = act(&mut browser, person.id, name, &fields).await;
            assert_eq!(refused.status, StatusCode::CONFLICT, "{name}");
            assert!(refused.body.contains("your own account"), "{name}");
        }
        assert!(browser.is_signed_in().await);
        assert!(record(&gateway, person.id).await.is_empty());
    }
}
