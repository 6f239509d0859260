//! Tokens that are bound to a key (RFC 9449): whoever holds the key uses them, and nobody else.

use jsonwebtoken::Algorithm;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::machines::{Machine, create};
use super::{assert_invalid_grant, assert_refused, assert_shut, checked};
use crate::on_both_engines;
use crate::support::holder::{There, altered, call_with, post_with};
use crate::support::{Agent, Browser, Holder, Reply, Setup, TestGateway, Tokens};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ALGORITHMS: &str = "ES256 EdDSA Ed25519 RS256 PS256";
const API: &str = "https://api.example.com";

pub fn binding(lines: &str) -> Setup {
    Setup::default().config(&format!("[plugins.oauth-server]\n{lines}"))
}

/// The endpoint's answer to a bound token that is used wrongly (RFC 9449 section 7.1).
#[track_caller]
pub fn assert_unproven(reply: &Reply, error: &str) {
    assert_eq!((reply.status, reply.body["error"].as_str()), (StatusCode::UNAUTHORIZED, Some(error)), "{}", reply.body);
    let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
    let [only] = challenges.as_slice() else { panic!("{challenges:?}") };
    let challenge = only.to_str().expect("a plain header");
    assert!(challenge.starts_with(&format!("DPoP error=\"{error}\", ")), "{challenge}");
    assert!(challenge.ends_with(&format!(", algs=\"{ALGORITHMS}\"")) && challenge.contains("resource_metadata=\"http"));
}

/// An answer with a bound token.
#[track_caller]
pub fn bound(reply: &Reply) -> Tokens {
    assert_eq!((reply.status, &reply.body["token_type"]), (StatusCode::OK, &json!("DPoP")), "{}", reply.body);
    Tokens::of(reply)
}

async fn connect(holder: &Holder, agent: &Agent, browser: &mut Browser, scope: &str) -> Tokens {
    bound(&holder.redeem(agent, &agent.code(browser, scope).await).await)
}

/// A client that answers for a resource; the command is told the gateway's address, so that it knows its own ones.
async fn server(gateway: &TestGateway, resource: &str) -> Machine {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_belgie"));
    command.args(["client", "create", "--name", "Server", "--resource-server", resource, "--json", "--config"]);
    command.arg(gateway.config_file()).env("BELGIE_BASE_URL", &gateway.url);
    let output = command.output().await.expect("the program runs");
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let agent = Agent::known_as(gateway, &text("client_id"), "");
    Machine { agent, secret: text("client_secret"), made }
}

/// The fields of a machine's request, with its secret.
fn of_machine(machine: &Machine, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let own = [("client_id", machine.agent.client_id.as_str()), ("client_secret", machine.secret.as_str())];
    own.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
}

