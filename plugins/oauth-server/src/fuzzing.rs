//! What must hold of every text a stranger can send, for the fuzz targets in `fuzz/`; the tests of this crate run it over the seeds there.
//! Behind the feature `fuzzing`: no gateway has it.

use belgie_api::crypto::{base64url, from_base64url};
use belgie_api::plugin::ScopeInfo;
use belgie_api::{PlainToken, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::model::access_token::{AccessClaims, is_signed_form};
use crate::model::address::normalize_resource;
use crate::model::assertion::{AssertionClaims, AssertionHeader, LEEWAY, MAX_BEARER_AHEAD};
use crate::model::document::{check_address, read as read_document};
use crate::model::dpop::{Proof, WINDOW, is_nonce_good, is_thumbprint};
use crate::model::foreign_keys::{ALGORITHMS, ClientKeys, PublicKeys, algorithm_named, is_private};
use crate::model::openid;
use crate::model::params::Params;
use crate::model::redirect::{RedirectKind, RedirectUri, form_action_of, host_of, kind_of};
use crate::model::registration::{AuthMethod, Registration, read_change};
use crate::model::scopes::choose;
use crate::model::settings::Settings;

/// A target: what is done with a text.
pub type Target = fn(&[u8]);

/// Every target by its name, that of its program in `fuzz/` and of its folder of seeds.
pub const TARGETS: [(&str, Target); 9] = [
    ("document", document),
    ("dpop", dpop),
    ("form", form),
    ("jwt", jwt),
    ("keys", keys),
    ("redirect", redirect),
    ("registration", registration),
    ("resource", resource),
    ("token", token),
];

/// Two texts of one: the first line and the rest.
fn halves(data: &[u8]) -> (String, &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (first, rest) = data.split_at_checked(at).unwrap_or((data, &[]));
    (String::from_utf8_lossy(first).into_owned(), rest.strip_prefix(b"\n").unwrap_or(rest))
}

/// Tokens as they come in an `Authorization` header or a form: one is never taken for another, whatever stands around it.
pub fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(token) = PlainToken::parse(&text) else { return };
    assert_eq!(token.expose(), text);
    assert!(text.starts_with(token.kind().prefix()) && text.is_ascii(), "{text:?}");
    assert!(!is_signed_form(&text), "{text:?} is of two kinds");
    assert!(!format!("{token:?}").contains(&*text), "it shows itself");
    for other in [format!("{text}A"), format!(" {text}"), text.to_uppercase()] {
        assert!(other == *text || PlainToken::parse(&other).is_none(), "{other:?}");
    }
}

/// Signed texts, as they come and put together of a header and claims (first line and the rest): nothing nobody has signed is believed, and
/// what is said in claims cannot make us remember or accept it for longer than we said.
pub fn jwt(data: &[u8]) {
    let (header, claims) = halves(data);
    let made = format!("{}.{}.AAAA", base64url(header.as_bytes()), base64url(claims));
    for text in [String::from_utf8_lossy(data).into_owned(), made] {
        signed_text(&text);
    }
    if let Ok(said) = serde_json::from_slice::<AccessClaims>(claims) {
        let ended = Timestamp::from_unix_seconds(said.exp.clamp(0, 253_402_300_799));
        assert!(!said.is_in_force(&said.iss, ended) || said.exp > 253_402_300_799, "{said:?}");
    }
}

fn signed_text(text: &str) {
    let Some(header) = AssertionHeader::read(text) else { return };
    assert!(is_signed_form(text));
    assert!(header.kind.as_deref().is_none_or(|kind| !kind.contains(|c: char| c.is_ascii_uppercase())), "{header:?}");
    let some_key =
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] });
    for algorithm in ALGORITHMS.into_iter().filter_map(algorithm_named) {
        let keys = PublicKeys::read(&some_key).ok();
        if let Some(key) = keys.as_ref().and_then(|keys| keys.find(None, algorithm)) {
            assert!(AssertionClaims::check(text, key, header.algorithm).is_none(), "{text} passes for signed");
        }
    }
    let Some(claims) = AssertionClaims::peek(text) else { return };
    assert!(claims.id().is_none_or(|id| (1..=255).contains(&id.len())));
    let ours = "https://us.example";
    assert!(!(claims.is_for(&[ours]) && claims.is_for(&["https://them.example"])), "{claims:?}");
    for now in [0, 1_000_000_000, 4_000_000_000, 253_402_300_000].map(Timestamp::from_unix_seconds) {
        let Some(until) = claims.in_force(now, MAX_BEARER_AHEAD) else { continue };
        assert!(until > now && until <= now.plus(MAX_BEARER_AHEAD).plus(LEEWAY).plus(LEEWAY), "{claims:?} at {now:?}");
    }
}

