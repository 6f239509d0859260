//! Asks for prompts, resources and completions of a wrapped server, which stand under the operator's rules by organization,
//! role and team: with every kind of token, in both eras.

use std::collections::{BTreeMap, BTreeSet};

use belgie::Builder;
use belgie::rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams, Prompt, PromptMessage,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference, Resource, ResourceContents,
    ResourceTemplate, Role, ServerCapabilities, ServerConfig,
};
use belgie::rmcp::service::RequestContext;
use belgie::rmcp::{ErrorData, RoleServer, ServerHandler};
use belgie_api::access;
use belgie_api::tools::guard;
use futures::stream::{self, StreamExt};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::answer::Answer;
use super::doors::Names;
use super::programs::Credentials;
use super::run::{AT_ONCE, Findings, teams};
use super::table::{Outcome, Part, Row, rows};
use super::world::{COLORS, Standing, WORDS, World, has, in_team};
use crate::support::{LegacySession, Modern, rpc};

type Page = Option<PaginatedRequestParams>;
type Context = RequestContext<RoleServer>;

/// A server that has things of every organization and every team, and shows them to whoever asks: what is not there it calls
/// unknown in the words of the gateway.
struct House;

/// What it has of organizations, and of teams.
fn of_all(of_organizations: &[&str], of_teams: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for word in WORDS {
        all.extend(of_organizations.iter().map(|form| form.replace("{organization}", &format!("{word}-house"))));
        for color in COLORS {
            all.extend(of_teams.iter().map(|form| form.replace("{team}", &format!("{word}-{color}"))));
        }
    }
    all
}

fn prompts() -> Vec<String> {
    of_all(&["{organization}-plan", "{organization}-ledger"], &["{team}-rota"])
}

fn resources() -> Vec<String> {
    of_all(&["notes://{organization}/plan", "notes://{organization}/ledger"], &["notes://{team}/rota"])
}

fn templates() -> Vec<String> {
    of_all(&["notes://{organization}/pages/{page}"], &["notes://{team}/pages/{page}"])
}

/// Says whose it is, in a word that does not stand in the answer otherwise.
fn content(name: &str) -> String {
    format!("kept by the {}s", WORDS.into_iter().find(|word| has(name, word)).unwrap_or("nobody"))
}

impl ServerHandler for House {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_prompts().enable_completions().enable_resources();
        ServerConfig::new(capabilities.build())
    }

    async fn list_prompts(&self, _: Page, _: Context) -> Result<ListPromptsResult, ErrorData> {
        let items = prompts().into_iter().map(|name| Prompt::new(name, None::<String>, None));
        Ok(ListPromptsResult::with_all_items(items.collect()))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: Context) -> Result<GetPromptResponse, ErrorData> {
        let name = request.name;
        if !prompts().contains(&name) {
            return Err(ErrorData::invalid_params(format!("Unknown prompt: {name}"), None));
        }
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, content(&name))]).into())
    }

    async fn list_resources(&self, _: Page, _: Context) -> Result<ListResourcesResult, ErrorData> {
        let items = resources().into_iter().map(|uri| Resource::new(uri, "notes"));
        Ok(ListResourcesResult::with_all_items(items.collect()))
    }

    async fn list_resource_templates(&self, _: Page, _: Context) -> Result<ListResourceTemplatesResult, ErrorData> {
        let items = templates().into_iter().map(|uri| ResourceTemplate::new(uri, "pages"));
        Ok(ListResourceTemplatesResult::with_all_items(items.collect()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let is_page = templates().iter().any(|template| template.replace("{page}", "1") == uri);
        if !is_page && !resources().contains(&uri) {
            let data = Some(json!({ "uri": uri }));
            return Err(ErrorData::resource_not_found(format!("Resource not found: {uri}"), data));
        }
        Ok(ReadResourceResult::new(vec![ResourceContents::text(content(&uri), uri)]).into())
    }

    async fn complete(&self, request: CompleteRequestParams, _: Context) -> Result<CompleteResult, ErrorData> {
        let (known, name) = match request.r#ref {
            Reference::Prompt(prompt) => (prompts(), prompt.name),
            Reference::Resource(resource) => (templates(), resource.uri),
            _ => (Vec::new(), String::new()),
        };
        if !known.contains(&name) {
            return Err(ErrorData::invalid_params("Unknown reference", None));
        }
        Ok(CompleteResult::new(CompletionInfo::new(vec![content(&name)]).expect("one value")))
    }
}

