//! Signed access tokens (RFC 9068 section 4, RFC 8725).

use jsonwebtoken::{Validation, decode, decode_header};

use crate::builder::ResourceServer;
use crate::refusal::Reason;
use crate::token::{Claims, Token};

impl ResourceServer {
    /// What a signed token says, if one of the issuer's keys has signed it as an access token.
    pub(crate) async fn check_signature(&self, text: &str) -> Result<Token, Reason> {
        let header = decode_header(text).map_err(|_| Reason::InvalidToken)?;
        let kind = header.typ.as_deref().unwrap_or_default();
        let is_access_token = ["at+jwt", "application/at+jwt"].iter().any(|name| name.eq_ignore_ascii_case(kind));
        let Some(id) = header.kid.as_deref().filter(|_| is_access_token) else { return Err(Reason::InvalidToken) };
        let key = self.keys().find(self.issuer(), id).await.map_err(Reason::Unavailable)?;
        // The key chooses the algorithm; the header only has to agree.
        let key = key.filter(|key| key.algorithm == header.alg).ok_or(Reason::InvalidToken)?;
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        // Issuer, audience and time are compared with what this server is and its clock.
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let token = decode::<Claims>(text, &key.checking, &validation).map_err(|_| Reason::InvalidToken)?;
        self.in_force(token.claims)
    }
}
