use serde_json::{Value, json};
use url::Url;

use super::{check_address, read};

const ADDRESS: &str = "https://agent.example/client.json";

fn document(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Vec<u8> {
    let mut document = json!({
        "client_id": ADDRESS,
        "client_name": "Agent",
        "client_uri": "https://agent.example",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "something_new": { "is": ["ignored"] },
    });
    change(document.as_object_mut().unwrap());
    serde_json::to_vec(&document).unwrap()
}

fn reads(body: &[u8]) -> bool {
    read(&Url::parse(ADDRESS).unwrap(), body, false).is_ok()
}

#[test]
fn which_addresses_can_name_a_client() {
    let table = [
        ("https://agent.example/client.json", true),
        ("https://agent.example:8443/a/b", true),
        ("https://agent.example/client.json?v=1", true),
        ("https://agent.example/a/", true),
        ("https://agent.example", false),
        ("https://agent.example/", false),
        ("http://agent.example/client.json", false),
        ("ftp://agent.example/client.json", false),
        ("https://agent.example/a/../client.json", false),
        ("https://agent.example/./client.json", false),
        ("https://agent.example/%2e%2e/client.json", false),
        ("https://agent.example/client.json#x", false),
        ("https://agent.example/client.json#", false),
        ("https://me@agent.example/client.json", false),
        ("https://me:secret@agent.example/client.json", false),
        ("https://@agent.example/client.json", false),
        ("https://agent.example:443/client.json", false),
        ("https://Agent.example/client.json", false),
        ("HTTPS://agent.example/client.json", false),
        ("https:agent.example/client.json", false),
        ("https:\\\\agent.example\\client.json", false),
        (" https://agent.example/client.json", false),
        ("https://agent.example/cl\tient.json", false),
        ("https://10.0.0.1/client.json", false),
        ("https://169.254.169.254/client.json", false),
        ("https://0x7f000001/client.json", false),
        ("https://[::1]/client.json", false),
        ("https://[2001:db8::1]/client.json", false),
        ("https://127.0.0.1/client.json", false),
        ("https://localhost/client.json", false),
        ("https://x.localhost/client.json", false),
        ("http://localhost:3000/client.json", false),
    ];
    for (text, expected) in table {
        assert_eq!(check_address(text, false).is_ok(), expected, "{text}");
    }
    assert!(check_address(&format!("https://agent.example/{}", "a".repeat(2048)), false).is_err());
}

#[test]
fn the_own_machine_counts_only_with_the_switch() {
    for text in
        ["http://localhost:3000/client.json", "http://127.0.0.1:3000/c", "http://[::1]:3000/c", "https://localhost/c"]
    {
        assert!(check_address(text, true).is_ok(), "{text}");
        assert!(check_address(text, false).is_err(), "{text}");
    }
    for text in ["http://agent.example/c", "http://10.0.0.1/c", "http://localhost.evil.example/c", "https://10.0.0.1/c"]
    {
        assert!(check_address(text, true).is_err(), "{text}");
    }
}

#[test]
fn a_good_document_becomes_a_client() {
    let client = read(&Url::parse(ADDRESS).unwrap(), &document(|_| ()), false).unwrap();
    assert_eq!(client.face.name, "Agent");
    assert_eq!(client.face.host.as_deref(), Some("agent.example"));
    assert!(client.can_refresh);
    assert_eq!(
        client.redirect_for(Some("http://localhost:5123/callback")).as_deref(),
        Some("http://localhost:5123/callback")
    );
    assert_eq!(client.redirect_for(Some("http://[::1]:5123/callback")), None);
    assert_eq!(client.redirect_for(None), None);
}

#[test]
fn without_grant_types_a_client_cannot_refresh() {
    let body = document(|d| drop(d.remove("grant_types")));
    assert!(!read(&Url::parse(ADDRESS).unwrap(), &body, false).unwrap().can_refresh);
}

#[test]
fn documents_that_stand_for_nobody() {
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("no JSON", b"<html>".to_vec()),
        ("no object", b"[]".to_vec()),
        (
            "another client_id",
            document(|d| drop(d.insert("client_id".into(), json!("https://agent.example/client.json/")))),
        ),
        ("no client_id", document(|d| drop(d.remove("client_id")))),
        ("no name", document(|d| drop(d.remove("client_name")))),
        ("an invisible name", document(|d| drop(d.insert("client_name".into(), json!("\u{200b} "))))),
        ("a name that is no text", document(|d| drop(d.insert("client_name".into(), json!(7))))),
        ("no redirect URIs", document(|d| drop(d.remove("redirect_uris")))),
        ("an empty list", document(|d| drop(d.insert("redirect_uris".into(), json!([]))))),
        ("a text for a list", document(|d| drop(d.insert("redirect_uris".into(), json!("https://agent.example/cb"))))),
        (
            "a link-local redirect",
            document(|d| drop(d.insert("redirect_uris".into(), json!(["http://169.254.169.254/"])))),
        ),
        (
            "one bad redirect among good",
            document(|d| {
                drop(d.insert("redirect_uris".into(), json!(["https://agent.example/cb", "javascript:alert(1)"])));
            }),
        ),
        ("only unknown schemes", document(|d| drop(d.insert("redirect_uris".into(), json!(["weird://cb"]))))),
        ("a secret", document(|d| drop(d.insert("client_secret".into(), json!("x"))))),
        ("a secret that is null", document(|d| drop(d.insert("client_secret".into(), Value::Null)))),
        ("a secret's expiry", document(|d| drop(d.insert("client_secret_expires_at".into(), json!(0))))),
        ("basic", document(|d| drop(d.insert("token_endpoint_auth_method".into(), json!("client_secret_basic"))))),
        ("a null method", document(|d| drop(d.insert("token_endpoint_auth_method".into(), Value::Null)))),
        ("keys", document(|d| drop(d.insert("token_endpoint_auth_method".into(), json!("private_key_jwt"))))),
        ("a private key", document(|d| drop(d.insert("jwks".into(), json!({"keys": [{"kty": "EC", "d": "x"}]}))))),
        ("no code grant", document(|d| drop(d.insert("grant_types".into(), json!(["client_credentials"]))))),
        ("no code response", document(|d| drop(d.insert("response_types".into(), json!(["token"]))))),
    ];
    for (what, body) in table {
        assert!(!reads(&body), "{what}");
    }
    assert!(reads(&document(|d| drop(
        d.insert("redirect_uris".into(), json!(["weird://cb", "https://agent.example/cb"]))
    ))));
}
