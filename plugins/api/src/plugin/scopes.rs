//! The scopes there are: how each is explained, what else it allows, and where it counts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::resource;
use crate::scope::{Scope, ScopeSet, is_account_bound};

/// A scope and how it is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeInfo {
    /// The scope token.
    pub name: Cow<'static, str>,
    /// The sentence on the consent page, as what the client may do: "See which agents are connected to your account".
    pub description: Cow<'static, str>,
    /// When it is granted.
    pub grant: ScopeGrant,
    /// The narrower scopes that whoever holds this one has, too (MCP authorization, "Scope Challenge Handling").
    pub implies: Vec<Cow<'static, str>>,
    /// The only resources (RFC 8707) at which it can be had; with none, those that no scope names. Each is an absolute URI, or the path
    /// of one of ours, [`resource::SHARED`] or [`resource::OF_ORGANIZATION`], which the host makes absolute.
    pub resources: Vec<String>,
}

/// When a scope is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeGrant {
    /// To clients that name no scope, too. Announced as needed for basic use (RFC 9728 `scopes_supported`).
    ByDefault,
    /// Only to clients that ask for it by name.
    OnRequest,
}

impl ScopeInfo {
    /// A scope that clients get that name none.
    #[must_use]
    pub fn by_default(name: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, description, ScopeGrant::ByDefault)
    }

    /// A scope that clients get that ask for it by name.
    #[must_use]
    pub fn on_request(name: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, description, ScopeGrant::OnRequest)
    }

    /// A scope that implies no other and is for every resource of this host.
    #[must_use]
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
        grant: ScopeGrant,
    ) -> Self {
        Self { name: name.into(), description: description.into(), grant, implies: Vec::new(), resources: Vec::new() }
    }

    /// Says that whoever holds it has this narrower one, too, and what that one implies.
    #[must_use]
    pub fn implying(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.implies.push(name.into());
        self
    }

    /// Says that it can be had at this resource; see [`resources`](Self::resources).
    #[must_use]
    pub fn only_at(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Whether this resource is one of those it names: `uri` is absolute, and so is what it names.
    #[must_use]
    pub fn names(&self, uri: &str) -> bool {
        self.resources.iter().any(|place| match place.strip_suffix(resource::OF_ORGANIZATION) {
            Some(base) => uri.strip_prefix(base).and_then(resource::slug_in_path).is_some(),
            None => place == uri,
        })
    }
}

/// Which scopes imply which: a broader one satisfies whoever asks for a narrower one.
#[derive(Clone, Debug, Default)]
pub struct ScopeHierarchy(BTreeMap<Scope, ScopeSet>);

impl ScopeHierarchy {
    /// What these scopes imply, directly and through others.
    pub fn of<'a>(infos: impl IntoIterator<Item = &'a ScopeInfo>) -> Self {
        let direct: BTreeMap<Scope, ScopeSet> = infos
            .into_iter()
            .filter(|info| !info.implies.is_empty())
            .filter_map(|info| {
                let implied = info.implies.iter().filter_map(|name| name.parse::<Scope>().ok());
                Some((info.name.parse::<Scope>().ok()?, implied.collect()))
            })
            .collect();
        let reached = direct.keys().map(|scope| (scope.clone(), reached_from(scope, &direct)));
        Self(reached.collect())
    }

    /// These scopes and everything they imply.
    #[must_use]
    pub fn closed(&self, scopes: &ScopeSet) -> ScopeSet {
        let implied = scopes.iter().filter_map(|scope| self.0.get(scope));
        implied.fold(scopes.clone(), |all, more| all.union(more))
    }

    /// What a scope implies, without itself.
    pub fn implied_by(&self, scope: &Scope) -> impl Iterator<Item = &Scope> {
        self.0.get(scope).into_iter().flat_map(ScopeSet::iter).filter(move |implied| *implied != scope)
    }
}

fn reached_from(scope: &Scope, direct: &BTreeMap<Scope, ScopeSet>) -> ScopeSet {
    let mut reached = ScopeSet::new();
    let mut next = vec![scope.clone()];
    while let Some(scope) = next.pop() {
        for implied in direct.get(&scope).into_iter().flat_map(ScopeSet::iter) {
            if !reached.has(implied) {
                reached.insert(implied.clone());
                next.push(implied.clone());
            }
        }
    }
    reached
}