/// The key of RFC 8037 appendix A.1, for a proof that is signed whatever it says: its public half, and the whole of it (RFC 8410 section 7).
const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const PRIVATE: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

/// Proofs that a client holds a key (RFC 9449), as they come and put together of a header and claims (first line and the rest), which
/// are signed: none passes that its key has not signed, for a request it does not name, or for longer than we said.
pub fn dpop(data: &[u8]) {
    if let Some(proof) = Proof::read(&String::from_utf8_lossy(data)) {
        sound(&proof);
    }
    let (header, claims) = halves(data);
    let Ok(mut header) = serde_json::from_str::<Map<String, Value>>(&header) else { return };
    let own = json!({ "kty": "OKP", "crv": "Ed25519", "x": PUBLIC });
    let others = header.insert("jwk".to_owned(), own.clone());
    let Some(text) = signed(&header, claims) else { return };
    let Some(proof) = Proof::read(&text) else { return };
    sound(&proof);
    let is_named = |name: &str| header.get("alg").and_then(Value::as_str) == Some(name);
    assert!((is_named("EdDSA") || is_named("Ed25519")) && !header.contains_key("crit"), "{header:?}");
    // Neither with other claims nor under another key does the signature count, nor with anything private beside it.
    let Some((message, signature)) = text.rsplit_once('.') else { return };
    assert!(Proof::read(&format!("{message}AA.{signature}")).is_none(), "{text}");
    header.insert("jwk".to_owned(), others.filter(|key| *key != own).unwrap_or(Value::Null));
    let other = format!(
        "{}.{}.{signature}",
        base64url(Value::Object(header.clone()).to_string().as_bytes()),
        base64url(claims)
    );
    assert!(Proof::read(&other).is_none(), "{other}");
    let Value::Object(mut whole) = own else { return };
    whole.insert("d".to_owned(), "AA".into());
    header.insert("jwk".to_owned(), whole.into());
    assert!(signed(&header, claims).is_none_or(|text| Proof::read(&text).is_none()), "{header:?}");
}

fn signed(header: &Map<String, Value>, claims: &[u8]) -> Option<String> {
    let header = Value::Object(header.clone()).to_string();
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims));
    let key = EncodingKey::from_ed_der(&from_base64url(PRIVATE)?);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).ok()?;
    Some(format!("{message}.{signature}"))
}

/// It is for one request and one token, and about now.
fn sound(proof: &Proof) {
    assert!(is_thumbprint(&proof.key), "{proof:?}");
    let here = "https://us.example/mcp";
    let is_here = proof.is_for("POST", here);
    for (method, uri) in
        [("GET", here), ("post", here), ("POST", "https://us.example/"), ("POST", "http://us.example/mcp")]
    {
        assert!(!(is_here && proof.is_for(method, uri)), "{proof:?}");
    }
    assert!(!(proof.is_of("one") && proof.is_of("two")), "{proof:?}");
    for now in [0, 1_000_000_000, 253_402_300_000].map(Timestamp::from_unix_seconds) {
        let Some(until) = proof.is_timely(now) else { continue };
        assert!(until >= now && until <= now.plus(WINDOW).plus(WINDOW), "{proof:?} at {now:?}");
        assert!(
            !proof.nonce().is_some_and(|nonce| is_nonce_good(&[7; 32], now, nonce)),
            "nobody makes a nonce: {proof:?}"
        );
    }
}

