//! Applications of people that are all that a registration may be, whichever face makes them.

use jsonwebtoken::Algorithm;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::client_keys::{Signer, assert_unproven};
use super::own_clients::{HTTPS, by_people, wish};
use super::{assert_page_alone, assert_refused};
use crate::on_both_engines;
use crate::organization::{done, refused};
use crate::provider::{call, read};
use crate::support::idp::SigningKey;
use crate::support::{Agent, Browser, Connected, Form, Setup, TestGateway, unescape};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const GONE: &str = "https://agent.example/bye";
const CHANNEL: &str = "https://agent.example/ended";

fn with_all() -> Setup {
    by_people().config("openid_connect = true\ndevice_authorization = true\npushed_requests = \"allowed\"")
}

/// A public application with more to it.
fn with(more: &Value) -> Value {
    let mut body = json!({ "client_name": "Release notes", "redirect_uris": [HTTPS] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

async fn made(browser: &mut Browser, more: &Value) -> Value {
    let (status, said) = call(browser, "/auth/clients/create", with(more)).await;
    assert_eq!(status, StatusCode::CREATED, "{said}");
    said
}

fn id_of(said: &Value) -> &str {
    said["client"]["client_id"].as_str().expect("an id")
}

/// A code for this client, asked about or not.
async fn code(agent: &Agent, browser: &mut Browser) -> String {
    let page = browser.get(&agent.authorize_url(&agent.authorization("connections:read"))).await;
    let is_asked = page.status == StatusCode::OK;
    let answer = if is_asked { browser.submit(&page.form("/authorize"), &[("decision", "allow")]).await } else { page };
    answer.sent_parameter("code").unwrap_or_else(|| panic!("a code: {} {}", answer.status, answer.body))
}

/// What a device of this client is told that begins.
async fn begun(gateway: &TestGateway, id: &str) -> StatusCode {
    let agent = Agent::known_as(gateway, id, HTTPS);
    agent.post("/device_authorization", &[("client_id", id.to_owned())]).await.status
}

on_both_engines! {
    async fn an_application_with_keys_signs_and_has_no_secret(gateway: TestGateway, setup = with_all()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let key = SigningKey::new("one", Algorithm::ES256);
        let keys = json!({ "jwks": { "keys": [key.jwk()] }, "token_endpoint_auth_signing_alg": "ES256" });
        let said = made(&mut ada, &keys).await;
        assert_eq!((&said["client_secret"], &said["client"]["token_endpoint_auth_method"]), (&Value::Null, &json!("private_key_jwt")));
        assert_eq!(said["client"]["jwks"]["keys"][0]["kid"], "one", "{said}");
        let id = id_of(&said).to_owned();
        let signer = Signer { agent: Agent::known_as(&gateway, &id, HTTPS), key };
        let answer = code(&signer.agent, &mut ada).await;
        let given = signer.redeem(&gateway, &answer).await;
        assert_eq!(given.status, StatusCode::OK, "{}", given.body);
        let answer = code(&signer.agent, &mut ada).await;
        assert_unproven(&signer.agent.redeem(&answer).await);

        // Other keys take the place of these, and what it signs with stays.
        let key = SigningKey::new("two", Algorithm::ES256);
        let other = json!({ "client_id": id, "jwks": { "keys": [key.jwk()] } });
        let changed = done(&mut ada, "/auth/clients/update", other).await;
        assert_eq!(changed["client"]["token_endpoint_auth_signing_alg"], "ES256", "{changed}");
        let answer = code(&signer.agent, &mut ada).await;
        assert_unproven(&signer.redeem(&gateway, &answer).await);
        let newer = Signer { agent: signer.agent.clone(), key };
        let answer = code(&newer.agent, &mut ada).await;
        assert_eq!(newer.redeem(&gateway, &answer).await.status, StatusCode::OK);
        for (path, body) in [
            ("/auth/clients/rotate-secret", json!({ "client_id": id })),
            ("/auth/clients/update", json!({ "client_id": id, "jwks": { "keys": [] } })),
            ("/auth/clients/update", json!({ "client_id": id, "jwks_uri": "http://keys.example" })),
        ] {
            assert_eq!(refused(&mut ada, path, body).await.0, StatusCode::BAD_REQUEST, "{path}");
        }
    }
}

on_both_engines! {
    async fn an_application_is_all_that_its_owner_says(gateway: TestGateway, setup = with_all()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let said = made(&mut ada, &json!({
            "device": true, "post_logout_redirect_uris": [GONE], "backchannel_logout_uri": CHANNEL,
            "dpop_bound_access_tokens": true, "require_pushed_authorization_requests": true,
        })).await;
        let client = &said["client"];
        assert_eq!(client["grant_types"], json!(["authorization_code", "refresh_token", GRANT]));
        assert_eq!((&client["post_logout_redirect_uris"], &client["backchannel_logout_uri"]), (&json!([GONE]), &json!(CHANNEL)));
        assert_eq!((&client["dpop_bound_access_tokens"], &client["subject_type"]), (&json!(true), &json!("public")));
        let id = id_of(&said).to_owned();
        assert_eq!(begun(&gateway, &id).await, StatusCode::OK);
        let agent = Agent::known_as(&gateway, &id, HTTPS);
        let page = ada.get(&agent.authorize_url(&agent.authorization(""))).await;
        assert_page_alone(&page, "its requests are sent ahead");

        // What is not said stays, and everything can be taken back.
        let renamed = done(&mut ada, "/auth/clients/update", json!({ "client_id": id, "client_name": "Change log" })).await;
        assert_eq!((&renamed["client"]["grant_types"], &renamed["client"]["backchannel_logout_uri"]), (&client["grant_types"], &json!(CHANNEL)));
        let less = json!({
            "client_id": id, "device": false, "post_logout_redirect_uris": [], "backchannel_logout_uri": "",
            "require_pushed_authorization_requests": false,
        });
        let less = done(&mut ada, "/auth/clients/update", less).await["client"].clone();
        assert_eq!(less["grant_types"], json!(["authorization_code", "refresh_token"]));
        assert_eq!((&less["post_logout_redirect_uris"], &less["backchannel_logout_uri"]), (&json!([]), &Value::Null));
        assert_eq!(begun(&gateway, &id).await, StatusCode::BAD_REQUEST);
        let answer = code(&agent, &mut ada).await;
        assert_refused(&agent.redeem(&answer).await, StatusCode::BAD_REQUEST, "invalid_dpop_proof");
        done(&mut ada, "/auth/clients/update", json!({ "client_id": id, "dpop_bound_access_tokens": false, "device": true })).await;
        assert_eq!(begun(&gateway, &id).await, StatusCode::OK);
        let answer = code(&agent, &mut ada).await;
        assert_eq!(agent.redeem(&answer).await.status, StatusCode::OK);

        let pairwise = made(&mut ada, &json!({ "subject_type": "pairwise" })).await;
        assert_eq!(pairwise["client"]["subject_type"], "pairwise");
        let id = id_of(&pairwise);
        for change in [json!({ "subject_type": "public" }), json!({ "device": true }), json!({ "sector_identifier_uri": "https://a.example/s" })] {
            let mut body = json!({ "client_id": id });
            body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            assert_eq!(refused(&mut ada, "/auth/clients/update", body).await.1, "invalid_client_metadata", "{change}");
        }
        done(&mut ada, "/auth/clients/update", json!({ "client_id": id, "subject_type": "pairwise" })).await;
    }
}

on_both_engines! {
    async fn what_is_wrong_is_refused_as_it_is_at_a_registration(gateway: TestGateway, setup = with_all()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let key = SigningKey::new("one", Algorithm::ES256);
        let private = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" });
        let set = json!({ "keys": [key.jwk()] });
        let table = [
            json!({ "jwks": set, "confidential": true }),
            json!({ "jwks": set, "jwks_uri": "https://agent.example/keys" }),
            json!({ "jwks": { "keys": [private] } }),
            json!({ "jwks_uri": "http://127.0.0.1/keys" }),
            json!({ "token_endpoint_auth_signing_alg": "ES256" }),
            json!({ "jwks": set, "token_endpoint_auth_signing_alg": "HS256" }),
            json!({ "subject_type": "private" }),
            json!({ "subject_type": "pairwise", "device": true }),
            json!({ "subject_type": "pairwise", "sector_identifier_uri": "http://agent.example/s" }),
            json!({ "sector_identifier_uri": "https://agent.example/s" }),
            json!({ "subject_type": "pairwise", "redirect_uris": ["http://127.0.0.1/cb"] }),
            json!({ "backchannel_logout_uri": "http://127.0.0.1/ended" }),
            json!({ "post_logout_redirect_uris": ["http://agent.example/bye"] }),
        ];
        for more in table {
            assert_eq!(refused(&mut ada, "/auth/clients/create", with(&more)).await, (StatusCode::BAD_REQUEST, "invalid_client_metadata".to_owned()), "{more}");
        }
        for more in [json!({ "device": "yes" }), json!({ "jwks": [] }), json!({ "grant_types": [] })] {
            assert_eq!(refused(&mut ada, "/auth/clients/create", with(&more)).await.1, "invalid_request", "{more}");
        }
        // One with a secret, or none, does not get keys later.
        for first in [wish("Release notes"), with(&json!({}))] {
            let (_, said) = call(&mut ada, "/auth/clients/create", first).await;
            let later = json!({ "client_id": id_of(&said), "jwks": set });
            assert_eq!(refused(&mut ada, "/auth/clients/update", later).await.1, "invalid_client_metadata");
        }
    }
}

on_both_engines! {
    async fn what_is_off_nobody_is_made_for(gateway: TestGateway, setup = by_people().config("dpop = \"off\"")) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let plain = made(&mut ada, &json!({ "subject_type": "public", "device": false, "dpop_bound_access_tokens": false })).await;
        for more in [
            json!({ "device": true }),
            json!({ "subject_type": "pairwise" }),
            json!({ "backchannel_logout_uri": CHANNEL }),
            json!({ "post_logout_redirect_uris": [GONE] }),
            json!({ "dpop_bound_access_tokens": true }),
            json!({ "require_pushed_authorization_requests": true }),
        ] {
            assert_eq!(refused(&mut ada, "/auth/clients/create", with(&more)).await.1, "invalid_client_metadata", "{more}");
            let mut change = json!({ "client_id": id_of(&plain) });
            change.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            assert_eq!(refused(&mut ada, "/auth/clients/update", change).await.1, "invalid_client_metadata", "{more}");
        }
        let page = ada.get("/account/clients/new").await;
        for name in ["device", "pairwise", "backchannel_logout_uri", "dpop", "pushed"] {
            assert!(!page.body.contains(&format!("name=\"{name}\"")), "{name}: {}", page.body);
        }
    }
}

/// The form without the ticks of these names.
fn without(mut form: Form, names: &[&str]) -> Form {
    form.fields.retain(|(name, _)| !names.contains(&name.as_str()));
    form
}

on_both_engines! {
    async fn the_page_has_more_that_is_folded_away(gateway: TestGateway, setup = with_all()) {
        let mut ada = gateway.signed_in("ada@example.org").await;
        let new = "/account/clients/new";
        let key = SigningKey::new("one", Algorithm::EdDSA);
        let jwks = json!({ "keys": [key.jwk()] }).to_string();
        let page = ada.get(new).await;
        assert!(page.body.contains("<summary>More</summary>") && !page.body.contains("<details class=\"details\" open>"), "{}", page.body);
        let all = |jwks| [
            ("name", "Release notes"), ("redirect_uris", HTTPS), ("kind", "confidential"), ("jwks", jwks), ("device", "yes"),
            ("post_logout_redirect_uris", "https://agent.example/bye\r\n"), ("backchannel_logout_uri", CHANNEL), ("dpop", "yes"), ("pushed", "yes"),
        ];
        let wrong = ada.submit(&page.form(new), &all("{ no keys")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let said = unescape(&wrong.body);
        assert!(said.contains("The keys are no JSON Web Key Set.") && said.contains("<details class=\"details\" open>"), "{said}");
        assert!(said.contains("{ no keys</textarea>") && said.contains("name=\"dpop\" value=\"yes\" checked"), "{said}");
        let page = ada.submit(&page.form(new), &all(&jwks)).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        assert!(!page.body.contains("blg_cs_"), "keys are in the place of a secret");
        let (_, said) = read(&mut ada, "/auth/clients").await;
        let client = &said["clients"][0];
        assert_eq!((&client["token_endpoint_auth_method"], &client["jwks"]["keys"][0]["kid"]), (&json!("private_key_jwt"), &json!("one")));
        assert_eq!((&client["post_logout_redirect_uris"], &client["backchannel_logout_uri"]), (&json!([GONE]), &json!(CHANNEL)));
        assert_eq!((&client["dpop_bound_access_tokens"], &client["require_pushed_authorization_requests"]), (&json!(true), &json!(true)));
        assert!(client["grant_types"].as_array().expect("grants").contains(&json!(GRANT)), "{client}");

        let path = format!("/account/clients/{}", client["client_id"].as_str().expect("an id"));
        let page = ada.get(&path).await;
        let shown = unescape(&page.body);
        assert!(shown.contains(&format!("{GONE}</textarea>")) && shown.contains("\"kid\": \"one\""), "{shown}");
        let form = page.form(&path);
        let texts = [("redirect_uris", HTTPS), ("jwks", jwks.as_str()), ("post_logout_redirect_uris", GONE)];
        let same = ada.submit(&form, &texts).await;
        assert_eq!(same.status, StatusCode::SEE_OTHER, "{}", same.body);
        assert_eq!(&read(&mut ada, "/auth/clients").await.1["clients"][0], client, "what is shown is what is sent");
        let form = without(form, &["device", "dpop", "pushed", "backchannel_logout_uri"]);
        let less = [texts.as_slice(), &[("backchannel_logout_uri", "")]].concat();
        assert_eq!(ada.submit(&form, &less).await.status, StatusCode::SEE_OTHER);
        let (_, said) = read(&mut ada, "/auth/clients").await;
        let less = &said["clients"][0];
        assert_eq!((&less["dpop_bound_access_tokens"], &less["backchannel_logout_uri"]), (&Value::Null, &Value::Null));
        assert_eq!((&less["grant_types"], &less["jwks"]), (&json!(["authorization_code", "refresh_token"]), &client["jwks"]));
    }
}

on_both_engines! {
    async fn agents_say_as_much_and_hear_no_secret(gateway: TestGateway, setup = with_all()) {
        let person = gateway.person("ada@example.org").await;
        let agent = Connected::of(&gateway, &person, "clients:read clients:write", None).await;
        let modern = agent.modern();
        let key = SigningKey::new("one", Algorithm::ES256);
        let said = async |tool: &str, arguments: Value| {
            let reply = modern.call(tool, arguments).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
            assert!(!reply.body.to_string().contains("blg_cs_"), "{}", reply.body);
            reply.body["result"]["structuredContent"].clone()
        };
        let metadata = json!({ "jwks": { "keys": [key.jwk()] }, "device": true, "dpop_bound_access_tokens": true });
        let new = json!({ "name": "Nightly", "redirect_uris": [HTTPS], "metadata": metadata });
        let own = said("create_client", new).await;
        assert_eq!((&own["metadata"], &own["is_confidential"]), (&metadata, &json!(false)), "{own}");
        let id = own["client_id"].as_str().expect("an id");
        let change = json!({ "client_id": id, "metadata": { "device": false, "backchannel_logout_uri": CHANNEL } });
        let changed = said("update_client", change).await;
        let after = json!({ "jwks": metadata["jwks"], "backchannel_logout_uri": CHANNEL, "dpop_bound_access_tokens": true });
        assert_eq!(changed["metadata"], after, "{changed}");
        assert_eq!(said("list_my_clients", json!({})).await["clients"][0]["metadata"], after);
        let wrong = json!({ "name": "Nightly", "redirect_uris": [HTTPS], "confidential": true, "metadata": metadata });
        assert_eq!(said("create_client", wrong).await["error"], "invalid_client_metadata");
    }
}