on_both_engines! {
    async fn a_token_is_good_for_whoever_holds_its_key_and_for_nobody_else(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let asker = server(&gateway, &gateway.mcp_url()).await;
        for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256] {
            let holder = Holder::with(&gateway, algorithm);
            let tokens = connect(&holder, &agent, &mut ada, "connections:read").await;
            let seen = holder.whoami(&agent, &tokens.access).await;
            assert_eq!(seen.status, StatusCode::OK, "{algorithm:?} {}", seen.body);
            assert_eq!(seen.body["result"]["structuredContent"]["user"]["email"], "ada@example.org");
            assert!(seen.headers.get("dpop-nonce").is_none(), "no nonce is wanted here");
            // What is shown as a bearer token is none (section 7.2), with a proof beside it or without.
            assert_shut(&agent.whoami(&tokens.access).await);
            let proof = holder.proof("POST", &gateway.mcp_url(), Some(&tokens.access));
            assert_shut(&call_with(&agent, "Bearer", &tokens.access, &[&proof]).await);
            assert_unproven(&Holder::new(&gateway).whoami(&agent, &tokens.access).await, "invalid_token");
            assert_unproven(&call_with(&agent, "DPoP", &tokens.access, &[]).await, "invalid_dpop_proof");
            let told = asker.post("/introspect", &[("token", &tokens.access)]).await.body;
            assert_eq!((&told["token_type"], &told["cnf"]), (&json!("DPoP"), &json!({ "jkt": holder.thumbprint() })), "{told}");
        }
        // What is bound to no key is shown to nobody as if it were.
        let holder = Holder::new(&gateway);
        let plain = agent.connect(&mut ada, "connections:read").await;
        assert_eq!(agent.whoami(&plain.access).await.status, StatusCode::OK);
        assert_unproven(&holder.whoami(&agent, &plain.access).await, "invalid_token");
        assert_unproven(&holder.whoami(&agent, "blg_at_junk").await, "invalid_token");
        let told = asker.post("/introspect", &[("token", &plain.access)]).await.body;
        assert_eq!((&told["token_type"], told.get("cnf")), (&json!("Bearer"), None));
        // A proof beside a bearer token is nothing to us.
        let proof = holder.proof("POST", &gateway.mcp_url(), Some(&plain.access));
        assert_eq!(call_with(&agent, "bearer", &plain.access, &[&proof]).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn a_proof_may_call_its_algorithm_by_its_full_name(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::with(&gateway, Algorithm::EdDSA);
        let named = |holder: &Holder, alg: &str, claims: Value| {
            holder.key.sign_parts(&altered(holder.header(), &json!({ "alg": alg })), &claims)
        };
        let code = agent.code(&mut ada, "connections:read").await;
        let asked = |holder: &Holder, alg: &str| named(holder, alg, holder.claims("POST", &gateway.at("/token"), None));
        let es256 = Holder::new(&gateway);
        for wrong in [asked(&holder, "Ed448"), asked(&holder, "ed25519"), asked(&es256, "Ed25519")] {
            let refused = post_with(&agent, "/token", &agent.redemption(&code), &[&wrong]).await;
            assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        }
        let proof = asked(&holder, "Ed25519");
        let tokens = bound(&post_with(&agent, "/token", &agent.redemption(&code), &[&proof]).await);
        let proof = named(&holder, "Ed25519", holder.claims("POST", &gateway.mcp_url(), Some(&tokens.access)));
        assert_eq!(call_with(&agent, "DPoP", &tokens.access, &[&proof]).await.status, StatusCode::OK);
        // It is the same key under either name.
        bound(&holder.refresh(&agent, &tokens.refresh).await);
    }
}

on_both_engines! {
    async fn whoever_comes_without_a_token_is_told_of_both_ways(gateway: TestGateway) {
        let agent = Agent::register(&gateway).await;
        let nobody = agent.client.post(gateway.mcp_url()).json(&json!({})).send().await.expect("an answer");
        let challenges: Vec<_> = nobody.headers().get_all("www-authenticate").iter().map(|value| value.to_str().expect("text")).collect();
        assert_eq!(challenges.len(), 2, "{challenges:?}");
        // Those who look at the first one, or for the metadata, find what they always did.
        assert!(challenges[0].starts_with("Bearer ") && challenges[0].contains("resource_metadata=\""), "{challenges:?}");
        assert_eq!(challenges[1], format!("DPoP algs=\"{ALGORITHMS}\""));
        let preflight = agent.client.request(Method::OPTIONS, gateway.at("/token")).header("origin", "https://app.example")
            .header("access-control-request-method", "POST").header("access-control-request-headers", "dpop");
        let allowed = preflight.send().await.expect("an answer").headers()["access-control-allow-headers"].clone();
        assert!(allowed.to_str().expect("text").contains("dpop"), "{allowed:?}");
        let posted = agent.client.post(gateway.at("/token")).header("origin", "https://app.example").form(&[("a", "b")]);
        let exposed = posted.send().await.expect("an answer").headers()["access-control-expose-headers"].clone();
        assert!(exposed.to_str().expect("text").contains("dpop-nonce"), "{exposed:?}");
    }
}

on_both_engines! {
    async fn a_signed_token_says_which_key_it_is_bound_to(gateway: TestGateway, setup = super::signing()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let tokens = connect(&holder, &agent, &mut ada, "connections:read").await;
        assert_eq!(checked(&gateway, &tokens.access).await["cnf"], json!({ "jkt": holder.thumbprint() }));
        assert_eq!(holder.whoami(&agent, &tokens.access).await.status, StatusCode::OK);
        assert_shut(&agent.whoami(&tokens.access).await);
        assert_unproven(&Holder::new(&gateway).whoami(&agent, &tokens.access).await, "invalid_token");
        let plain = agent.connect(&mut ada, "connections:read").await;
        assert!(checked(&gateway, &plain.access).await.get("cnf").is_none());
    }
}

on_both_engines! {
    async fn a_refresh_token_of_a_public_client_is_bound_to_its_key(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let (holder, thief) = (Holder::new(&gateway), Holder::new(&gateway));
        let first = connect(&holder, &agent, &mut ada, "").await;
        // Neither spends it nor ends it.
        assert_invalid_grant(&agent.refresh(&first.refresh).await);
        assert_invalid_grant(&thief.refresh(&agent, &first.refresh).await);
        let second = bound(&holder.refresh(&agent, &first.refresh).await);
        assert_eq!(holder.whoami(&agent, &second.access).await.status, StatusCode::OK);
        assert_shut(&agent.whoami(&second.access).await);
        assert_invalid_grant(&thief.refresh(&agent, &second.refresh).await);
        // One that was not bound is from the first proof on.
        let plain = agent.connect(&mut ada, "").await;
        let taken = bound(&holder.refresh(&agent, &plain.refresh).await);
        assert_invalid_grant(&agent.refresh(&taken.refresh).await);
        bound(&holder.refresh(&agent, &taken.refresh).await);
    }
}

on_both_engines! {
    async fn within_the_grace_the_same_key_gets_the_same_answer_and_another_ends_the_family(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let (holder, thief) = (Holder::new(&gateway), Holder::new(&gateway));
        let first = connect(&holder, &agent, &mut ada, "").await;
        let second = bound(&holder.refresh(&agent, &first.refresh).await);
        let again = bound(&holder.refresh(&agent, &first.refresh).await);
        assert!(second.access == again.access && second.refresh == again.refresh, "another pair");
        assert_invalid_grant(&thief.refresh(&agent, &first.refresh).await);
        assert_unproven(&holder.whoami(&agent, &second.access).await, "invalid_token");
        assert_invalid_grant(&holder.refresh(&agent, &second.refresh).await);
        // The same where the first one was bound to nothing, and where the second comes with nothing.
        for comes_with_a_key in [true, false] {
            let plain = agent.connect(&mut ada, "").await;
            let answered = if comes_with_a_key {
                Tokens::of(&agent.refresh(&plain.refresh).await)
            } else {
                bound(&holder.refresh(&agent, &plain.refresh).await)
            };
            let other = if comes_with_a_key { thief.refresh(&agent, &plain.refresh).await } else { agent.refresh(&plain.refresh).await };
            assert_invalid_grant(&other);
            assert_eq!(agent.whoami(&answered.access).await.status, StatusCode::UNAUTHORIZED);
            assert_eq!(holder.whoami(&agent, &answered.access).await.status, StatusCode::UNAUTHORIZED);
        }
    }
}

on_both_engines! {
    async fn a_confidential_client_may_change_its_key_with_a_refresh(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let mut web = Machine::made(&gateway, &["--confidential", "--redirect-uri", "https://web.example/callback"]).await;
        "https://web.example/callback".clone_into(&mut web.agent.redirect_uri);
        let (old, new) = (Holder::new(&gateway), Holder::new(&gateway));
        let code = web.agent.code(&mut ada, "connections:read offline_access").await;
        let mut fields = web.agent.redemption(&code);
        fields.push(("client_secret", web.secret.clone()));
        let first = bound(&old.post(&web.agent, "/token", &fields).await);
        let fields = of_machine(&web, &[("grant_type", "refresh_token"), ("refresh_token", &first.refresh)]);
        let second = bound(&new.post(&web.agent, "/token", &fields).await);
        assert_eq!(new.whoami(&web.agent, &second.access).await.status, StatusCode::OK);
        assert_unproven(&old.whoami(&web.agent, &second.access).await, "invalid_token");
        assert_eq!(old.whoami(&web.agent, &first.access).await.status, StatusCode::OK);
    }
}

on_both_engines! {
    async fn every_grant_binds_what_it_gives(gateway: TestGateway, setup = binding(&format!("device_authorization = true\ntoken_exchange = true\nresources = [\"{API}\"]\ntoken_exchange_resources = [\"{API}\"]"))) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let holder = Holder::new(&gateway);
        let machine = Machine::made(&gateway, &["--machine", "--scope", "connections:read"]).await;
        let fields = of_machine(&machine, &[("grant_type", "client_credentials")]);
        let token = bound(&holder.post(&machine.agent, "/token", &fields).await).access;
        assert_eq!(holder.whoami(&machine.agent, &token).await.status, StatusCode::OK);
        assert_shut(&machine.agent.whoami(&token).await);
        assert_unproven(&Holder::new(&gateway).whoami(&machine.agent, &token).await, "invalid_token");

        let made = create(&gateway, &["--name", "Television", "--device"]).await.expect("a client");
        let device = Agent::known_as(&gateway, made["client_id"].as_str().expect("an id"), "");
        let begun = device.post("/device_authorization", &[("client_id", device.client_id.clone())]).await.body;
        let page = ada.get("/device").await;
        let page = ada.submit(&page.form("/device"), &[("user_code", begun["user_code"].as_str().expect("a code"))]).await;
        ada.submit(&page.form("/authorize"), &[("decision", "allow")]).await;
        let code = begun["device_code"].as_str().expect("a code").to_owned();
        let fields = [("grant_type", DEVICE.to_owned()), ("device_code", code), ("client_id", device.client_id.clone())];
        let tokens = bound(&holder.post(&device, "/token", &fields).await);
        assert_eq!(holder.whoami(&device, &tokens.access).await.status, StatusCode::OK);
        assert_shut(&device.whoami(&tokens.access).await);
        assert_invalid_grant(&device.refresh(&tokens.refresh).await);
        bound(&holder.refresh(&device, &tokens.refresh).await);
    }
}

