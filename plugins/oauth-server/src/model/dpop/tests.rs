use std::time::Duration;

use belgie_api::Timestamp;
use serde_json::json;

use super::{Claims, Proof, is_nonce_good, is_thumbprint, nonce_at, thumbprint};

fn proof(htu: &str, iat: f64) -> Proof {
    let (jti, htm) = ("1".to_owned(), "POST".to_owned());
    Proof { key: String::new(), claims: Claims { jti, htm, htu: htu.to_owned(), iat, ath: None, nonce: None } }
}

/// RFC 7638 section 3.1 and RFC 8037 appendix A.3.
#[test]
fn a_thumbprint_is_that_of_the_standard() {
    let rsa = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjh\
              Mstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL\
              5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    });
    assert_eq!(thumbprint(&rsa).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let known = thumbprint(&okp).unwrap();
    assert_eq!(known, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert!(is_thumbprint(&known) && !is_thumbprint("x") && !is_thumbprint(&format!("{known}A")));
    assert_eq!(thumbprint(&json!({ "kty": "oct", "k": "AA" })), None);
    assert_eq!(thumbprint(&json!({ "kty": "OKP", "crv": "Ed25519", "x": "\",\"y\":\"" })), None);
}

#[test]
fn a_proof_is_for_one_method_and_one_address_without_its_query() {
    let here = "https://us.example/mcp";
    for same in [here, "https://us.example:443/mcp", "HTTPS://US.example/mcp", "https://us.example/mcp?x=1#y"] {
        assert!(proof(same, 0.0).is_for("POST", here), "{same}");
        assert!(!proof(same, 0.0).is_for("GET", here) && !proof(same, 0.0).is_for("post", here));
    }
    for other in [
        "http://us.example/mcp",
        "https://us.example/mcp/",
        "https://us.example/MCP",
        "https://a.example/mcp",
        "/mcp",
        "",
    ] {
        assert!(!proof(other, 0.0).is_for("POST", here), "{other}");
    }
}

#[test]
fn a_proof_is_good_for_five_minutes_on_either_side() {
    let at = Timestamp::from_unix_seconds;
    for (made, now) in [(1_000.0, 1_300), (1_000.5, 1_300), (1_300.0, 1_000)] {
        let ends = proof("x", made).is_timely(at(now)).unwrap();
        assert!(ends >= at(now), "what is remembered of it must last as long as it is good");
    }
    for (made, now) in [(1_000.0, 1_301), (1_301.0, 1_000), (-1.0, 0), (1e300, 0), (f64::NAN, 0)] {
        assert_eq!(proof("x", made).is_timely(at(now)), None, "{made} {now}");
    }
}

#[test]
fn a_nonce_is_good_for_two_to_four_minutes_and_of_one_host_alone() {
    let (key, now) = ([1; 32], Timestamp::from_unix_seconds(1_200));
    let nonce = nonce_at(&key, now);
    let is_good = |seconds: u64| is_nonce_good(&key, now.plus(Duration::from_secs(seconds)), &nonce);
    assert!(is_good(0) && is_good(239));
    assert!(!is_good(240) && !is_good(3_600));
    assert_eq!(nonce, nonce_at(&key, now.plus(Duration::from_secs(119))));
    assert_ne!(nonce, nonce_at(&key, now.plus(Duration::from_secs(120))));
    assert!(!is_nonce_good(&[2; 32], now, &nonce) && !is_nonce_good(&key, now, ""));
}
