//! Checking an `id_token` (OpenID Connect Core 1.0 section 3.1.3.7).

use std::time::Duration;

use aws_lc_rs::digest;
use belgie_api::crypto::{base64url, constant_time_eq, sha256};
use belgie_api::{Result, Timestamp};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::Value;

use super::{Claims, Line};
use crate::model::refusal;

/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(60);

/// The longest token, in bytes.
const MAX_BYTES: usize = 32 * 1024;

/// What a token must say.
#[derive(Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The nonce it must carry; `None` when the caller checks it.
    pub nonce: Option<&'a str>,
    /// The access token that came with it; checked against `at_hash` when the token has one.
    pub access_token: Option<&'a str>,
    /// Since when the person must have proved to be there: the token must say so, as `max_age` makes it (OpenID Connect Core
    /// 1.0 section 3.1.3.7, item 13).
    pub signed_in_since: Option<Timestamp>,
}

impl Line<'_> {
    /// The claims of a genuine token that was made for us, by this provider, and is in force; and the issuer the account
    /// is bound to.
    ///
    /// # Errors
    /// `oauth_code_verification_failed` when it is anything else.
    pub async fn verify(&self, token: &str, expected: Expected<'_>) -> Result<(Claims, String)> {
        if token.len() > MAX_BYTES {
            return Err(refusal::unverified("the id_token is too long"));
        }
        let header = decode_header(token).map_err(refusal::unverified)?;
        let jwks = self.metadata.jwks_uri.as_ref().ok_or_else(|| refusal::unverified("the provider names no keys"))?;
        let key = self.provider.key(self.host, jwks, header.kid.as_deref(), header.alg).await?;
        // Time is ours to say, so the library checks the signature alone; the claims are checked below.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let claims = decode::<Claims>(token, &key, &validation).map_err(refusal::unverified)?.claims;
        if claims.get("sub").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(refusal::unverified("the id_token names no subject"));
        }
        let issuer = self.check_issuer(&claims)?;
        check_audience(&claims, &self.provider.settings().client_ids)?;
        check_time(&claims, self.host.now())?;
        if let Some(since) = expected.signed_in_since
            && !is_signed_in_since(&claims, since, self.host.now())
        {
            return Err(refusal::presence_not_proven(self.provider.name()));
        }
        if let Some(nonce) = expected.nonce {
            let said = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
            if !constant_time_eq(said.as_bytes(), nonce.as_bytes()) {
                return Err(refusal::unverified("the nonce is another"));
            }
        }
        check_access_token(&claims, header.alg, expected.access_token)?;
        self.check_domain(&claims)?;
        Ok((claims, issuer))
    }

    fn check_issuer(&self, claims: &Claims) -> Result<String> {
        let known = self.metadata.issuer.as_deref().ok_or_else(|| refusal::unverified("no issuer is known"))?;
        let issuer = self.provider.strategy().issuer_of(self.provider.settings(), known, claims);
        issuer.ok_or_else(|| refusal::unverified("the id_token is of another issuer"))
    }

    /// `hd` of a genuine token only: what is asked for in the request binds nobody.
    fn check_domain(&self, claims: &Claims) -> Result<()> {
        let Some(wanted) = &self.provider.settings().hosted_domain else { return Ok(()) };
        let said = claims.get("hd").and_then(Value::as_str).unwrap_or_default();
        if wanted == "*" && !said.is_empty() || said.eq_ignore_ascii_case(wanted) {
            return Ok(());
        }
        Err(refusal::wrong_domain())
    }
}

/// One of the audiences is ours; with several, the party it was made for is named and ours, too.
fn check_audience(claims: &Claims, ours: &[String]) -> Result<()> {
    let is_ours = |value: &Value| value.as_str().is_some_and(|text| ours.iter().any(|id| id == text));
    let (is_for_us, is_single) = match claims.get("aud") {
        Some(Value::Array(items)) => (items.iter().any(is_ours), items.len() == 1),
        Some(one) => (is_ours(one), true),
        None => (false, true),
    };
    if !is_for_us {
        return Err(refusal::unverified("the id_token is for another audience"));
    }
    match claims.get("azp") {
        Some(azp) if !is_ours(azp) => Err(refusal::unverified("the id_token was made for another party")),
        None if !is_single => Err(refusal::unverified("the id_token has several audiences and names no party")),
        _ => Ok(()),
    }
}

fn moment(claims: &Claims, name: &str) -> Option<Timestamp> {
    let seconds = claims.get(name)?;
    let seconds = seconds.as_i64().or_else(|| seconds.as_f64().map(whole))?;
    Some(Timestamp::from_unix_seconds(seconds))
}

/// When the person of a genuine token last proved to be there, if it says so (`auth_time`).
pub fn signed_in_at(claims: &Claims) -> Option<Timestamp> {
    moment(claims, "auth_time")
}

