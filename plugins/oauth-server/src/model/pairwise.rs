//! Clients that know people by names of their own (OpenID Connect Core 1.0 section 8.1).

use std::collections::BTreeSet;

use belgie_api::Failure;
use url::Url;

use super::redirect::{RedirectUri, host_of, is_elsewhere};
use super::refusal;

/// What a client wishes to know people by (OpenID Connect Dynamic Client Registration 1.0 section 2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubjectWish {
    /// `public`: the account's own id.
    #[default]
    Public,
    /// `pairwise`: a name that clients of other sectors do not know.
    Pairwise {
        /// `sector_identifier_uri`: a list of the redirect URIs of all clients that are to know people by the same names.
        sector: Option<Url>,
    },
}

impl SubjectWish {
    /// Reads `subject_type` and `sector_identifier_uri`.
    ///
    /// # Errors
    /// `invalid_client_metadata`, with what is wrong.
    pub fn read(kind: Option<&str>, sector: Option<&str>) -> Result<Self, Failure> {
        match kind {
            None | Some("public") => Ok(Self::Public),
            Some("pairwise") => {
                let sector = sector.map(|text| {
                    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.fragment().is_none());
                    url.ok_or_else(|| refusal::invalid_client_metadata("sector_identifier_uri is an https address."))
                });
                Ok(Self::Pairwise { sector: sector.transpose()? })
            }
            Some(_) => Err(refusal::invalid_client_metadata("subject_type is public or pairwise.")),
        }
    }
}

/// The sector of a client that names none: the host of its redirect URIs (section 8.1), which is one, on the web. On people's own
/// machines everybody is in one place, and would share their names.
///
/// # Errors
/// `invalid_client_metadata` when there is no such host.
pub fn sector_of(redirect_uris: &[RedirectUri]) -> Result<String, Failure> {
    let hosts: BTreeSet<String> = redirect_uris.iter().map(|uri| host_of(uri.as_str())).collect();
    let are_elsewhere = redirect_uris.iter().all(|uri| is_elsewhere(uri.as_str()));
    match (hosts.into_iter().collect::<Vec<_>>().as_slice(), are_elsewhere) {
        ([only], true) => Ok(only.clone()),
        _ => Err(refusal::invalid_client_metadata(
            "A client with pairwise subjects has redirect URIs at one https host, or a sector_identifier_uri.",
        )),
    }
}

/// Whether the document of a sector lists all of these (OpenID Connect Dynamic Client Registration 1.0 section 5).
pub fn lists_all(document: &[u8], redirect_uris: &[RedirectUri]) -> bool {
    let listed: Vec<String> = serde_json::from_slice(document).unwrap_or_default();
    redirect_uris.iter().all(|uri| listed.iter().any(|listed| listed == uri.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{SubjectWish, lists_all, sector_of};
    use crate::model::redirect::RedirectUri;

    fn uris(texts: &[&str]) -> Vec<RedirectUri> {
        texts.iter().map(|text| RedirectUri::read(text).unwrap()).collect()
    }

    #[test]
    fn a_sector_is_one_host_on_the_web() {
        assert_eq!(sector_of(&uris(&["https://a.example/1", "https://a.example/2"])).unwrap(), "a.example");
        for none in [
            &["https://a.example/1", "https://b.example/1"][..],
            &["http://127.0.0.1/cb"],
            &["https://localhost/cb"],
            &["https://127.0.0.1/cb"],
            &["https://app.localhost/cb"],
            &["com.example.a:/cb"],
            &["https://a.example/1", "http://127.0.0.1/cb"],
            &[],
        ] {
            assert!(sector_of(&uris(none)).is_err(), "{none:?}");
        }
    }

    #[test]
    fn a_client_belongs_to_a_sector_that_lists_it() {
        let own = uris(&["https://a.example/1", "https://b.example/1"]);
        assert!(lists_all(br#"["https://b.example/1", "https://a.example/1", "x"]"#, &own));
        for document in [&br#"["https://a.example/1"]"#[..], b"[]", b"{}", b"junk"] {
            assert!(!lists_all(document, &own));
        }
    }

    #[test]
    fn only_known_kinds_of_names_are_wished_for() {
        assert_eq!(SubjectWish::read(None, Some("junk")).unwrap(), SubjectWish::Public);
        assert!(matches!(SubjectWish::read(Some("pairwise"), None), Ok(SubjectWish::Pairwise { sector: None })));
        assert!(SubjectWish::read(Some("pairwise"), Some("https://a.example/sector.json")).is_ok());
        for (kind, sector) in [("Public", None), ("pairwise", Some("http://a.example/s")), ("pairwise", Some("junk"))] {
            assert!(SubjectWish::read(Some(kind), sector).is_err(), "{kind}");
        }
    }
}
