//! Which scopes a request ends up with.

use belgie_api::plugin::{ScopeGrant, ScopeInfo};
use belgie_api::{Failure, Result, Scope, ScopeSet};

use super::openid;
use super::refusal;

/// Asks for refresh tokens (OpenID Connect Core section 11, MCP 2026-07-28 SEP-2207). It opens no tool.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The sentence of [`OFFLINE_ACCESS`] on the consent page.
pub const OFFLINE_ACCESS_MEANS: &str = "Stay connected while you are away, until you disconnect it";

/// A scope was asked for, but none that exists here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingKnown;

/// The scopes of a request: the asked ones that exist here (RFC 6749 section 3.3 lets the server leave out others), or
/// the client's usual ones, or those everybody gets. `offline_access` alone asks for the usual ones, for longer.
pub fn choose(asked: Option<&str>, usual: &ScopeSet, offered: &[ScopeInfo]) -> Result<ScopeSet, NothingKnown> {
    let asked = asked.unwrap_or_default();
    let chosen = known_in(asked, offered);
    if chosen.is_empty() && asked.split(' ').any(|part| !part.is_empty()) {
        return Err(NothingKnown);
    }
    let is_only_offline = chosen.iter().all(|scope| scope.as_str() == OFFLINE_ACCESS);
    if !is_only_offline {
        return Ok(chosen);
    }
    let usual = usual.intersection(&names(offered.iter()));
    let base = if usual.is_empty() { by_default(offered) } else { usual };
    Ok(base.union(&chosen))
}

/// Of a list separated by spaces, the scopes that exist here.
pub fn known_in(text: &str, offered: &[ScopeInfo]) -> ScopeSet {
    text.split(' ').filter_map(|part| part.parse::<Scope>().ok()).filter(|scope| is_known(scope, offered)).collect()
}

/// The sentence and the weight of a scope on a page: what somebody must ask for by name deserves a second look.
pub fn explain<'a>(scope: &'a Scope, offered: &'a [ScopeInfo]) -> (&'a str, bool) {
    if scope.as_str() == OFFLINE_ACCESS {
        return (OFFLINE_ACCESS_MEANS, false);
    }
    let is_weighty = |info: &ScopeInfo| info.grant == ScopeGrant::OnRequest && !openid::is_harmless(scope.as_str());
    offered
        .iter()
        .find(|info| info.name == scope.as_str())
        .map_or((scope.as_str(), true), |info| (info.description.as_ref(), is_weighty(info)))
}

/// Reads the scopes of a token: at least one, and all of them exist here.
///
/// # Errors
/// 400 otherwise, with what there is.
pub fn read_scopes(text: &str, offered: &[ScopeInfo]) -> Result<ScopeSet> {
    let known = || {
        let names = offered.iter().map(|info| info.name.as_ref()).collect::<Vec<_>>().join(", ");
        format!("Known here: {names}.")
    };
    let scopes: ScopeSet =
        text.parse().map_err(|error| Failure::bad_request("token.bad_scope", format!("{error}.")))?;
    let is_offered = |name: &str| offered.iter().any(|info| info.name == name);
    if let Some(scope) = scopes.iter().find(|scope| !is_offered(scope.as_str())) {
        let message = format!("The scope `{scope}` does not exist here.");
        return Err(Failure::bad_request("token.unknown_scope", message).hint(known()));
    }
    if scopes.is_empty() {
        return Err(Failure::bad_request("token.no_scope", "No scope is given.").hint(known()));
    }
    Ok(scopes)
}

/// A narrower scope is fine, a wider one is not (RFC 6749 sections 3.3 and 6). `closed`: the granted ones and what they imply.
///
/// # Errors
/// `invalid_scope` for a wider one.
pub fn narrow_scopes(granted: &ScopeSet, closed: &ScopeSet, asked: Option<&ScopeSet>) -> Result<ScopeSet> {
    match asked.filter(|asked| !asked.is_empty()) {
        None => Ok(granted.clone()),
        Some(asked) if closed.covers(asked) => Ok(asked.clone()),
        Some(_) => Err(refusal::invalid_scope("More is asked for than was granted.")),
    }
}

fn is_known(scope: &Scope, offered: &[ScopeInfo]) -> bool {
    scope.as_str() == OFFLINE_ACCESS || offered.iter().any(|info| info.name == scope.as_str())
}

fn by_default(offered: &[ScopeInfo]) -> ScopeSet {
    names(offered.iter().filter(|info| info.grant == ScopeGrant::ByDefault))
}

fn names<'a>(infos: impl Iterator<Item = &'a ScopeInfo>) -> ScopeSet {
    infos.filter_map(|info| info.name.parse::<Scope>().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{NothingKnown, choose};
    use belgie_api::ScopeSet;
    use belgie_api::plugin::{ScopeGrant, ScopeInfo};

    fn offered() -> Vec<ScopeInfo> {
        [("notes:read", ScopeGrant::ByDefault), ("notes:write", ScopeGrant::OnRequest)]
            .map(|(name, grant)| ScopeInfo::new(name, "Does it", grant))
            .to_vec()
    }

    #[test]
    fn a_request_gets_what_it_names_and_what_exists() {
        let usual = ScopeSet::new();
        let chosen = |asked| choose(asked, &usual, &offered()).map(|set| set.to_string());
        assert_eq!(chosen(None).unwrap(), "notes:read");
        assert_eq!(chosen(Some("  ")).unwrap(), "notes:read");
        assert_eq!(chosen(Some("notes:write unknown")).unwrap(), "notes:write");
        assert_eq!(chosen(Some("offline_access")).unwrap(), "notes:read offline_access");
        assert_eq!(chosen(Some("unknown \"")), Err(NothingKnown));
    }

    #[test]
    fn the_usual_scopes_of_a_client_come_before_those_of_everybody() {
        let usual: ScopeSet = "notes:write gone".parse().unwrap();
        assert_eq!(choose(None, &usual, &offered()).unwrap().to_string(), "notes:write");
        assert_eq!(choose(Some("notes:read"), &usual, &offered()).unwrap().to_string(), "notes:read");
    }
}