fn is_signed_in_since(claims: &Claims, since: Timestamp, now: Timestamp) -> bool {
    signed_in_at(claims).is_some_and(|at| at.plus(LEEWAY) >= since && at <= now.plus(LEEWAY))
}

fn check_time(claims: &Claims, now: Timestamp) -> Result<()> {
    let moment = |name: &str| moment(claims, name);
    let ends = moment("exp").ok_or_else(|| refusal::unverified("the id_token has no end"))?;
    if ends.plus(LEEWAY) <= now {
        return Err(refusal::unverified("the id_token has expired"));
    }
    let made = moment("iat").ok_or_else(|| refusal::unverified("the id_token does not say when it was made"))?;
    let begins = if claims.contains_key("nbf") { moment("nbf") } else { Some(made) };
    let latest = now.plus(LEEWAY);
    if made > latest || begins.is_none_or(|begins| begins > latest) {
        return Err(refusal::unverified("the id_token is of the future"));
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, and whole seconds are all we need")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

/// `at_hash` (section 3.1.3.6), when the token has one and an access token came along.
fn check_access_token(claims: &Claims, algorithm: Algorithm, access_token: Option<&str>) -> Result<()> {
    let (Some(said), Some(token)) = (claims.get("at_hash"), access_token) else { return Ok(()) };
    let hash = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => sha256(token.as_bytes()).to_vec(),
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => {
            digest::digest(&digest::SHA384, token.as_bytes()).as_ref().to_vec()
        }
        _ => digest::digest(&digest::SHA512, token.as_bytes()).as_ref().to_vec(),
    };
    let half = hash.get(..hash.len() / 2).unwrap_or_default();
    if said.as_str() == Some(base64url(half).as_str()) {
        return Ok(());
    }
    Err(refusal::unverified("the access token is not the one the id_token came with"))
}

#[cfg(test)]
mod tests {
    use belgie_api::Timestamp;
    use serde_json::json;

    use super::{Claims, check_audience, check_time, is_signed_in_since};

    fn claims(value: serde_json::Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_token_is_for_us_alone_or_names_us_as_its_party() {
        let ours = ["web".to_owned(), "android".to_owned()];
        for (claim, is_right) in [
            (json!({ "aud": "web" }), true),
            (json!({ "aud": ["android"] }), true),
            (json!({ "aud": "web", "azp": "android" }), true),
            (json!({ "aud": "web", "azp": "other" }), false),
            (json!({ "aud": "web", "azp": 5 }), false),
            (json!({ "aud": ["web", "other"] }), false),
            (json!({ "aud": ["web", "other"], "azp": "web" }), true),
            (json!({ "aud": ["web", "other"], "azp": "other" }), false),
            (json!({ "aud": "other" }), false),
            (json!({ "aud": [] }), false),
            (json!({ "azp": "web" }), false),
        ] {
            assert_eq!(check_audience(&claims(claim.clone()), &ours).is_ok(), is_right, "{claim}");
        }
    }

    #[test]
    fn a_token_is_in_force_within_a_minute() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        for (claim, is_right) in [
            (json!({ "exp": 1_000_100, "iat": 1_000_000 }), true),
            (json!({ "exp": 999_941, "iat": 999_000 }), true),
            (json!({ "exp": 999_940, "iat": 999_000 }), false),
            (json!({ "exp": 1_000_100, "iat": 1_000_060 }), true),
            (json!({ "exp": 1_000_100, "iat": 1_000_061 }), false),
            (json!({ "exp": 1_000_100, "iat": 1_000_000, "nbf": 1_000_061 }), false),
            (json!({ "exp": 1_000_100, "iat": 1_000_000, "nbf": "soon" }), false),
            (json!({ "exp": 1_000_100 }), false),
            (json!({ "iat": 1_000_000 }), false),
            (json!({ "exp": "never", "iat": 1_000_000 }), false),
        ] {
            assert_eq!(check_time(&claims(claim.clone()), now).is_ok(), is_right, "{claim}");
        }
    }

    #[test]
    fn a_token_says_that_somebody_signed_in_since_within_a_minute() {
        let (since, now) = (Timestamp::from_unix_seconds(1_000_000), Timestamp::from_unix_seconds(1_000_300));
        for (claim, is_right) in [
            (json!({ "auth_time": 1_000_100 }), true),
            (json!({ "auth_time": 999_940 }), true),
            (json!({ "auth_time": 999_939 }), false),
            (json!({ "auth_time": 1_000_361 }), false),
            (json!({ "auth_time": "now" }), false),
            (json!({ "iat": 1_000_100 }), false),
        ] {
            assert_eq!(is_signed_in_since(&claims(claim.clone()), since, now), is_right, "{claim}");
        }
    }
}
