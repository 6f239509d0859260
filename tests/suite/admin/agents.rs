//! Operators see what acts for a person, and cut it off.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{at, operator, press, record};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, Setup, TestGateway, forms, rpc};

on_both_engines! {
    async fn an_operator_cuts_one_agent_off_and_what_runs_for_it_ends(gateway: TestGateway,
        setup = Setup::default().with_probe())
    {
        let (person, mut browser) = operator(&gateway).await;
        let other = Connected::new(&gateway, "ada@example.org").await;
        let ada = other.through_another_agent(&gateway).await;
        ada.is_let_in().await;
        let session = ada.session().await;
        let stream = EventStream::open(session.get()).await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut told = EventStream::open(ada.modern().request("subscriptions/listen", filter)).await;
        assert!(told.next().await.is_some());

        let page = browser.get(&at(ada.person.id, "")).await.body;
        assert_eq!(page.matches("Suite agent").count(), 2, "{page}");
        // The newest stands first.
        let done = press(&mut browser, ada.person.id, "connections/end").await;
        assert!(done.location().ends_with("?done=connection-ended"), "{}", done.location());
        ada.is_refused().await;
        let legacy = session.post(&rpc("tools/list", json!({}))).send().await.expect("an answer");
        assert_eq!(legacy.status(), StatusCode::UNAUTHORIZED);
        for rest in [stream.rest().await, told.rest().await] {
            assert!(rest.iter().all(|message: &Value| message.get("result").is_none()), "{rest:?}");
        }
        let refreshed = ada.agent.refresh(&ada.tokens.refresh).await;
        assert_eq!((refreshed.status, &refreshed.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        other.is_let_in().await;

        let page = browser.get(&done.location()).await.body;
        assert!(page.contains("The agent is cut off.") && page.contains("cut off an agent of"), "{page}");
        assert_eq!(page.matches("Suite agent").count(), 1);
        let acts = gateway.gateway.identity().acts(Some(ada.person.id), 9).await.expect("the record");
        assert_eq!((acts[0].action.as_str(), acts[0].actor_id), ("connection.ended", Some(person.id)));
        assert!(acts[0].details["connection"].as_str().is_some_and(|id| id.starts_with("grt_")), "{:?}", acts[0]);
    }
}

on_both_engines! {
    async fn an_agent_is_cut_off_once_and_only_from_its_own_person(gateway: TestGateway) {
        let (person, mut browser) = operator(&gateway).await;
        let ada = Connected::new(&gateway, "ada@example.org").await;
        let bob = gateway.person("bob@example.org").await;
        let page = browser.get(&at(ada.person.id, "")).await;
        let form = page.form(&at(ada.person.id, "connections/end"));
        for user in [bob.id, person.id] {
            let mut astray = form.clone();
            astray.action = at(user, "connections/end");
            assert_eq!(browser.submit(&astray, &[]).await.status, StatusCode::NOT_FOUND);
        }
        ada.is_let_in().await;
        assert_eq!(browser.submit(&form, &[("connection_id", "nonsense")]).await.status, StatusCode::NOT_FOUND);
        assert_eq!(browser.submit(&form, &[]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(browser.submit(&form, &[]).await.status, StatusCode::NOT_FOUND, "once");
        assert_eq!(record(&gateway, ada.person.id).await, ["connection.ended", "grant.made", "consent.given"]);
        let page = browser.get(&at(ada.person.id, "")).await.body;
        assert!(page.contains("No agent acts for this person."));
        assert!(forms(&page).iter().all(|form| !form.action.ends_with("connections/end")));
    }
}
