//! From the address of an endpoint to a client id.

use reqwest::StatusCode;
use url::Url;

use crate::cli::demo::agent::NAME;
use crate::cli::demo::documents::{Resource, Server};
use crate::cli::demo::expect::{Broken, expect, expect_same, need};
use crate::cli::demo::scene::Scene;
use crate::cli::demo::wire::Reply;

/// 401, and where to go on (RFC 9728 section 5.1).
pub async fn call_without_token(scene: &mut Scene) -> Result<(), Broken> {
    let reply = scene.agent.knock("tools/list", None).await?;
    let challenge = expect_challenge(&reply)?;
    scene.notes.add("answer", reply.status.to_string());
    scene.notes.add("challenge", challenge);
    // Who brings no token has made no mistake (RFC 6750 section 3.1).
    expect(parameter(challenge, "error").is_none(), "a challenge without an error code", || challenge.to_owned())?;
    let url = parameter(challenge, "resource_metadata").and_then(|url| Url::parse(url).ok());
    let url = url.ok_or_else(|| Broken::new("an address in resource_metadata", challenge))?;
    scene.scopes = parameter(challenge, "scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    scene.metadata_url = Some(url);
    Ok(())
}

/// Protected resource metadata (RFC 9728 section 3).
pub async fn resource_metadata(scene: &mut Scene) -> Result<(), Broken> {
    let url = need(scene.metadata_url.as_ref(), "the address of the metadata")?;
    let document: Resource = scene.agent.fetch(url).await?.json("protected resource metadata")?;
    scene.notes.add("address", url.path());
    scene.notes.add("resource", document.resource.as_str());
    // An agent that took any other resource could be sent to a server that collects tokens (RFC 9728 section 3.3).
    expect_same("resource", document.resource.as_str(), scene.agent.mcp_url.as_str())?;
    let issuer = document.authorization_servers.first();
    let issuer = issuer.ok_or_else(|| Broken::new("an authorization server", "an empty list"))?;
    scene.notes.add("guarded by", issuer.as_str());
    scene.issuer = Some(issuer.clone());
    if scene.scopes.is_empty() {
        scene.scopes = document.scopes_supported;
    }
    Ok(())
}

/// Authorization server metadata (RFC 8414 section 3).
pub async fn server_metadata(scene: &mut Scene) -> Result<(), Broken> {
    let issuer = need(scene.issuer.as_ref(), "an issuer")?;
    let url = metadata_of(issuer)?;
    let server: Server = scene.agent.fetch(&url).await?.json("authorization server metadata")?;
    scene.notes.add("address", url.path());
    let endpoints = [
        ("ask a person", &server.authorization_endpoint),
        ("get tokens", &server.token_endpoint),
        ("register", &server.registration_endpoint),
        ("revoke", &server.revocation_endpoint),
    ];
    for (label, endpoint) in endpoints {
        scene.notes.add(label, endpoint.path());
    }
    scene.notes.add("proof", server.code_challenge_methods_supported.join(" "));
    // To the letter: otherwise one server could speak for another (RFC 8414 section 3.3).
    expect_same("issuer", server.issuer.as_str(), issuer.as_str())?;
    let methods = &server.code_challenge_methods_supported;
    expect(methods.iter().any(|method| method == "S256"), "PKCE with S256", || methods.join(" "))?;
    let says_who = server.authorization_response_iss_parameter_supported;
    expect(says_who, "answers that say who they come from (RFC 9207)", || "no promise of it".to_owned())?;
    // An agent asks to stay connected where that is offered (MCP 2026-07-28, authorization, refresh tokens).
    scene.scopes.extend(server.scopes_supported.iter().find(|scope| *scope == "offline_access").cloned());
    scene.agent.server = Some(server);
    Ok(())
}

/// Dynamic client registration (RFC 7591 section 3).
pub async fn register(scene: &mut Scene) -> Result<(), Broken> {
    scene.agent.register().await?;
    scene.notes.add("name", NAME);
    scene.notes.add("client id", scene.agent.client_id()?);
    Ok(())
}

/// Demands status 401 and gives the challenge that must come with it (RFC 6750 section 3).
pub fn expect_challenge(reply: &Reply) -> Result<&str, Broken> {
    reply.expect_status(StatusCode::UNAUTHORIZED)?;
    let challenge = reply.header("www-authenticate");
    expect(challenge.starts_with("Bearer "), "a Bearer challenge in WWW-Authenticate", || challenge.to_owned())?;
    Ok(challenge)
}

/// A quoted parameter of a challenge (RFC 9110 section 11.2). The ones looked for hold no escapes.
pub fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let (_, mut rest) = challenge.split_once(' ')?;
    loop {
        let (key, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        if key.trim_start_matches([',', ' ']) == name {
            return Some(value);
        }
        rest = after;
    }
}

/// Where an issuer has its metadata: the well-known path goes in front of its own (RFC 8414 section 3.1).
fn metadata_of(issuer: &str) -> Result<Url, Broken> {
    let mut url = Url::parse(issuer).map_err(|error| Broken::new("an address as the issuer", error.to_string()))?;
    let own = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/.well-known/oauth-authorization-server{own}"));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{metadata_of, parameter};

    #[test]
    fn parameters_of_a_challenge_are_found_by_their_whole_name() {
        let challenge = r#"Bearer error="invalid_token", error_description="It = no, good", scope="a b", realm="x""#;
        assert_eq!(parameter(challenge, "error"), Some("invalid_token"));
        assert_eq!(parameter(challenge, "scope"), Some("a b"));
        assert_eq!(parameter(challenge, "description"), None);
        assert_eq!(parameter("Bearer", "scope"), None);
    }

    #[test]
    fn the_path_of_an_issuer_stays_behind_the_well_known_one() {
        let place = |issuer: &str| metadata_of(issuer).map(|url| url.path().to_owned());
        assert_eq!(place("https://h.example").as_deref(), Ok("/.well-known/oauth-authorization-server"));
        assert_eq!(place("https://h.example/t").as_deref(), Ok("/.well-known/oauth-authorization-server/t"));
    }
}