/// Puts the server behind the gateway.
pub fn server(builder: Builder) -> Builder {
    builder.guarded(guard("house", access(), House))
}

/// Whose its things are: the operator's file.
pub fn rules() -> String {
    let mut rules = Vec::new();
    for word in WORDS {
        let house = format!("{word}-house");
        rules.push(format!(
            "[[access]]\ntools = ['{house}-plan', 'notes://{house}/plan', 'notes://{house}/pages/*']\n\
             organizations = ['{house}']\n\
             [[access]]\ntools = ['{house}-ledger', 'notes://{house}/ledger']\n\
             organizations = ['{house}']\nroles = ['owner', 'admin']\n"
        ));
        for team in COLORS.map(|color| format!("{word}-{color}")) {
            rules.push(format!("[[access]]\ntools = ['{team}-rota', 'notes://{team}/*']\nteams = ['{team}']\n"));
        }
    }
    rules.concat()
}

/// Whoever asks.
#[derive(Clone, Copy)]
enum Who {
    /// Somebody of the organization the token is for.
    Member(Standing),
    /// The same in every cell.
    Always(&'static str),
    /// The same in the organization the token is for.
    There(&'static str),
}

/// Somebody with a token, and the session of the older era they ask in.
struct Asker<'a> {
    name: String,
    who: Who,
    url: String,
    token: Option<&'a str>,
    /// The place of the organization the token is for.
    place: usize,
    /// Whether they ask about other organizations, too.
    is_main: bool,
    session: Option<LegacySession>,
}

impl Asker<'_> {
    fn column(&self, row: &Row, place: usize, team: usize) -> &'static str {
        match self.who {
            Who::Always(column) => column,
            _ if place != self.place => "outside",
            Who::Member(standing) => in_team(standing, row.is_of_team().then_some(team)),
            // An agent for which the first team was chosen: what is asked in this column is about another.
            Who::There("chosen") if row.is_of_team() && team == 0 => "lead",
            Who::There(column) => column,
        }
    }

    /// Which organizations may be spoken of.
    fn allowed(&self) -> BTreeSet<usize> {
        match self.who {
            Who::Always(_) => BTreeSet::new(),
            _ => [self.place].into(),
        }
    }

    /// What an answer told, without the organization in the address that was asked.
    fn told(&self, answer: &Answer, names: &Names, sent: &[&'static str]) -> String {
        let told = answer.told(names, sent);
        let home = self.url.split_once("/o/").and_then(|(_, path)| path.split('/').next());
        home.map_or(told.clone(), |home| told.replace(home, "<home>"))
    }

    async fn send(&self, client: &Client, method: &str, params: Value) -> Answer {
        let request = match &self.session {
            Some(session) => session.post(&rpc(method, params)),
            None => {
                let uri = params["uri"].as_str().map(str::to_owned);
                let request = Modern { client, url: &self.url, token: self.token }.request(method, params);
                // Headers name what is asked for (MCP 2026-07-28, transports).
                uri.iter().fold(request, |request, uri| request.header("mcp-name", uri))
            }
        };
        Answer::read(request.send().await.expect("the gateway answers")).await
    }
}

