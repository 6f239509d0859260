//! What happens in the browser, from the first redirect to the code, and the code's way to tokens.

use belgie_api::crypto::constant_time_eq;
use url::Url;

use crate::cli::demo::agent::{Agent, CALLBACK};
use crate::cli::demo::browser::Page;
use crate::cli::demo::documents::Tokens;
use crate::cli::demo::expect::{Broken, expect, expect_same, need};
use crate::cli::demo::html::Form;
use crate::cli::demo::report::Notes;
use crate::cli::demo::scene::Scene;

/// The authorization request of a stranger: the gateway wants to know who it talks to first.
pub async fn authorize(scene: &mut Scene) -> Result<(), Broken> {
    open_request(scene).await?;
    let request = need(scene.agent.request.as_ref(), "an authorization request")?;
    scene.notes.add_secret("state", &request.state);
    scene.notes.add("PKCE", "S256; the secret behind it stays with the agent");
    scene.notes.add("resource", scene.agent.mcp_url.as_str());
    scene.notes.add("scope", or_none(&request.scope));
    scene.notes.add("browser", format!("/authorize, then {}", scene.page()?.path()));
    Ok(())
}

/// The sign-up form, and back to the request it interrupted.
pub async fn sign_up(scene: &mut Scene) -> Result<(), Broken> {
    let link = scene.page()?.link_to("/auth/signup")?;
    let page = make_account(scene, &link).await?;
    scene.page = Some(page);
    Ok(())
}

/// Makes an account with the form behind this link and the letter that follows, and gives the page it leads back to.
pub async fn make_account(scene: &mut Scene, link: &Url) -> Result<Page, Broken> {
    let page = scene.browser.open(link).await?;
    let mut form = page.form_with("name")?;
    form.fill("name", scene.person.name)?;
    form.fill("email", scene.person.email)?;
    form.fill("password", &scene.person.password)?;
    scene.browser.send(&page, &form).await?;
    scene.notes.add("account", format!("{} <{}>", scene.person.name, scene.person.email));
    scene.notes.add("form", format!("{}, with its forgery token", form.action));
    let letter = scene.browser.letter_link("/auth/signup/finish").await?;
    scene.notes.add("letter", "in the outbox, with a link that works once");
    let page = scene.browser.open(&letter).await?;
    let answer = scene.browser.send(&page, &page.form_with("token")?).await?;
    let page = scene.browser.follow(&answer).await?;
    scene.notes.add("browser", format!("{}, now signed in", page.path()));
    Ok(page)
}

/// The consent page, answered as it stands.
pub async fn consent(scene: &mut Scene) -> Result<(), Broken> {
    let page = scene.page()?;
    let form = page.form_with_button("decision", "allow")?;
    allow(scene, &page, form).await
}

/// Presses "Allow" in the form of a consent page; the answer goes to the agent.
pub async fn allow(scene: &mut Scene, page: &Page, mut form: Form) -> Result<(), Broken> {
    form.press("decision", "allow");
    let answer = scene.browser.send(page, &form).await?;
    // The browser would open this address now, and the agent would listen there.
    let code = read_answer(&answer.redirect()?, &scene.agent)?;
    scene.notes.add("sent to", CALLBACK);
    scene.notes.add_secret("code", &code);
    scene.notes.add("state", "the one the agent sent");
    scene.notes.add("iss", scene.agent.server()?.issuer.as_str());
    scene.code = Some(code);
    Ok(())
}

/// The code, with the secret behind PKCE, for tokens.
pub async fn redeem(scene: &mut Scene) -> Result<(), Broken> {
    let code = need(scene.code.take().as_ref(), "a code")?.clone();
    let tokens = scene.agent.redeem(&code).await?;
    note_tokens(&mut scene.notes, tokens);
    scene.first_refresh_token = Some(tokens.refresh_token.clone());
    Ok(())
}

/// The whole way once more, for a person who has an account.
pub async fn sign_in_again(scene: &mut Scene) -> Result<(), Broken> {
    scene.take_another_browser();
    open_request(scene).await?;
    let page = scene.page()?;
    let mut form = page.form_with("password")?;
    form.fill("email", scene.person.email)?;
    form.fill("password", &scene.person.password)?;
    let answer = scene.browser.send(&page, &form).await?;
    let page = scene.browser.follow(&answer).await?;
    scene.notes.add("browser", format!("{}, then {}", form.action, page.path()));
    scene.page = Some(page);
    consent(scene).await?;
    redeem(scene).await?;
    let answer = scene.agent.knock("tools/list", Some(&scene.agent.tokens()?.access_token)).await?;
    scene.notes.add("first call", answer.status.to_string());
    expect(answer.status.is_success(), "a token that opens the endpoint", || answer.describe())
}

/// Opens a new authorization request in the browser and follows it to the sign-in page.
async fn open_request(scene: &mut Scene) -> Result<(), Broken> {
    let request = scene.agent.begin_authorization(scene.scopes.join(" "))?;
    let answer = scene.browser.open(&request.url).await?;
    let page = scene.browser.follow(&answer).await?;
    page.form_with("password")?;
    scene.page = Some(page);
    Ok(())
}

/// Reads an authorization response (OAuth 2.1 section 4.1.2) as carefully as an agent must: it is the answer to this
/// request (`state`), and it comes from this server (RFC 9207 section 2.4).
fn read_answer(location: &Url, agent: &Agent) -> Result<String, Broken> {
    let mut target = location.clone();
    target.set_query(None);
    expect_same("the address of the answer", target.as_str(), CALLBACK)?;
    let all = |name: &str| -> Vec<String> {
        let pairs = location.query_pairs().filter(|(known, _)| known == name);
        pairs.map(|(_, value)| value.into_owned()).collect()
    };
    let one = |name: &str| -> Result<String, Broken> {
        let values = all(name);
        let count = values.len();
        let [value] = <[String; 1]>::try_from(values)
            .map_err(|_| Broken::new(format!("one `{name}` in the answer"), format!("{count} of them")))?;
        Ok(value)
    };
    if let Some(error) = all("error").first() {
        return Err(Broken::new("a code", format!("error {error}: {}", all("error_description").join(" "))));
    }
    expect_same("iss", one("iss")?.as_str(), agent.server()?.issuer.as_str())?;
    let sent = &need(agent.request.as_ref(), "an authorization request")?.state;
    let is_ours = constant_time_eq(one("state")?.as_bytes(), sent.as_bytes());
    expect(is_ours, "the state the agent sent", || "another one".to_owned())?;
    one("code")
}

/// Notes a pair of tokens as far as people may see it.
pub fn note_tokens(notes: &mut Notes, tokens: &Tokens) {
    notes.add_secret("access token", &tokens.access_token);
    notes.add("lasts", format!("{} s", tokens.expires_in));
    notes.add_secret("refresh token", &tokens.refresh_token);
    notes.add("scope", or_none(&tokens.scope));
}

fn or_none(scope: &str) -> &str {
    if scope.is_empty() { "none by name" } else { scope }
}