on_both_engines! {
    async fn what_is_made_of_a_bound_token_is_bound_too(gateway: TestGateway, setup = binding(&format!("token_exchange = true\nresources = [\"{API}\"]\ntoken_exchange_resources = [\"{API}\"]"))) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let (front, back) = (server(&gateway, &gateway.mcp_url()).await, server(&gateway, API).await);
        let (holder, of_front) = (Holder::new(&gateway), Holder::new(&gateway));
        let mut web = Machine::made(&gateway, &["--confidential", "--redirect-uri", "https://web.example/callback"]).await;
        "https://web.example/callback".clone_into(&mut web.agent.redirect_uri);
        let code = web.agent.code(&mut ada, "connections:read").await;
        let mut fields = web.agent.redemption(&code);
        fields.push(("client_secret", web.secret.clone()));
        let token = bound(&holder.post(&web.agent, "/token", &fields).await).access;
        let wish = [("grant_type", EXCHANGE), ("subject_token", token.as_str()), ("subject_token_type", ACCESS)];
        // The one it was given to shows that it holds its key.
        let own = of_machine(&web, &wish);
        assert_refused(&web.agent.post("/token", &own).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        assert_refused(&of_front.post(&web.agent, "/token", &own).await, StatusCode::BAD_REQUEST, "invalid_request");
        let narrowed = bound(&holder.post(&web.agent, "/token", &own).await).access;
        assert_eq!(holder.whoami(&web.agent, &narrowed).await.status, StatusCode::OK);
        // A resource server goes on with a key of its own, and not without.
        let further = of_machine(&front, &[&wish[..], &[("audience", API)]].concat());
        assert_refused(&front.agent.post("/token", &further).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        let made = bound(&of_front.post(&front.agent, "/token", &further).await).access;
        let told = back.post("/introspect", &[("token", &made)]).await.body;
        assert_eq!((&told["active"], &told["cnf"]["jkt"]), (&json!(true), &json!(of_front.thumbprint())), "{told}");
        assert_eq!(told["act"]["sub"], json!(front.agent.client_id));
    }
}

on_both_engines! {
    async fn userinfo_is_told_to_whoever_holds_the_key(gateway: TestGateway, setup = binding("openid_connect = true")) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let (holder, url) = (Holder::new(&gateway), gateway.at("/userinfo"));
        let token = connect(&holder, &agent, &mut ada, "openid email").await.access;
        let ask = async |method: Method, scheme: &str, proof: Option<String>| {
            let request = agent.client.request(method, &url).header("authorization", format!("{scheme} {token}"));
            let request = proof.into_iter().fold(request, |request, proof| request.header("dpop", proof));
            Reply::read(request.send().await.expect("an answer")).await
        };
        for method in [Method::GET, Method::POST] {
            let proof = holder.proof(method.as_str(), &url, Some(&token));
            let told = ask(method.clone(), "DPoP", Some(proof.clone())).await;
            assert_eq!((told.status, &told.body["email"]), (StatusCode::OK, &json!("ada@example.org")), "{}", told.body);
            let again = ask(method, "DPoP", Some(proof)).await;
            assert_eq!((again.status, again.challenge()), (StatusCode::UNAUTHORIZED, format!("DPoP error=\"invalid_dpop_proof\", algs=\"{ALGORITHMS}\"").as_str()));
        }
        let other = Holder::new(&gateway).proof("GET", &url, Some(&token));
        for (scheme, proof, error) in [
            ("Bearer", None, "Bearer error=\"invalid_token\""),
            ("Bearer", Some(holder.proof("GET", &url, Some(&token))), "Bearer error=\"invalid_token\""),
            ("DPoP", None, "DPoP error=\"invalid_dpop_proof\""),
            ("DPoP", Some(other), "DPoP error=\"invalid_token\""),
            ("DPoP", Some(holder.proof("POST", &url, Some(&token))), "DPoP error=\"invalid_dpop_proof\""),
            ("DPoP", Some(holder.proof("GET", &gateway.mcp_url(), Some(&token))), "DPoP error=\"invalid_dpop_proof\""),
        ] {
            let refused = ask(Method::GET, scheme, proof).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{scheme}");
            assert!(refused.challenge().starts_with(error), "{} is not {error}", refused.challenge());
            assert!(refused.body.get("email").is_none());
        }
    }
}

