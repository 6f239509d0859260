//! A host is never without an operator, and nobody becomes one by themselves.

use belgie::identity::{Ban, By};
use belgie_api::on;
use reqwest::StatusCode;

use super::{OPERATOR, act, at, operator, record};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Engine, Setup, TestGateway, waits_for_lock};

on_both_engines! {
    async fn the_last_operator_keeps_the_scope_and_the_account(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        let refused = act(&mut browser, person.id, "scopes", &[("scopes", "notes:read")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains("last administrator"));
        let identity = gateway.gateway.identity();
        assert_eq!(identity.delete(person.id).await.expect_err("a refusal").code(), "admin.last");

        let second = gateway.person_with("second@example.org", "admin").await;
        act(&mut browser, second.id, "ban", &[]).await;
        let refused = act(&mut browser, person.id, "scopes", &[("scopes", "")]).await;
        assert!(refused.body.contains("last administrator"), "the other one is banned");
        assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn two_operators_who_remove_each_other_at_once_do_not_both_go(gateway: TestGateway) {
        let identity = gateway.gateway.identity();
        let mut before = Vec::new();
        for round in 0..8 {
            let mut sides = Vec::new();
            for side in ["a", "b"] {
                let address = format!("{side}{round}@example.org");
                let person = gateway.person_with(&address, "admin").await;
                let mut browser = gateway.browser();
                browser.sign_in(&address, PASSWORD).await;
                sides.push((person, browser));
            }
            for user in before.drain(..) {
                identity.delete(user).await.expect("there are two more");
            }
            let (second, mut of_second) = sides.pop().expect("two");
            let (first, mut of_first) = sides.pop().expect("two");
            let (scopes, delete) = (at(second.id, "scopes"), at(first.id, "delete"));
            let scopes = of_first.get(&scopes).await.form(&scopes);
            let delete = of_second.get(&delete).await.form(&delete);
            let (no_scopes, typed) = ([("scopes", "")], [("email", first.email.as_str())]);
            tokio::join!(of_first.submit(&scopes, &no_scopes), of_second.submit(&delete, &typed));
            assert_eq!(identity.overview().await.expect("figures").people.holders, 1, "round {round}");
            before.extend([first.id, second.id]);
        }
    }
}

on_both_engines! {
    async fn nobody_gives_themselves_a_scope(gateway: TestGateway, setup = Setup::default().with_open_sign_up()) {
        operator(&gateway).await;
        let mut mallory = gateway.browser();
        let form = mallory.get("/auth/signup").await.form("/auth/signup");
        let fields = [("email", "mallory@example.org"), ("name", "M"), ("password", PASSWORD), ("scopes", "admin")];
        mallory.submit(&form, &fields).await;
        assert!(mallory.is_signed_in().await);
        let identity = gateway.gateway.identity();
        let row = identity.row_by_email("mallory@example.org").await.expect("an answer").expect("mallory");
        assert!(row.scopes.is_empty());
        let path = at(row.id, "scopes");
        let token = mallory.get("/account").await.form("/auth/signout").value("csrf_token");
        let tried = mallory.post(&path, &[("csrf_token", &token), ("scopes", "admin")]).await;
        assert_eq!(tried.status, StatusCode::NOT_FOUND);
        assert!(identity.row(row.id).await.expect("an answer").expect("mallory").scopes.is_empty());
    }
}

on_both_engines! {
    async fn scopes_given_and_taken_count_at_once(gateway: TestGateway) {
        let (_, mut browser) = operator(&gateway).await;
        let mut ada = gateway.signed_in("ada@example.org").await;
        let user = gateway.gateway.identity().row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        let refused = act(&mut browser, user, "scopes", &[("scopes", "with\"quote")]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        act(&mut browser, user, "scopes", &[("scopes", "admin  notes:read")]).await;
        assert_eq!(ada.get("/admin").await.status, StatusCode::OK);
        let operator = gateway.gateway.identity().row_by_email(OPERATOR).await.expect("an answer").expect("one").id;
        act(&mut ada, operator, "scopes", &[("scopes", "")]).await;
        assert_eq!(browser.get("/admin").await.status, StatusCode::NOT_FOUND);
        assert_eq!(record(&gateway, user).await, ["user.scopes_set", "user.scopes_set"]);
    }
}

/// On SQLite there is one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_held_in_one_order_wherever_their_rows_lie() {
    const HOLD: &str = "UPDATE core_users SET updated_at = updated_at WHERE id = $1";
    let Some(engine) = Engine::postgres().await else { return };
    let gateway = Setup::default().start(engine).await;
    let mut operators = Vec::new();
    for address in ["a@example.org", "b@example.org"] {
        operators.push(gateway.person_with(address, "admin").await.id);
    }
    operators.sort_unstable();
    let [first, second] = operators[..] else { panic!("two") };
    let ada = gateway.person("ada@example.org").await;
    let host = gateway.gateway.host();
    // A row that is written goes behind the others in the table.
    let mut tx = host.db().begin().await.expect("a transaction");
    on!(&mut tx, c => sqlx::query(HOLD).bind(first).execute(c).await.map(drop)).expect("it moves");
    tx.commit(host.now()).await.expect("a commit");

    let mut tx = host.db().begin().await.expect("a transaction");
    on!(&mut tx, c => sqlx::query(HOLD).bind(first).execute(c).await.map(drop)).expect("the first is held");
    let identity = gateway.gateway.identity().clone();
    let banning = tokio::spawn(async move { identity.ban(ada.id, &Ban::default(), By::Host).await });
    waits_for_lock(&gateway, 1, &banning).await;
    let held = on!(&mut tx, c => sqlx::query(HOLD).bind(second).execute(c).await.map(drop));
    held.expect("whoever waits for the first holds no other");
    tx.commit(host.now()).await.expect("a commit");
    banning.await.expect("no panic").expect("banned");
}