/// What is asked at a door with these names.
fn ask(door: &str, names: &Names) -> (String, Value) {
    let (method, template) = door.split_once(' ').expect("a method and a name");
    let name = [("{organization}", "organization"), ("{team}", "team")]
        .into_iter()
        .filter(|(place, _)| template.contains(place))
        .fold(template.to_owned(), |name, (place, value)| name.replace(place, names.of(value)));
    let params = match method {
        "prompts/get" => json!({ "name": name }),
        "resources/read" => json!({ "uri": name }),
        _ if name.starts_with("notes://") => {
            json!({ "ref": { "type": "ref/resource", "uri": name }, "argument": { "name": "page", "value": "" } })
        }
        _ => json!({ "ref": { "type": "ref/prompt", "name": name }, "argument": { "name": "page", "value": "" } }),
    };
    (method.to_owned(), params)
}

/// Everybody.
async fn askers<'a>(world: &'a World, all: &'a Credentials<'_>) -> Vec<Asker<'a>> {
    let shared = world.gateway.mcp_url();
    let mut askers = Vec::new();
    for own in &all.own {
        askers.push(Asker {
            name: format!("{} with a token of kind {} for {}", own.person.email, own.kind, WORDS[own.place]),
            who: Who::Member(own.standing()),
            url: own.url.clone(),
            token: Some(&own.token),
            place: own.place,
            is_main: own.kind == "shared endpoint",
            session: None,
        });
    }
    for (place, of) in world.places.iter().enumerate() {
        let home =
            |place: usize| world.gateway.at(&format!("/o/{}/mcp", world.places[place].names[0].of("organization")));
        let mut add = |who: Who, column: &str, url: &str, token: Option<&'a str>| {
            let name = format!("{column} of {} at {url}", WORDS[place]);
            let (url, is_main) = (url.to_owned(), url == shared);
            askers.push(Asker { name, who, url, token, place, is_main, session: None });
        };
        for url in [&shared, &home(place)] {
            add(Who::There("service"), "service", url, Some(&of.service));
            add(Who::Always("nobody"), "nobody", url, None);
        }
        add(Who::There("narrow"), "narrow", &shared, Some(&all.narrow[place]));
        add(Who::There("chosen"), "chosen", &shared, Some(&all.chosen[place]));
        add(Who::Always("alone"), "alone", &shared, Some(&all.alone[place]));
        let mine = all.own.iter().filter(|own| own.place == place).map(|own| own.token.as_str());
        for token in mine.chain([of.service.as_str()]) {
            add(Who::Always("astray"), "astray", &home((place + 1) % WORDS.len()), Some(token));
        }
    }
    // What opens a session asks in one as well.
    let mut in_sessions = Vec::new();
    for asker in askers.iter().filter(|asker| asker.is_main) {
        let Some(token) = asker.token else { continue };
        let session = LegacySession::open(&all.client, &asker.url, token).await;
        let (name, url) = (format!("{}, in a session", asker.name), asker.url.clone());
        in_sessions.push(Asker { name, url, session: Some(session), ..*asker });
    }
    askers.extend(in_sessions);
    askers
}

