//! An address that an operator says is proven.

use reqwest::StatusCode;

use super::{at, operator, record};
use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Agent, TestGateway};

on_both_engines! {
    async fn a_stranger_is_out_the_day_an_operator_calls_the_address_proven(gateway: TestGateway) {
        let (_, mut console) = operator(&gateway).await;
        for (email, keeps) in [("victim@example.org", false), ("ada@example.org", true)] {
            let mut browser = gateway.signed_in(email).await;
            let agent = Agent::register(&gateway).await;
            let tokens = agent.connect(&mut browser, "connections:read").await;
            let user = gateway.gateway.identity().row_by_email(email).await.expect("an answer").expect("a person").id;
            let form = console.get(&at(user, "")).await.form(&at(user, "verify"));
            console.submit(&form, if keeps { &[("is_theirs", "yes")] } else { &[] }).await;
            let row = gateway.gateway.identity().row(user).await.expect("an answer").expect("a person");
            assert!(row.email_verified_at.is_some());
            assert_eq!(browser.is_signed_in().await, keeps, "{email}");
            let answer = gateway.browser().sign_in(email, PASSWORD).await.status;
            assert_eq!(answer == StatusCode::SEE_OTHER, keeps, "{email}");
            assert_eq!(agent.whoami(&tokens.access).await.status == StatusCode::OK, keeps, "{email}");
            assert!(record(&gateway, user).await.contains(&"user.verified".to_owned()));
        }
    }
}
