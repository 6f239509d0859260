//! What a refresh was answered, kept for whoever asks again in time.

use std::collections::BTreeSet;

use belgie_api::{Entropy, Failure, GrantId, PlainToken, Result, ScopeSet, TeamId, Timestamp, TokenKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::access_token::TokenText;

/// What the key is made for; the key itself is made of the token that was answered.
const PURPOSE: &str = "oauth-server.refresh-answer";
/// Room for an answer, in bytes: what is written beyond it leaves a copy in memory.
const USUAL_BYTES: usize = 4096;

/// The pair that came of a refresh token.
#[derive(Debug)]
pub struct Answer {
    /// The access token.
    pub access: TokenText,
    /// The refresh token.
    pub refresh: PlainToken,
    /// The id token, if it brought one.
    pub id_token: Option<TokenText>,
    /// What the application added.
    pub more: Map<String, Value>,
    /// What the access token may be used for.
    pub scopes: ScopeSet,
    /// The teams it lets act for; none named, and it is for all of the person's.
    pub teams: BTreeSet<TeamId>,
    /// The thumbprint of the key it is bound to, if it is.
    pub key: Option<String>,
    /// Where it may be used.
    pub resources: Vec<String>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The same as it is written before it is sealed.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    access: &'a str,
    refresh: &'a str,
    #[serde(default, borrow)]
    id_token: Option<&'a str>,
    #[serde(default)]
    more: Map<String, Value>,
    scopes: ScopeSet,
    #[serde(default)]
    teams: BTreeSet<TeamId>,
    #[serde(default)]
    key: Option<String>,
    resources: Vec<String>,
    expires_at: Timestamp,
}

impl Answer {
    /// Seals the answer under the token that was presented: only who has that one opens it, and the database has its hash.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn seal(&self, presented: &PlainToken, grant: GrantId, entropy: &dyn Entropy) -> Result<Vec<u8>> {
        let written = Written {
            access: self.access.expose(),
            refresh: self.refresh.expose(),
            id_token: self.id_token.as_ref().map(TokenText::expose),
            more: self.more.clone(),
            scopes: self.scopes.clone(),
            teams: self.teams.clone(),
            key: self.key.clone(),
            resources: self.resources.clone(),
            expires_at: self.expires_at,
        };
        let mut text = Zeroizing::new(Vec::with_capacity(USUAL_BYTES));
        serde_json::to_writer(&mut *text, &written).map_err(Failure::internal)?;
        presented.seal(entropy, PURPOSE, grant.uuid().as_bytes(), &text)
    }

    /// Opens an answer with the token that was presented.
    ///
    /// # Errors
    /// When it was the answer to another one.
    pub fn open(sealed: &[u8], presented: &PlainToken, grant: GrantId) -> Result<Self> {
        let text = presented.unseal(PURPOSE, grant.uuid().as_bytes(), sealed)?;
        let written: Written<'_> = serde_json::from_slice(&text).map_err(Failure::internal)?;
        let refresh = PlainToken::parse_as(TokenKind::Refresh, written.refresh);
        Ok(Self {
            access: TokenText::of(written.access.to_owned()),
            refresh: refresh.ok_or_else(|| Failure::internal("a kept answer holds no token"))?,
            more: written.more,
            id_token: written.id_token.map(|text| TokenText::of(text.to_owned())),
            scopes: written.scopes,
            teams: written.teams,
            key: written.key,
            resources: written.resources,
            expires_at: written.expires_at,
        })
    }

    /// Whether this is no more than what a request may have: whoever asked for less must not be handed more, and whoever
    /// asked for more gets this with its scopes said. `teams`: those that are left today.
    pub fn is_within(&self, scopes: &ScopeSet, resources: &[String], teams: &BTreeSet<TeamId>) -> bool {
        scopes.covers(&self.scopes)
            && self.resources.iter().all(|resource| resources.contains(resource))
            // None named are all of the person's.
            && (teams.is_empty() || (!self.teams.is_empty() && self.teams.is_subset(teams)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Answer, Map, TokenText};
    use belgie_api::clock::SystemClock;
    use belgie_api::entropy::SystemEntropy;
    use belgie_api::{GrantId, TeamId, Timestamp, TokenKind};

    fn answer() -> Answer {
        Answer {
            access: TokenKind::Access.mint(&SystemEntropy).into(),
            refresh: TokenKind::Refresh.mint(&SystemEntropy),
            id_token: Some(TokenText::of("a.b.c".to_owned())),
            more: Map::new(),
            scopes: "a b".parse().unwrap(),
            teams: BTreeSet::new(),
            key: Some("thumbprint".to_owned()),
            resources: vec!["https://us.example/mcp".to_owned()],
            expires_at: Timestamp::from_rfc3339("2026-11-26T12:00:00Z").unwrap(),
        }
    }

    #[test]
    fn an_answer_opens_with_the_token_it_was_given_for_and_with_nothing_else() {
        let (answer, grant) = (answer(), GrantId::new(&SystemClock, &SystemEntropy));
        let presented = TokenKind::Refresh.mint(&SystemEntropy);
        let sealed = answer.seal(&presented, grant, &SystemEntropy).unwrap();
        let opened = Answer::open(&sealed, &presented, grant).unwrap();
        assert_eq!((&opened.access, &opened.refresh), (&answer.access, &answer.refresh));
        assert_eq!((&opened.id_token, &opened.teams), (&answer.id_token, &answer.teams));
        assert_eq!(opened.key, answer.key);
        assert_eq!((&opened.scopes, &opened.resources), (&answer.scopes, &answer.resources));
        assert_eq!(opened.expires_at, answer.expires_at);
        assert!(Answer::open(&sealed, &TokenKind::Refresh.mint(&SystemEntropy), grant).is_err());
        assert!(Answer::open(&sealed, &presented, GrantId::new(&SystemClock, &SystemEntropy)).is_err());
        for token in [answer.access.expose(), answer.refresh.expose()] {
            let random = &token.as_bytes()[8..48];
            assert!(!sealed.windows(random.len()).any(|window| window == random));
        }
    }

    #[test]
    fn an_answer_fits_whoever_may_have_as_much_or_more() {
        let (answer, here) = (answer(), vec!["https://us.example/mcp".to_owned()]);
        let fits = |scopes: &str, resources: &[String]| {
            answer.is_within(&scopes.parse().unwrap(), resources, &BTreeSet::new())
        };
        assert!(fits("a b", &here) && fits("a b c", &here));
        assert!(!fits("a", &here) && !fits("a b", &["https://us.example/other".to_owned()]));
    }

    #[test]
    fn an_answer_for_all_teams_is_none_for_some() {
        let [one, other] = [TeamId::new(&SystemClock, &SystemEntropy), TeamId::new(&SystemClock, &SystemEntropy)];
        let fits = |given: &[TeamId], left: &[TeamId]| {
            let answer = Answer { teams: given.iter().copied().collect(), ..answer() };
            answer.is_within(&answer.scopes, &answer.resources, &left.iter().copied().collect())
        };
        assert!(fits(&[], &[]) && fits(&[one], &[]) && fits(&[one], &[one, other]));
        assert!(!fits(&[], &[one]) && !fits(&[one, other], &[one]) && !fits(&[other], &[one]));
    }
}