on_both_engines! {
    async fn where_it_is_off_nobody_is_told_of_it_and_nothing_is_bound(gateway: TestGateway, setup = binding("dpop = \"off\"")) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        for path in ["/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp"] {
            let document: Value = reqwest::get(gateway.at(path)).await.expect("an answer").json().await.expect("JSON");
            assert!(document.as_object().expect("an object").keys().all(|name| !name.contains("dpop")), "{document}");
        }
        let reply = holder.redeem(&agent, &agent.code(&mut ada, "").await).await;
        assert_eq!(reply.body["token_type"], "Bearer", "{}", reply.body);
        let token = Tokens::of(&reply).access;
        assert_eq!(agent.whoami(&token).await.status, StatusCode::OK);
        assert_shut(&holder.whoami(&agent, &token).await);
        let nobody = agent.client.post(gateway.mcp_url()).json(&json!({})).send().await.expect("an answer");
        assert_eq!(nobody.headers().get_all("www-authenticate").iter().count(), 1);
        assert_eq!(post_with(&agent, "/token", &[("grant_type", "x".to_owned())], &["junk"]).await.body["error"], "invalid_client");
    }
}

on_both_engines! {
    async fn where_it_is_required_nothing_is_given_and_nothing_opens_without_a_key(gateway: TestGateway) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let plain = agent.connect(&mut ada, "").await;
        let kept = connect(&holder, &agent, &mut ada, "").await;
        let (ok, made) = gateway.configured_program(&["token", "create", "--email", "ada@example.org", "--scope", "connections:read", "--ttl", "600"]).await;
        assert!(ok, "{made}");
        let personal = made["token"].as_str().expect("a token");
        assert_eq!(agent.whoami(personal).await.status, StatusCode::OK);
        let node = gateway.with_other_config(|config| format!("{config}\n[plugins.oauth-server]\ndpop = \"required\"\n")).await;
        let there = There::at(&gateway, node, &agent).await;
        let strict = &there.agent;
        let document: Value = strict.client.get(format!("{}/.well-known/oauth-protected-resource/mcp", strict.base)).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(document["dpop_bound_access_tokens_required"], true, "{document}");
        // Nobody knows the node by the address it happens to have.
        let proof = |path: &str, token: Option<&str>| holder.proof("POST", &gateway.at(path), token);
        let seen = call_with(strict, "DPoP", &kept.access, &[&proof("/mcp", Some(&kept.access))]).await;
        assert_eq!(seen.status, StatusCode::OK, "{}", seen.body);
        for token in [plain.access.as_str(), personal] {
            assert_unproven(&call_with(strict, "Bearer", token, &[]).await, "invalid_token");
        }
        let refused = strict.refresh(&plain.refresh).await;
        assert_refused(&refused, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        let own = [("grant_type", "refresh_token"), ("refresh_token", &plain.refresh), ("client_id", &agent.client_id)];
        let renewed = post_with(strict, "/token", &own.map(|(name, value)| (name, value.to_owned())), &[&proof("/token", None)]).await;
        bound(&renewed);
    }
}

