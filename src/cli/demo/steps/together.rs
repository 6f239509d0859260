//! Two people, one organization: the agent acts for what its person chose, and only as long as they belong there.

use serde_json::{Value, json};

use super::consent::{allow, make_account, redeem};
use super::tokens::call_is_refused;
use super::work::{check_caller, tool_names};
use crate::cli::demo::browser::Page;
use crate::cli::demo::expect::{Broken, expect, expect_same, need};
use crate::cli::demo::scene::{COLLEAGUE, ORGANIZATION, Scene};

/// The tool of the stage that its settings keep for administrators.
const FOR_ADMINISTRATORS: &str = "add";

/// An organization, made on a page by the first person, who owns it.
pub async fn make_organization(scene: &mut Scene) -> Result<(), Broken> {
    let start =
        scene.agent.mcp_url.join("/organizations").map_err(|error| Broken::new("an address", error.to_string()))?;
    let list = scene.browser.open(&start).await?;
    let page = scene.browser.open(&list.link_to("/organizations/new")?).await?;
    let mut form = page.form_with("name")?;
    form.fill("name", ORGANIZATION)?;
    let answer = scene.browser.send(&page, &form).await?;
    let page = scene.browser.follow(&answer).await?;
    scene.notes.add("organization", ORGANIZATION);
    scene.notes.add("owner", scene.person.name);
    scene.notes.add("browser", format!("{}, then {}", form.action, page.path()));
    scene.organization = Some(page.address());
    Ok(())
}

/// An invitation by mail; whoever holds the letter proves with it that the address is theirs, makes an account and accepts.
pub async fn invite(scene: &mut Scene) -> Result<(), Broken> {
    let page = organization_page(scene).await?;
    let mut form = page.form_with("email")?;
    form.fill("email", COLLEAGUE.email)?;
    let answer = scene.browser.send(&page, &form).await?;
    scene.browser.follow(&answer).await?;
    scene.notes.add("invited", format!("{}, as member", COLLEAGUE.email));
    scene.hand_over_to_colleague();
    let letter = scene.browser.letter_link("/organizations/invitation").await?;
    let invitation = scene.browser.open(&letter).await?;
    let page = make_account(scene, &invitation.link_named("Create an account")?).await?;
    let mut form = page.form_with_button("decision", "accept")?;
    form.press("decision", "accept");
    let answer = scene.browser.send(&page, &form).await?;
    let page = scene.browser.follow(&answer).await?;
    scene.notes.add("accepted by", format!("{} <{}>", scene.person.name, scene.person.email));
    scene.notes.add("browser", page.path());
    Ok(())
}

/// A consent that names the organization; the token answer says so, too.
pub async fn choose(scene: &mut Scene) -> Result<(), Broken> {
    let request = scene.agent.begin_authorization(scene.scopes.join(" "))?.url.clone();
    let page = scene.browser.open(&request).await?;
    let mut form = page.form_with_button("decision", "allow")?;
    let offered: Vec<String> =
        form.options.iter().filter(|it| it.name == "organization").map(|it| it.value.clone()).collect();
    // "Only for you" is the other choice, and the one that is ticked when nobody thinks.
    let chosen = offered.iter().find(|value| *value != "none");
    let chosen = chosen.ok_or_else(|| Broken::new("an organization to choose", "none on the consent page"))?;
    form.tick("organization", chosen)?;
    scene.notes.add("choice", format!("only for {}, or for {ORGANIZATION}", scene.person.name));
    allow(scene, &page, form).await?;
    redeem(scene).await?;
    let bound = scene.agent.tokens()?.organization.as_deref().unwrap_or("nothing");
    scene.notes.add("bound to", bound);
    expect_same("organization of the tokens", bound, chosen)
}

/// A member's agent: `whoami` knows where it acts, and what is for administrators is not there.
pub async fn work_as_member(scene: &mut Scene) -> Result<(), Broken> {
    list_tools(scene, false).await?;
    check_role(scene, "member").await
}

/// The owner changes one word, and the same token finds another tool at its very next request.
pub async fn promote(scene: &mut Scene) -> Result<(), Broken> {
    let page = member_page(scene).await?;
    let mut form = page.form_with("role")?;
    form.tick("role", "admin")?;
    let owner = scene.owner()?;
    let answer = owner.send(&page, &form).await?;
    owner.follow(&answer).await?;
    scene.notes.add("now also", "admin, by word of the owner");
    list_tools(scene, true).await?;
    let params = json!({ "name": FOR_ADMINISTRATORS, "arguments": { "a": 2, "b": 3 } });
    let answer = scene.agent.call_modern("tools/call", params).await?;
    let sum = answer.result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or("nothing");
    scene.notes.add("2 and 3", sum);
    expect_same("the sum", sum, "5")?;
    check_role(scene, "admin").await
}

/// Whoever is removed is out: the same token is worth nothing at its very next request.
pub async fn remove(scene: &mut Scene) -> Result<(), Broken> {
    let page = member_page(scene).await?;
    let owner = scene.owner()?;
    let page = owner.open(&page.link_named("Remove")?).await?;
    let answer = owner.send(&page, &page.form_without_fields()?).await?;
    owner.follow(&answer).await?;
    scene.notes.add("removed", COLLEAGUE.email);
    call_is_refused(scene, "the next call").await
}

/// The page of the organization, as its owner sees it.
async fn organization_page(scene: &mut Scene) -> Result<Page, Broken> {
    let address = need(scene.organization.as_ref(), "an organization")?.clone();
    scene.owner.as_mut().unwrap_or(&mut scene.browser).open(&address).await
}

/// The page of the invited member, as the owner sees it.
async fn member_page(scene: &mut Scene) -> Result<Page, Broken> {
    let link = organization_page(scene).await?.link_named(COLLEAGUE.name)?;
    scene.owner()?.open(&link).await
}

async fn list_tools(scene: &mut Scene, sees_all: bool) -> Result<(), Broken> {
    let answer = scene.agent.call_modern("tools/list", json!({})).await?;
    let names = tool_names(&answer);
    let listed = names.join(", ");
    scene.notes.add("tools", listed.as_str());
    let expected = if sees_all { "a list with the tool add" } else { "a list without the tool add" };
    expect(names.contains(&FOR_ADMINISTRATORS) == sees_all, expected, || format!("the list [{listed}]"))
}

async fn check_role(scene: &mut Scene, role: &str) -> Result<(), Broken> {
    let params = json!({ "name": "whoami", "arguments": {} });
    let answer = scene.agent.call_modern("tools/call", params).await?;
    check_caller(&mut scene.notes, &answer, &scene.person, &scene.agent)?;
    let organization = answer.result.pointer("/structuredContent/organization").unwrap_or(&Value::Null);
    let roles: Vec<&str> =
        organization.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    scene.notes.add("role", roles.join(", "));
    expect(roles.contains(&role), &format!("the role {role} in whoami"), || organization.to_string())
}