/// Every door with one token.
async fn ask_as(world: &World, all: &Credentials<'_>, table: &[Row], asker: &Asker<'_>) -> Findings {
    let (mut findings, allowed) = (Findings::default(), asker.allowed());
    let places = (0..WORDS.len()).filter(|place| asker.is_main || *place == asker.place);
    for (row, place) in places.flat_map(|place| table.iter().map(move |row| (row, place))) {
        let sent = [if row.is_of_team() { "team" } else { "organization" }];
        let at_own: &[&'static str] = if asker.url.contains("/o/") { &["organization"] } else { &[] };
        let sent: Vec<&'static str> = sent.iter().chain(at_own).copied().collect();
        let (method, params) = ask(row.door, &world.nowhere);
        let of_nothing = asker.send(&all.client, &method, params).await;
        for team in teams(row) {
            let names = &world.places[place].names[team];
            let (method, params) = ask(row.door, names);
            let answer = asker.send(&all.client, &method, params).await;
            let expected = row.expected(asker.column(row, place, team));
            let told = asker.told(&answer, names, &sent);
            let is_same = match asker.session {
                // In a session answers are numbered.
                Some(_) => answer.message(names, &sent) == of_nothing.message(&world.nowhere, &sent),
                None => answer.comparable(names, &sent) == of_nothing.comparable(&world.nowhere, &sent),
            };
            let found = match answer.status {
                StatusCode::UNAUTHORIZED => Outcome::SignIn,
                _ if answer.has_result() => Outcome::Done,
                _ if is_same => Outcome::Hidden,
                _ => Outcome::Odd,
            };
            findings.cells += 1;
            let at = format!("{} by {} about {}", row.door, asker.name, names.of(sent[0]));
            if found != expected {
                let (body, nothing) = (&answer.body, &of_nothing.body);
                findings
                    .problems
                    .push(format!("{at}: expected {expected}, found {found}: {body}\n  and for nothing: {nothing}"));
            }
            if found == Outcome::Done && !has(&told, WORDS[place]) {
                findings.problems.push(format!("{at}: no word says whose it is: {told}"));
            }
            if let Some(leak) = world.leak(&told, &allowed) {
                findings.problems.push(format!("{at}: leaks {leak}: {}", answer.body));
            }
        }
    }
    findings.with(list_as(world, all, table, asker).await)
}

/// What is listed is what can be had, and nothing else.
async fn list_as(world: &World, all: &Credentials<'_>, table: &[Row], asker: &Asker<'_>) -> Findings {
    let mut findings = Findings::default();
    let of_template = |door: &str| door.contains("{page}");
    let lists: [(&str, &str, &str, &dyn Fn(&str) -> bool); 3] = [
        ("prompts/list", "prompts", "name", &|door| door.starts_with("prompts/get ")),
        ("resources/list", "resources", "uri", &|door| {
            door.starts_with("resources/read ") && !door.ends_with("/pages/1")
        }),
        ("resources/templates/list", "resourceTemplates", "uriTemplate", &of_template),
    ];
    for (method, list, key, is_of_list) in lists {
        let mut expected = BTreeSet::new();
        for row in table.iter().filter(|row| is_of_list(row.door)) {
            for (place, team) in (0..WORDS.len()).flat_map(|place| teams(row).map(move |team| (place, team))) {
                if row.expected(asker.column(row, place, team)) == Outcome::Done {
                    let (_, params) = ask(row.door, &world.places[place].names[team]);
                    let named = [&params["name"], &params["uri"], &params["ref"]["uri"]];
                    expected.extend(named.into_iter().find_map(Value::as_str).map(str::to_owned));
                }
            }
        }
        let answer = asker.send(&all.client, method, json!({})).await;
        let items = answer.json()["result"][list].as_array().cloned().unwrap_or_default();
        let found: BTreeSet<String> = items.iter().filter_map(|item| item[key].as_str()).map(str::to_owned).collect();
        findings.cells += 1;
        if found != expected {
            let wrong: Vec<_> = found.symmetric_difference(&expected).collect();
            findings
                .problems
                .push(format!("{method} by {}: listed against the table, or not listed: {wrong:?}", asker.name));
        }
        if let Some(leak) = world.leak(&asker.told(&answer, &Names(BTreeMap::new()), &[]), &asker.allowed()) {
            findings.problems.push(format!("{method} by {} leaks {leak}", asker.name));
        }
    }
    findings
}

/// Every prompt, resource, template and completion, with every token.
pub async fn ask_all(world: &World, all: &Credentials<'_>) -> Findings {
    let table = rows(Part::Wrapped);
    let askers = askers(world, all).await;
    let asked = stream::iter(&askers).map(|asker| ask_as(world, all, &table, asker)).buffer_unordered(AT_ONCE);
    asked.fold(Findings::default(), async |all, found| all.with(found)).await
}