on_both_engines! {
    async fn where_it_is_required_every_node_asks_for_a_key_and_takes_a_proof_that_no_other_has_taken(
        gateway: TestGateway,
        setup = binding("dpop = \"required\"")
    ) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let agent = Agent::register(&gateway).await;
        let holder = Holder::new(&gateway);
        let there = There::at(&gateway, gateway.second_node().await, &agent).await;
        let kept = connect(&holder, &agent, &mut ada, "").await;
        // Nobody knows the second node by the address it happens to have.
        let url = gateway.mcp_url();
        for (first, second) in [(&agent, &there.agent), (&there.agent, &agent)] {
            let proof = holder.proof("POST", &url, Some(&kept.access));
            let taken = call_with(first, "DPoP", &kept.access, &[&proof]).await;
            assert_eq!(taken.status, StatusCode::OK, "{}", taken.body);
            for node in [second, first] {
                let again = call_with(node, "DPoP", &kept.access, &[&proof]).await;
                assert_unproven(&again, "invalid_dpop_proof");
            }
        }
        let (ok, made) = gateway.configured_program(&["token", "create", "--email", "ada@example.org", "--scope", "connections:read", "--ttl", "600"]).await;
        assert!(ok, "{made}");
        let personal = made["token"].as_str().expect("a token");
        for node in [&agent, &there.agent] {
            // Neither a token without a key nor the bound one as if it were: and without a proof nothing is given.
            for token in [personal, &kept.access] {
                assert_unproven(&call_with(node, "Bearer", token, &[]).await, "invalid_token");
            }
            let code = agent.code(&mut ada, "").await;
            assert_refused(&post_with(node, "/token", &agent.redemption(&code), &[]).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        }
    }
}
