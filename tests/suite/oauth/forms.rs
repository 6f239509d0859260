//! Tokens with prefixes of the operator's own and in forms of an application's own, and how long scopes last.

use std::sync::atomic::{AtomicUsize, Ordering};

use belgie::oauth_server::{Forms, OAuthServer};
use belgie_api::TokenKind;
use belgie_api::crypto::{base64url, sha256};
use reqwest::StatusCode;
use serde_json::json;

use super::exchange::{exchange, server};
use super::machines::Machine;
use super::openid::{ALL, id_token, openid, told};
use super::{assert_invalid_grant, assert_refused, assert_shut, checked};
use crate::on_both_engines;
use crate::support::{Agent, Reply, Setup, TestGateway, Tokens};

fn prefixed() -> Setup {
    Setup::default().config(
        "[plugins.oauth-server]\nresources = [\"https://api.example.com\"]\ntoken_exchange = true\n[plugins.oauth-server.token_prefixes]\naccess_token = \"acme_at_\"\nrefresh_token = \"acme_rt_\"\n\
         client_secret = \"acme_cs_\"",
    )
}

/// The same token as the host would write it.
fn native(text: &str) -> String {
    text.replacen("acme_", "blg_", 1)
}

on_both_engines! {
    async fn tokens_begin_as_the_operator_wants_and_count_in_no_other_form(gateway: TestGateway, setup = prefixed()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let tokens = agent.connect(&mut ada, "connections:read").await;
        assert!(tokens.access.starts_with("acme_at_") && tokens.refresh.starts_with("acme_rt_"), "{tokens:?}");
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        for wrong in [native(&tokens.access), tokens.access.replacen("acme_", "", 1), tokens.refresh.clone(),
            tokens.access.replacen("acme_at_", "acme_rt_", 1)] {
            assert_shut(&agent.whoami(&wrong).await);
        }
        // So it is where tokens are exchanged.
        let front = server(&gateway, &gateway.mcp_url()).await;
        let made = exchange(&front, &tokens.access, &[]).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        let made = made.body["access_token"].as_str().expect("a token").to_owned();
        assert!(made.starts_with("acme_at_"), "{made}");
        assert_eq!(agent.whoami(&made).await.status, StatusCode::OK);
        let refused = exchange(&front, &native(&tokens.access), &[]).await;
        assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_request");
        assert_invalid_grant(&agent.refresh(&native(&tokens.refresh)).await);
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert!(renewed.access.starts_with("acme_at_") && renewed.refresh.starts_with("acme_rt_"));
        // The same answer again within the grace.
        assert_eq!(Tokens::of(&agent.refresh(&tokens.refresh).await).access, renewed.access);
        // What is no token of ours is taken back in vain, what is one is.
        agent.revoke(&native(&renewed.refresh)).await;
        assert_eq!(agent.whoami(&renewed.access).await.status, StatusCode::OK);
        agent.revoke(&renewed.refresh).await;
        assert_shut(&agent.whoami(&renewed.access).await);

        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        assert!(machine.secret.starts_with("acme_cs_"), "{}", machine.secret);
        let token = machine.token(&[]).await;
        assert!(token.starts_with("acme_at_"), "{token}");
        assert_eq!(machine.agent.whoami(&token).await.status, StatusCode::OK);
        let stranger = Machine { secret: native(&machine.secret), ..machine.clone() };
        assert_refused(&stranger.ask(&[]).await, StatusCode::UNAUTHORIZED, "invalid_client");
        // A resource server is told of tokens as they are shown.
        let asker = Machine::made(&gateway, &["--resource-server", "https://api.example.com"]).await;
        let about = |token: String| { let asker = asker.clone(); async move { asker.post("/introspect", &[("token", token.as_str())]).await.body } };
        let token = machine.token(&[("resource", "https://api.example.com")]).await;
        assert_eq!(about(token.clone()).await["active"], json!(true));
        assert_eq!(about(native(&token)).await["active"], json!(false));
    }
}

on_both_engines! {
    async fn a_client_names_its_secret_as_it_was_given_when_it_changes_its_registration(gateway: TestGateway, setup = prefixed()) {
        let document = json!({ "redirect_uris": ["https://agent.example/callback"], "token_endpoint_auth_method": "client_secret_post" });
        let (agent, told) = Agent::register_document(&gateway, &document).await;
        let text = |name: &str| told[name].as_str().expect("a text").to_owned();
        let secret = text("client_secret");
        assert!(secret.starts_with("acme_cs_"), "{secret}");
        for (shown, is_right) in [(secret.clone(), true), (native(&secret), false), (secret.replacen("acme_cs_", "acme_rt_", 1), false)] {
            let mut body = document.clone();
            body["client_id"] = told["client_id"].clone();
            body["client_secret"] = json!(shown);
            let request = agent.client.put(text("registration_client_uri")).bearer_auth(text("registration_access_token"));
            let reply = Reply::read(request.json(&body).send().await.expect("an answer")).await;
            if is_right {
                assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            } else {
                assert_refused(&reply, StatusCode::BAD_REQUEST, "invalid_client_metadata");
            }
        }
    }
}