/// Metadata documents of clients, with the address in the first line: what is taken has the one form that can be compared, and shows
/// nothing on a page that is not text.
pub fn document(data: &[u8]) {
    let (address, body) = halves(data);
    let usual = Url::parse("https://agent.example/client.json");
    let address = match check_address(&address, false) {
        Ok(url) => {
            assert_eq!(url.as_str(), address);
            assert!(url.scheme() == "https" && url.path() != "/" && url.fragment().is_none(), "{url}");
            assert!(url.username().is_empty() && url.password().is_none(), "{url}");
            let is_own = |name: &str| name == "localhost" || name.ends_with(".localhost");
            assert!(matches!(url.host(), Some(Host::Domain(name)) if !is_own(name)), "{url}");
            Ok(url)
        }
        Err(_) => usual,
    };
    let Ok(address) = address else { return };
    document_at(&address, body);
    // Most documents name another client: this one names its own.
    if let Ok(Value::Object(mut members)) = serde_json::from_slice(body) {
        members.insert("client_id".to_owned(), address.as_str().into());
        document_at(&address, Value::Object(members).to_string().as_bytes());
    }
}

fn document_at(address: &Url, body: &[u8]) {
    let Ok(client) = read_document(address, body, false) else { return };
    assert_eq!(client.face.id.as_str(), address.as_str());
    assert!(!client.face.name.is_empty() && !client.face.name.contains(char::is_control), "{:?}", client.face);
    assert!(client.face.uri.as_deref().is_none_or(|uri| uri.starts_with("http://") || uri.starts_with("https://")));
    assert!(!client.redirect_uris.is_empty() && !client.is_trusted && !client.is_operators);
    client.redirect_uris.iter().for_each(harmless);
    let body = String::from_utf8_lossy(body);
    assert!(
        !body.contains("\"client_secret\"")
            || serde_json::from_str::<Value>(&body).is_ok_and(|v| v.get("client_secret").is_none())
    );
}

/// Registrations and changes of them: whatever is stored could have been asked for by itself.
pub fn registration(data: &[u8]) {
    let offered: Vec<ScopeInfo> =
        [ScopeInfo::by_default("notes:read", "Read")].into_iter().chain(openid::scopes()).collect();
    let settings = Settings { device_authorization: true, ..Settings::default() };
    let read = Registration::read(data, &offered, &settings);
    let changed = read_change(data, &offered, &settings);
    assert!(read.is_ok() || changed.is_err(), "a change may not say more than a registration");
    let Ok(client) = read else { return };
    assert!((1..=10).contains(&client.redirect_uris.len()));
    client.redirect_uris.iter().for_each(harmless);
    assert!(!client.name.contains(char::is_control), "{:?}", client.name);
    assert!(client.grant_types.iter().any(|name| name == "authorization_code"), "{client:?}");
    assert!(client.grant_types.iter().all(|name| name != "client_credentials"), "{client:?}");
    assert_eq!(client.keys.is_some(), client.auth_method == AuthMethod::PrivateKeyJwt);
    assert!(
        client
            .scopes
            .iter()
            .all(|scope| offered.iter().any(|info| info.name == scope.as_str()) || scope.as_str() == "offline_access")
    );
    if let Some(jwks) = client.keys.as_ref().and_then(|keys| keys.jwks.as_ref()) {
        public_alone(jwks);
    }
}

/// Keys of others: a set with anything private in it is none.
pub fn keys(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    if PublicKeys::read(&value).is_ok() {
        public_alone(&value);
    }
    let Value::Object(members) = value else { return };
    if let Ok(read) = ClientKeys::read(&members, false) {
        assert!(read.jwks.is_some() != read.jwks_uri.is_some(), "{read:?}");
        assert!(read.jwks_uri.is_none_or(|uri| uri.starts_with("https://")));
    }
}

fn public_alone(jwks: &Value) {
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    assert!(!keys.is_empty() && !keys.iter().any(is_private), "{jwks}");
}

