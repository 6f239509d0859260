//! Where scopes can be had, and what they imply.

use belgie_api::plugin::ScopeInfo;
use belgie_api::{Result, Scope, ScopeSet};

use super::OAuth;
use crate::model::{openid, refusal};

impl OAuth {
    /// The scopes that can be had at one of these resources. Who the person is, is told at none of them but at userinfo, so what
    /// allows that can be had with any.
    ///
    /// # Errors
    /// Before the gateway serves.
    pub(crate) fn offered_at(&self, resources: &[String]) -> Result<Vec<ScopeInfo>> {
        let catalog = self.host.catalog()?;
        let mut offered = catalog.offered_at(resources);
        let is_left_out = |info: &&ScopeInfo| openid::is_one(&info.name) && !offered.contains(info);
        let of_openid: Vec<ScopeInfo> = catalog.scopes.iter().filter(is_left_out).cloned().collect();
        offered.extend(of_openid);
        Ok(offered)
    }

    /// These scopes and what they imply: whoever holds a broader one may ask for a narrower one, and is refused nothing for want of
    /// it.
    ///
    /// # Errors
    /// Before the gateway serves.
    pub(super) fn closed(&self, scopes: &ScopeSet) -> Result<ScopeSet> {
        Ok(self.host.catalog()?.hierarchy.closed(scopes))
    }

    /// What of these scopes a token for these resources holds: no resource learns what a client may do at others, where that has
    /// scopes of its own.
    ///
    /// # Errors
    /// `invalid_scope` when none of them counts there.
    pub(super) fn scopes_at(&self, scopes: &ScopeSet, resources: &[String]) -> Result<ScopeSet> {
        let there = self.had_at(scopes, resources)?;
        if there.is_empty() && !scopes.is_empty() {
            return Err(refusal::invalid_scope("None of what was granted counts at this resource."));
        }
        Ok(there)
    }

    /// The same, and nothing when none of them counts there.
    ///
    /// # Errors
    /// Before the gateway serves.
    pub(super) fn had_at(&self, scopes: &ScopeSet, resources: &[String]) -> Result<ScopeSet> {
        let (all, offered) = (&self.host.catalog()?.scopes, self.offered_at(resources)?);
        let is_in = |infos: &[ScopeInfo], scope: &Scope| infos.iter().any(|info| info.name == scope.as_str());
        // What the catalog does not know, such as staying connected, is for no resource in particular.
        Ok(scopes.iter().filter(|scope| is_in(&offered, scope) || !is_in(all, scope)).cloned().collect())
    }
}