/// Writes tokens the other way round, and names clients.
#[derive(Default)]
struct Reversed {
    made: AtomicUsize,
}

fn mirrored(text: &str) -> String {
    text.chars().rev().collect()
}

impl Forms for Reversed {
    fn client_id(&self) -> Option<String> {
        Some(format!("acme-client-{}", self.made.fetch_add(1, Ordering::SeqCst)))
    }

    fn random(&self, _kind: TokenKind) -> Option<[u8; 32]> {
        // Always the same: what the host adds keeps tokens apart.
        Some([7; 32])
    }

    fn written(&self) -> &[TokenKind] {
        &[TokenKind::Access, TokenKind::Refresh]
    }

    fn encode(&self, _kind: TokenKind, token: &str) -> String {
        mirrored(token)
    }

    fn decode(&self, _kind: TokenKind, text: &str) -> Option<String> {
        Some(mirrored(text))
    }
}

fn reversed() -> Setup {
    openid().build(|builder| builder.plugin(OAuthServer::default().with_forms(Reversed::default())))
}

on_both_engines! {
    async fn an_application_names_clients_and_writes_tokens_in_its_own_form(gateway: TestGateway, setup = reversed()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (agent, other) = (Agent::register(&gateway).await, Agent::register(&gateway).await);
        assert_eq!((agent.client_id.as_str(), other.client_id.as_str()), ("acme-client-0", "acme-client-1"));
        let reply = told(&agent, &mut ada, ALL, &[]).await;
        let tokens = Tokens::of(&reply);
        assert!(mirrored(&tokens.access).starts_with("blg_at_") && mirrored(&tokens.refresh).starts_with("blg_rt_"));
        // The id token is about the access token as the client has it.
        let claims = checked(&gateway, id_token(&reply)).await;
        assert_eq!(claims["at_hash"], json!(base64url(&sha256(tokens.access.as_bytes())[..16])));
        let info = reqwest::Client::new().get(gateway.at("/userinfo")).bearer_auth(&tokens.access);
        assert_eq!(Reply::read(info.send().await.expect("an answer")).await.status, StatusCode::OK);
        assert_eq!(agent.whoami(&tokens.access).await.status, StatusCode::OK);
        assert_shut(&agent.whoami(&mirrored(&tokens.access)).await);
        assert_invalid_grant(&agent.refresh(&mirrored(&tokens.refresh)).await);
        let renewed = Tokens::of(&agent.refresh(&tokens.refresh).await);
        let again = Tokens::of(&agent.refresh(&tokens.refresh).await);
        assert_eq!((&again.access, &again.refresh), (&renewed.access, &renewed.refresh));
        assert_ne!(renewed.access, tokens.access);
        agent.revoke(&renewed.refresh).await;
        assert_shut(&agent.whoami(&renewed.access).await);
    }
}

fn short() -> Setup {
    Setup::default().config(
        "[plugins.oauth-server]\ntoken_exchange = true\n[plugins.oauth-server.scope_ttl_seconds]\n\"demo:step-up\" = 300\n\
         \"connections:read\" = 1200",
    )
}

on_both_engines! {
    async fn a_token_lasts_as_long_as_its_shortest_scope(gateway: TestGateway, setup = short()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let lasts = |reply: &Reply| reply.body["expires_in"].as_u64().unwrap_or_else(|| panic!("{}", reply.body));
        let code = agent.code(&mut ada, "connections:read demo:step-up").await;
        let reply = agent.redeem(&code).await;
        assert_eq!(lasts(&reply), 300);
        let tokens = Tokens::of(&reply);
        // A token with less lasts longer.
        let renewed = agent.refresh_with(&tokens.refresh, &[("scope", "connections:read")]).await;
        assert_eq!(lasts(&renewed), 1200);
        let access = Tokens::of(&renewed).access;
        gateway.clock.advance(std::time::Duration::from_secs(301));
        assert_shut(&agent.whoami(&tokens.access).await);
        assert_eq!(agent.whoami(&access).await.status, StatusCode::OK);
        gateway.clock.advance(std::time::Duration::from_secs(900));
        assert_shut(&agent.whoami(&access).await);
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read demo:step-up"]).await;
        assert_eq!(lasts(&machine.ask(&[]).await), 300);
        assert_eq!(lasts(&machine.ask(&[("scope", "connections:read")]).await), 1200);
    }
}