/// Redirect URIs, the registered one and the one that is asked for, a line each: an answer goes where the client said, or to another
/// port of the person's own machine.
pub fn redirect(data: &[u8]) {
    let (own, asked) = halves(data);
    let asked = String::from_utf8_lossy(asked);
    let Ok(registered) = RedirectUri::read(&own) else { return };
    harmless(&registered);
    assert!(registered.allows(&own));
    if !registered.allows(&asked) || asked == own {
        return;
    }
    assert_eq!(kind_of(&own), RedirectKind::Loopback, "{own} allows {asked}");
    let (Ok(mut left), Ok(mut right)) = (Url::parse(&own), Url::parse(&asked)) else {
        unreachable!("{own} allows {asked}, which is no address")
    };
    assert!(right.username().is_empty() && right.password().is_none() && right.fragment().is_none(), "{asked}");
    for url in [&mut left, &mut right] {
        assert!(url.set_port(Some(1)).is_ok());
    }
    assert_eq!(left, right);
}

/// It cannot break a header, a policy or a page.
fn harmless(uri: &RedirectUri) {
    let text = uri.as_str();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte)), "{text}");
    assert!(!host_of(text).is_empty(), "{text}");
    let source = form_action_of(text).unwrap_or_default();
    assert!(!source.is_empty() && !source.contains([' ', ';', ',', '*', '\'']), "{source}");
    let lower = text.to_ascii_lowercase();
    assert!(!["javascript:", "data:", "file:", "vbscript:"].iter().any(|scheme| lower.starts_with(scheme)), "{text}");
    assert!(!lower.starts_with("http:") || kind_of(text) == RedirectKind::Loopback, "{text}");
}

/// Resource identifiers, two spellings a line each: one spelling is its own, and none reaches another place.
pub fn resource(data: &[u8]) {
    let (left, right) = halves(data);
    let right = String::from_utf8_lossy(right);
    let Some(one) = normalize_resource(&left) else { return };
    assert_eq!(normalize_resource(&one).as_ref(), Some(&one));
    assert!(!one.contains('#') && !one.contains(char::is_whitespace), "{one}");
    let Some(other) = normalize_resource(&right) else { return };
    let (Ok(left), Ok(right)) = (Url::parse(&left), Url::parse(&right)) else { unreachable!("{left} and {right}") };
    let is_same = left.origin() == right.origin() && left.query() == right.query() && path(&left) == path(&right);
    assert_eq!(one == other, is_same, "{left} and {right}");
}

/// The path without the one slash at its end that says nothing.
fn path(url: &Url) -> &str {
    let path = url.path();
    if url.query().is_some() || path.ends_with("//") { path } else { path.strip_suffix('/').unwrap_or(path) }
}

/// Parameters of a query or a form: what comes twice counts as nothing, and no scope is made up.
pub fn form(data: &[u8]) {
    let Some(params) = Params::read(data) else { return };
    for (name, value) in params.pairs() {
        assert!(
            !value.is_empty() && !name.contains(char::is_control) && !value.contains(char::is_control),
            "{name:?} {value:?}"
        );
    }
    let asked = params.get("scope");
    assert!(asked.is_none() || params.all("scope").count() == 1);
    let offered = [ScopeInfo::on_request("a", "Does it")];
    if let Ok(chosen) = choose(asked, &belgie_api::ScopeSet::new(), &offered) {
        let is_asked = |name: &str| asked.is_some_and(|text| text.split(' ').any(|part| part == name));
        assert!(chosen.iter().all(|scope| is_asked(scope.as_str())), "{asked:?} gives {chosen}");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TARGETS;

    #[test]
    fn every_seed_of_the_fuzz_targets_passes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
        for (name, run) in TARGETS {
            assert!(folder.join(format!("fuzz_targets/{name}.rs")).exists(), "no program for {name}");
            let seeds = std::fs::read_dir(folder.join("seeds").join(name)).unwrap().map(|entry| entry.unwrap().path());
            let seeds: Vec<_> = seeds.collect();
            assert!(seeds.len() > 2, "{name} has {} seeds", seeds.len());
            for seed in seeds {
                run(&std::fs::read(seed).unwrap());
            }
        }
    }
}
