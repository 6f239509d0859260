//! A tool behind a plan: the refusal with its link, the payment at a stand-in for Stripe, and the call that gets through.

use belgie_api::crypto::sha256;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::cli::demo::expect::{Broken, expect, expect_same, need, shorten};
use crate::cli::demo::scene::Scene;
use crate::cli::demo::till::{LABEL, TOLD};

/// The tool of the stage that its settings keep for a plan.
const BEHIND_A_PLAN: &str = "echo";
/// What it is to say.
const WORDS: &str = "worth every cent";
/// The button of the plan.
const CHOICE: (&str, &str) = ("choice", "pro.month");
const WEBHOOK: &str = "/auth/stripe/webhook";

/// A call without the plan: no error of the protocol, but a result a model can read, with the way out.
pub async fn call_without_plan(scene: &mut Scene) -> Result<(), Broken> {
    let (is_error, said) = call(scene).await?;
    expect(is_error, "a refusal", || said.to_string())?;
    let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or("none");
    expect_same("error", text("error"), "access.plan_too_small")?;
    let link = Url::parse(text("upgrade_url")).map_err(|error| Broken::new("a link", error.to_string()))?;
    scene.notes.add_secret("access token", &scene.agent.tokens()?.access_token);
    scene.notes.add("tool", BEHIND_A_PLAN);
    scene.notes.add("refused", text("error"));
    scene.notes.add("link", format!("{}, sealed for the person behind the call", link.path()));
    scene.upgrade = Some(link);
    Ok(())
}

/// The page behind the link, which asks for the person and sends the browser to where money is taken.
pub async fn choose(scene: &mut Scene) -> Result<(), Broken> {
    let link = need(scene.upgrade.as_ref(), "a link to a plan")?.clone();
    let page = scene.browser.open(&link).await?;
    let mut form = page.form_with_button(CHOICE.0, CHOICE.1)?;
    form.press(CHOICE.0, CHOICE.1);
    let pay = scene.browser.send(&page, &form).await?.redirect()?;
    scene.notes.add("plan", "Pro, by the month");
    scene.notes.add("sent to", pay.as_str());
    expect(pay.origin() != link.origin(), "a page of somebody else", || pay.origin().ascii_serialization())?;
    scene.pay = Some(pay);
    Ok(())
}

/// What anybody can send to the address for webhooks. It changes nothing.
pub async fn claim(scene: &mut Scene) -> Result<(), Broken> {
    let url = scene.agent.mcp_url.join(WEBHOOK).map_err(|error| Broken::new("an address", error.to_string()))?;
    let event = json!({ "id": "evt_test_forged", "object": "event", "type": "customer.subscription.created",
        "data": { "object": { "id": "sub_test_forged", "object": "subscription", "status": "active" } } });
    let guess = sha256(b"not the secret").iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let reply = scene
        .knock_as_stranger(|wire| {
            let request = wire.request(Method::POST, &url).header("content-type", "application/json");
            request.header("stripe-signature", format!("t=1,v1={guess}")).body(event.to_string())
        })
        .await?;
    scene.notes.add("signature", format!("t=1,v1={}", shorten(&guess)));
    scene.notes.add("answer", reply.status.to_string());
    reply.expect_status(StatusCode::BAD_REQUEST)?;
    let (is_error, _) = call(scene).await?;
    scene.notes.add("the call", "still refused");
    expect(is_error, "a refusal", || "the tool ran".to_owned())
}

/// The stand-in takes no money and says so; what it tells the gateway is signed, and was answered before the browser is back.
pub async fn pay(scene: &mut Scene) -> Result<(), Broken> {
    let url = need(scene.pay.as_ref(), "a page to pay on")?.clone();
    let mut browser = scene.browser_at(&url);
    let page = browser.open(&url).await?;
    page.expect_words(LABEL)?;
    let mut form = page.form_with_button("pay", "pretend")?;
    form.press("pay", "pretend");
    let answer = browser.send(&page, &form).await?;
    scene.notes.add("its page says", LABEL);
    scene.notes.add("webhooks", answer.header(TOLD));
    let told: Vec<&str> = answer.header(TOLD).split(", ").collect();
    let is_heard = told.len() == 2 && told.iter().all(|told| told.ends_with(" 200"));
    expect(is_heard, "two webhooks, each answered with 200", || answer.header(TOLD).to_owned())?;
    scene.landing = Some(answer.redirect()?);
    Ok(())
}

/// Nobody signs in anew: the very next call with the token that was refused runs.
pub async fn call_with_plan(scene: &mut Scene) -> Result<(), Broken> {
    let params = json!({ "name": BEHIND_A_PLAN, "arguments": { "text": WORDS } });
    let answer = scene.agent.call_modern("tools/call", params).await?;
    let said = answer.result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or("nothing").to_owned();
    scene.notes.add_secret("access token", &scene.agent.tokens()?.access_token);
    scene.notes.add("it says", said.as_str());
    expect_same("what the tool says", &said, WORDS)?;
    let landing = need(scene.landing.as_ref(), "a way back from the payment")?.clone();
    let answer = scene.browser.open(&landing).await?;
    let page = scene.browser.follow(&answer).await?;
    page.expect_words("has Pro")?;
    scene.notes.add("browser", format!("{}, where it says that the plan is there", page.path()));
    Ok(())
}

/// Calls the tool: whether it was refused, and what was said about that.
async fn call(scene: &Scene) -> Result<(bool, Value), Broken> {
    let params = json!({ "name": BEHIND_A_PLAN, "arguments": { "text": WORDS } });
    let answer = scene.agent.call_modern("tools/call", params).await?;
    let is_error = answer.result.get("isError").and_then(Value::as_bool).unwrap_or(false);
    Ok((is_error, answer.result.get("structuredContent").cloned().unwrap_or_default()))
}
