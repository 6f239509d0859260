//! Signatures of webhooks: `Stripe-Signature: t=<seconds>,v1=<hex>,...`, HMAC-SHA-256 over `<t>.<body as it was sent>`
//! (docs.stripe.com, "Verify webhook signatures manually").

use belgie_api::Timestamp;
use belgie_api::crypto::{constant_time_eq, hmac_sha256_plain};
use secrecy::{ExposeSecret, SecretString};

/// How far the moment of a signature may be from now, in seconds: what Stripe's libraries take.
pub const TOLERANCE: i64 = 300;

/// Signatures in one header beyond these are not looked at: Stripe sends one for each secret in use, two at most.
const MOST: usize = 16;

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    /// The header is not what it should be.
    #[error("the signature is malformed")]
    Malformed,
    /// No signature is of one of the secrets.
    #[error("no signature matches")]
    NoMatch,
    /// It was signed too long ago, or will be.
    #[error("the signature is too old")]
    OutOfTime,
}

/// Checks that one of these secrets has signed the body, not long ago.
///
/// # Errors
/// Why it is not believed.
pub fn verify(secrets: &[SecretString], header: &str, body: &[u8], now: Timestamp) -> Result<(), NotGenuine> {
    let mut moments = header.split(',').filter_map(|part| part.trim().strip_prefix("t="));
    let moment = moments.next().ok_or(NotGenuine::Malformed)?;
    let is_plain = moment.len() <= 12 && !moment.is_empty() && moment.bytes().all(|byte| byte.is_ascii_digit());
    if moments.next().is_some() || !is_plain {
        return Err(NotGenuine::Malformed);
    }
    let seconds: i64 = moment.parse().map_err(|_| NotGenuine::Malformed)?;
    let signatures = header.split(',').filter_map(|part| part.trim().strip_prefix("v1=")).take(MOST);
    let signatures: Vec<[u8; 32]> = signatures.filter_map(unhex).collect();
    if signatures.is_empty() {
        return Err(NotGenuine::Malformed);
    }
    let expected: Vec<[u8; 32]> = secrets.iter().map(|secret| sign(secret.expose_secret(), moment, body)).collect();
    // All pairs, so that the time says nothing about which one it was.
    let pairs = expected.iter().flat_map(|own| signatures.iter().map(move |theirs| constant_time_eq(own, theirs)));
    if !pairs.fold(false, |is_any, is_this| is_any | is_this) {
        return Err(NotGenuine::NoMatch);
    }
    if now.unix_seconds().abs_diff(seconds) > TOLERANCE.unsigned_abs() {
        return Err(NotGenuine::OutOfTime);
    }
    Ok(())
}

fn sign(secret: &str, moment: &str, body: &[u8]) -> [u8; 32] {
    hmac_sha256_plain(secret.as_bytes(), &[moment.as_bytes(), b".", body])
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use belgie_api::Timestamp;
    use secrecy::SecretString;

    use super::{NotGenuine, verify};

    const BODY: &[u8] = b"{\"id\":\"evt_1\"}";
    const T: i64 = 1_795_000_000;

    fn secrets(texts: &[&str]) -> Vec<SecretString> {
        texts.iter().map(|text| SecretString::from(*text)).collect()
    }

    fn v1(secret: &str, body: &[u8]) -> String {
        super::sign(secret, &T.to_string(), body).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn a_signature_is_what_the_published_algorithm_says() {
        // Computed with OpenSSL: printf '1795000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_known
        let known = "c27ab4009270db14e9c74a6c808cba2649686b7927937771482abf1a3c20e499";
        assert_eq!(v1("whsec_known", BODY), known);
    }

    #[test]
    fn one_good_signature_of_one_known_secret_is_enough() {
        let all = secrets(&["whsec_new", "whsec_old"]);
        let (good, bad) = (v1("whsec_old", BODY), v1("whsec_other", BODY));
        for header in [
            format!("t={T},v1={good}"),
            format!("t={T},v1={bad},v1={good}"),
            format!("t={T}, v1={good}, v0={bad}"),
            format!("v1={good},t={T}"),
        ] {
            assert_eq!(verify(&all, &header, BODY, at(T)), Ok(()), "{header}");
        }
    }

    #[test]
    fn anything_else_is_not_believed() {
        let all = secrets(&["whsec_a"]);
        let good = v1("whsec_a", BODY);
        for header in [
            String::new(),
            format!("v1={good}"),
            format!("t={T}"),
            format!("t={T},t={T},v1={good}"),
            format!("t=-{T},v1={good}"),
            format!("t={T},v0={good}"),
            format!("t={T},v1={}", good.get(..62).unwrap()),
            format!("t={T},v1=é{}", good.get(2..).unwrap()),
        ] {
            assert_eq!(verify(&all, &header, BODY, at(T)), Err(NotGenuine::Malformed), "{header}");
        }
        let header = format!("t={T},v1={good}");
        assert_eq!(verify(&all, &header, b"{\"id\":\"evt_2\"}", at(T)), Err(NotGenuine::NoMatch));
        assert_eq!(verify(&secrets(&["whsec_b"]), &header, BODY, at(T)), Err(NotGenuine::NoMatch));
        assert_eq!(verify(&all, &format!("t={},v1={good}", T + 1), BODY, at(T)), Err(NotGenuine::NoMatch));
        assert_eq!(verify(&[], &header, BODY, at(T)), Err(NotGenuine::NoMatch));
    }

    #[test]
    fn five_minutes_are_the_most_in_either_direction() {
        let all = secrets(&["whsec_a"]);
        let header = format!("t={T},v1={}", v1("whsec_a", BODY));
        for (seconds, expected) in
            [(300, Ok(())), (-300, Ok(())), (301, Err(NotGenuine::OutOfTime)), (-301, Err(NotGenuine::OutOfTime))]
        {
            assert_eq!(verify(&all, &header, BODY, at(T + seconds)), expected, "{seconds}");
        }
    }
}
