//! The life of tokens after the first: renewed, stolen, handed back.

use reqwest::StatusCode;
use serde_json::Value;

use super::consent::note_tokens;
use super::discovery::{expect_challenge, parameter};
use crate::cli::demo::expect::{Broken, expect_same, need};
use crate::cli::demo::scene::Scene;

/// A refresh token is good for one use and brings the next (OAuth 2.1 section 4.3.1).
pub async fn refresh(scene: &mut Scene) -> Result<(), Broken> {
    scene.notes.add_secret("hands in", &scene.agent.tokens()?.refresh_token);
    note_tokens(&mut scene.notes, scene.agent.refresh().await?);
    call_works(scene).await
}

/// The same with its successor, so that the thief of the next step comes late.
pub async fn refresh_again(scene: &mut Scene) -> Result<(), Broken> {
    refresh(scene).await
}

/// A refresh token that comes a second time is in two hands: it is refused, and so is everything that came of it.
pub async fn reuse(scene: &mut Scene) -> Result<(), Broken> {
    let stolen = need(scene.first_refresh_token.as_ref(), "a first refresh token")?;
    let reply = scene.agent.present_refresh_token(stolen).await?;
    scene.notes.add_secret("presented", stolen);
    reply.expect_status(StatusCode::BAD_REQUEST)?;
    let body: Value = reply.json("an error in JSON")?;
    let code = body.get("error").and_then(Value::as_str).unwrap_or("none");
    scene.notes.add("answer", format!("{}, {code}", reply.status));
    expect_same("error", code, "invalid_grant")?;
    let newest = scene.agent.tokens()?.clone();
    let reply = scene.agent.present_refresh_token(&newest.refresh_token).await?;
    scene.notes.add("newest refresh", reply.status.to_string());
    reply.expect_status(StatusCode::BAD_REQUEST)?;
    call_is_refused(scene, "newest access").await
}

/// The refresh token stands for the whole connection, so all of it ends (RFC 7009 section 2.1).
pub async fn revoke(scene: &mut Scene) -> Result<(), Broken> {
    let tokens = scene.agent.tokens()?;
    scene.agent.revoke(&tokens.refresh_token).await?;
    scene.notes.add_secret("refresh token", &tokens.refresh_token);
    scene.notes.add("answer", StatusCode::OK.to_string());
    scene.notes.add("ends", "the whole connection, with its access token");
    Ok(())
}

/// The access token of the connection is dead at once, not only when it would have expired.
pub async fn call_after_revocation(scene: &mut Scene) -> Result<(), Broken> {
    scene.notes.add_secret("access token", &scene.agent.tokens()?.access_token);
    call_is_refused(scene, "answer").await
}

async fn call_works(scene: &mut Scene) -> Result<(), Broken> {
    let reply = scene.agent.knock("tools/list", Some(&scene.agent.tokens()?.access_token)).await?;
    scene.notes.add("call with it", reply.status.to_string());
    reply.expect_status(StatusCode::OK)
}

/// Demands that the token in use opens nothing any more.
pub async fn call_is_refused(scene: &mut Scene, label: &'static str) -> Result<(), Broken> {
    let reply = scene.agent.knock("tools/list", Some(&scene.agent.tokens()?.access_token)).await?;
    let error = parameter(expect_challenge(&reply)?, "error").unwrap_or("none");
    scene.notes.add(label, format!("{}, {error}", reply.status));
    expect_same("error of the challenge", error, "invalid_token")
}
