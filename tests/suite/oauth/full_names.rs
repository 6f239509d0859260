//! `Ed25519`, the full name of what is signed with `EdDSA` and the one curve that is taken here (RFC 9864).

use jsonwebtoken::Algorithm;
use reqwest::StatusCode;
use serde_json::json;

use super::client_keys::{Signer, assert_unproven};
use crate::on_both_engines;
use crate::support::{Agent, TestGateway, Tokens};

const REDIRECT: &str = "http://127.0.0.1:49152/callback";

on_both_engines! {
    async fn a_machine_may_call_its_algorithm_by_its_full_name(gateway: TestGateway) {
        let machine = Signer::machine(&gateway, Algorithm::EdDSA).await;
        let named = |signer: &Signer, alg: &str| {
            let header = json!({ "alg": alg, "kid": signer.key.id() });
            signer.key.sign_parts(&header, &signer.claims(&gateway))
        };
        for alg in ["Ed25519", "EdDSA"] {
            assert_eq!(machine.ask(&named(&machine, alg)).await.status, StatusCode::OK, "{alg}");
        }
        for alg in ["Ed448", "ed25519", "ES256", "none"] {
            assert_unproven(&machine.ask(&named(&machine, alg)).await);
        }
        let other = Signer::machine(&gateway, Algorithm::ES256).await;
        assert_unproven(&other.ask(&named(&other, "Ed25519")).await);
        // A key, and a client, may say that it is for this one alone.
        let mut key = machine.key.jwk();
        key["alg"] = "Ed25519".into();
        let document = json!({
            "client_name": "Signer", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "Ed25519", "jwks": { "keys": [key] },
        });
        let (agent, told) = Agent::register_document(&gateway, &document).await;
        assert_eq!(told["token_endpoint_auth_signing_alg"], "Ed25519");
        let signer = Signer { agent, key: machine.key.clone() };
        let mut ada = gateway.signed_in("ada@example.org").await;
        let code = signer.agent.code(&mut ada, "").await;
        let fields = signer.agent.redemption(&code);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Tokens::of(&signer.post("/token", &named(&signer, "Ed25519"), &fields).await);
    }
}