/// Who a person is, they tell a client that asks for it (OpenID Connect Core section 5.4): nothing else brings it along.
const OF_PEOPLE: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/// What does not fit together, one sentence each: a scope that is implied and that nobody explains, or that is had at fewer resources;
/// one that hangs on what an account holds, or tells who a person is (nobody is given that along with something else); and a resource
/// that is none of `known`.
#[must_use]
pub fn mistakes(infos: &[ScopeInfo], known: &BTreeSet<String>) -> Vec<String> {
    let implied = infos.iter().flat_map(|info| info.implies.iter().map(move |implied| (&info.name, implied)));
    let implied = implied.filter_map(|(name, implied)| {
        if is_account_bound(implied) || OF_PEOPLE.contains(&implied.as_ref()) {
            return Some(format!("the scope `{name}` cannot imply `{implied}`: let clients ask for it"));
        }
        let Some(narrower) = infos.iter().find(|info| info.name == *implied) else {
            return Some(format!(
                "the scope `{name}` implies `{implied}`, which nobody explains: add a [[scope]] of that name"
            ));
        };
        let is_wherever = |broader: &ScopeInfo| {
            let places = &broader.resources;
            !places.is_empty() && places.iter().all(|place| narrower.resources.contains(place))
        };
        let is_elsewhere = !narrower.resources.is_empty() && infos.iter().any(|info| info.name == *name && !is_wherever(info));
        is_elsewhere.then(|| {
            format!(
                "the scope `{name}` implies `{implied}`, which cannot be had at all of its resources: give `{implied}` the same \
                 `resources`, or more"
            )
        })
    });
    let places = infos.iter().flat_map(|info| info.resources.iter().map(move |place| (&info.name, place)));
    let places = places.filter(|(_, place)| !known.contains(*place)).map(|(name, place)| {
        let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("the scope `{name}` is for the resource `{place}`, which is not known; known are: {known}")
    });
    implied.chain(places).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ScopeHierarchy, ScopeInfo, mistakes};
    use crate::resource;
    use crate::scope::ScopeSet;

    fn set(text: &str) -> ScopeSet {
        text.parse().unwrap()
    }

    #[test]
    fn a_broader_scope_is_closed_over_what_it_implies_through_others_and_in_circles() {
        let infos = [
            ScopeInfo::on_request("all", "").implying("write").implying("export"),
            ScopeInfo::on_request("write", "").implying("read"),
            ScopeInfo::by_default("read", ""),
            ScopeInfo::by_default("export", "").implying("all"),
        ];
        let hierarchy = ScopeHierarchy::of(&infos);
        let closed = |text: &str| hierarchy.closed(&set(text)).to_string();
        assert_eq!(closed("read"), "read");
        assert_eq!(closed("write"), "read write");
        assert_eq!(closed("all"), "all export read write");
        assert_eq!(closed("export other"), "all export other read write");
        assert_eq!(closed(""), "");
        let export = "export".parse().unwrap();
        let implied: Vec<&str> = hierarchy.implied_by(&export).map(crate::Scope::as_str).collect();
        assert_eq!(implied, ["all", "read", "write"]);
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        let infos = [
            ScopeInfo::on_request("a", "").implying("b").implying("admin"),
            ScopeInfo::on_request("admin", "").only_at("https://api.example"),
            ScopeInfo::on_request("c", "").implying("a").only_at(resource::SHARED),
        ];
        let known = BTreeSet::from([resource::SHARED.to_owned(), resource::OF_ORGANIZATION.to_owned()]);
        let narrower = [
            ScopeInfo::on_request("d", "").implying("e").implying("openid"),
            ScopeInfo::on_request("e", "").only_at(resource::SHARED),
            ScopeInfo::on_request("f", "").implying("e").only_at(resource::SHARED).only_at(resource::OF_ORGANIZATION),
            ScopeInfo::on_request("g", "").implying("e").only_at(resource::SHARED),
        ];
        let said = mistakes(&narrower, &known);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said[0].contains("`d` implies `e`, which cannot be had") && said[1].contains("cannot imply `openid`"),
            "{said:?}"
        );
        assert!(said[2].contains("`f` implies `e`, which cannot be had"), "{said:?}");
        let known = BTreeSet::from([resource::SHARED.to_owned()]);
        let said = mistakes(&infos, &known);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].contains("`a` implies `b`") && said[1].contains("cannot imply `admin`"), "{said:?}");
        assert!(said[2].contains("`https://api.example`, which is not known; known are: /mcp"), "{said:?}");
    }

    #[test]
    fn a_scope_names_resources_by_their_address_or_those_of_all_organizations() {
        let at = |place: &str, uri: &str| ScopeInfo::on_request("a", "").only_at(place).names(uri);
        assert!(at("https://api.example/v1", "https://api.example/v1"));
        assert!(!at("https://api.example/v1", "https://api.example/v1/more"));
        let every = "https://h.example/o/{slug}/mcp";
        assert!(at(every, "https://h.example/o/acme/mcp") && !at(every, "https://evil.example/o/acme/mcp"));
        assert!(!at(every, "https://h.example/mcp") && !at(every, "https://h.example/o/acme/mcp/more"));
        assert!(!ScopeInfo::on_request("a", "").names("https://h.example/mcp"));
    }
}
