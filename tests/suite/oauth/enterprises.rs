//! What an enterprise says of its people (ID-JAG): not what they say themselves, and good with the key it is held by.

use reqwest::StatusCode;
use serde_json::json;

use super::assert_invalid_grant;
use super::assertions::{Enterprise, GRANT, WEB};
use super::narrowed::narrow;
use crate::on_both_engines;
use crate::organization::known;
use crate::support::{Agent, Holder};

on_both_engines! {
    async fn an_assertion_for_a_person_is_no_word_of_theirs_for_a_client_they_cut_off(engine: Engine) {
        const BOTH: &str = "connections:read demo:step-up";
        let acme = Enterprise::start(engine).await;
        let (_, mut ada) = known(&acme.gateway, "ada@acme.example").await;
        let web = &acme.web;
        let (went_well, said) = acme.gateway.configured_program(&["client", "trust", &web.agent.client_id]).await;
        assert!(went_well, "{said}");
        let agent = Agent::known_as(&acme.gateway, &web.agent.client_id, WEB[2]);
        let address = agent.authorize_url(&agent.authorization(BOTH));
        let redeem = async |code: Option<String>| {
            let code = code.expect("a code");
            let reply = agent.redeem_with(&code, "client_secret", Some(&web.secret)).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        };
        redeem(ada.get(&address).await.sent_parameter("code")).await;
        for takes_all in [false, true] {
            if takes_all {
                let form = ada.get("/account").await.form("/account/connections/revoke");
                assert_eq!(ada.submit(&form, &[]).await.status, StatusCode::SEE_OTHER);
            } else {
                narrow(&mut ada, &["demo:step-up"]).await;
            }
            // A newer grant of the same client, as it was before.
            let reply = acme.ask(&acme.assertion(&json!({})), &[]).await;
            assert_eq!((reply.status, &reply.body["scope"]), (StatusCode::OK, &json!(BOTH)), "{}", reply.body);
            let asked = ada.get(&address).await;
            assert!(asked.body.contains("Let this agent act for you?"), "{takes_all} {}", asked.body);
            let answer = ada.submit(&asked.form("/authorize"), &[("decision", "allow")]).await;
            redeem(answer.sent_parameter("code")).await;
            redeem(ada.get(&address).await.sent_parameter("code")).await;
        }
    }
}

on_both_engines! {
    async fn an_assertion_that_is_held_by_a_key_is_good_with_that_key_alone(engine: Engine) {
        let acme = Enterprise::start(engine).await;
        known(&acme.gateway, "ada@acme.example").await;
        let (own, other) = (Holder::new(&acme.gateway), Holder::new(&acme.gateway));
        let ask = async |holder: Option<&Holder>, assertion: &str| {
            let (id, secret) = (acme.web.agent.client_id.clone(), acme.web.secret.clone());
            let fields =
                [("grant_type", GRANT.to_owned()), ("assertion", assertion.to_owned()), ("client_id", id), ("client_secret", secret)];
            match holder {
                Some(holder) => holder.post(&acme.web.agent, "/token", &fields).await,
                None => acme.web.agent.post("/token", &fields).await,
            }
        };
        let held = acme.assertion(&json!({ "cnf": { "jkt": own.thumbprint() } }));
        assert_invalid_grant(&ask(None, &held).await);
        assert_invalid_grant(&ask(Some(&other), &held).await);
        let reply = ask(Some(&own), &held).await;
        assert_eq!((reply.status, &reply.body["token_type"]), (StatusCode::OK, &json!("DPoP")), "{}", reply.body);
        // What is held in a way that cannot be shown here is for nobody.
        for cnf in [json!({}), json!({ "x5t#S256": own.thumbprint() }), json!({ "jkt": 1 }), json!(own.thumbprint()), json!([])] {
            let held = acme.assertion(&json!({ "cnf": cnf }));
            assert_invalid_grant(&ask(Some(&own), &held).await);
            assert_invalid_grant(&ask(None, &held).await);
        }
        // One that is held by no key is good with any.
        assert_eq!(ask(Some(&own), &acme.assertion(&json!({}))).await.status, StatusCode::OK);
    }
}
