//! `token create`, `token list`, `token revoke`: personal access tokens, and those of services.

use std::collections::BTreeSet;
use std::time::Duration;

use belgie_api::clap::{Arg, ArgMatches, Command, value_parser};
use belgie_api::command::Output;
use belgie_api::context::UserContext;
use belgie_api::ports::Catalog;
use belgie_api::resource::slug_in;
use belgie_api::{Failure, GrantBinding, Result, ServiceId, TokenId, UserId};
use serde::Serialize;
use serde_json::json;

use super::{lines, service};
use crate::model::grant::LiveToken;
use crate::model::scopes::read_scopes;
use crate::service::{NewPersonalToken, OAuth};

const YEAR_SECONDS: u64 = 365 * 24 * 3600;

/// The noun and its verbs.
pub fn command() -> Command {
    let email = |instead: &'static str| {
        let email = Arg::new("email").long("email").value_name("EMAIL").help("Whose token it is");
        email.required_unless_present(instead).conflicts_with(instead)
    };
    let organization = || Arg::new("org").long("org").value_name("SLUG");
    let create = Command::new("create")
        .about("Makes a token for a person's scripts, or for a service of an organization, and shows it once")
        .arg(email("service"))
        .arg(
            Arg::new("scope")
                .long("scope")
                .required(true)
                .value_name("SCOPES")
                .help("What it may do, separated by spaces"),
        )
        .arg(
            Arg::new("ttl")
                .long("ttl")
                .required(true)
                .value_name("SECONDS")
                .value_parser(value_parser!(u64).range(1..=YEAR_SECONDS))
                .help("How long it lasts, up to a year"),
        )
        .arg(Arg::new("resource").long("resource").value_name("URI").help(
            "Where it may be used, such as /mcp or /o/{slug}/mcp, or the whole address; the MCP endpoint unless given",
        ))
        .arg(organization().help("The organization it acts for; the person must be in it. Without it the person alone"))
        .arg(
            Arg::new("service")
                .long("service")
                .value_name("NAME")
                .requires("org")
                .conflicts_with_all(["name", "resource"])
                .help("Makes a token of the organization itself, with no person behind it, and calls it this"),
        )
        .arg(
            Arg::new("role")
                .long("role")
                .value_name("ROLES")
                .requires("service")
                .default_value("member")
                .help("What the service is in the organization, with commas between several"),
        )
        .arg(Arg::new("name").long("name").value_name("NAME").help("What to call it on the account page"));
    let revoke = Command::new("revoke")
        .about("Ends a token")
        .arg(Arg::new("id").required(true).value_name("TOKEN_ID").help("As `token list` shows it"));
    Command::new("token")
        .about("Tokens for a person's own scripts, and for services of organizations")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            create,
            Command::new("list")
                .about("Lists the tokens of a person, or of the services of an organization, newest first")
                .arg(email("org"))
                .arg(organization().help("Whose services")),
            revoke,
        ])
}

/// Runs a verb.
pub async fn run(oauth: OAuth, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("create", matches)) => create(&oauth, matches).await,
        Some(("list", matches)) => list(&oauth, matches).await,
        Some(("revoke", matches)) => revoke(&oauth, matches).await,
        _ => Err(Failure::bad_request("command.unknown", "Say create, list or revoke.")),
    }
}

async fn create(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    if let Some(name) = matches.get_one::<String>("service") {
        return service::create(oauth, matches, name).await;
    }
    let (user, catalog) = (find_user(oauth, matches).await?, oauth.host().catalog()?);
    let resource = read_resource(oauth, matches.get_one::<String>("resource").map(String::as_str), catalog)?;
    let scopes = read_scopes(text(matches, "scope"), &oauth.offered_at(std::slice::from_ref(&resource))?)?;
    if scopes.within_account(&user.scopes) != scopes {
        return Err(Failure::bad_request(
            "token.scope_not_held",
            "The account does not hold one of these scopes itself.",
        ));
    }
    let ttl = Duration::from_secs(matches.get_one::<u64>("ttl").copied().unwrap_or_default());
    let name = text(matches, "name").to_owned();
    let asked = matches.get_one::<String>("org").map(String::as_str);
    let binding = read_binding(oauth, user.id, asked, &resource).await?;
    let new = NewPersonalToken { user: user.id, name, scopes, resource, binding, ttl };
    let (secret, token) = oauth.create_personal(new).await?;
    let mut json = token.describe();
    if let Some(members) = json.as_object_mut() {
        members.insert("token".to_owned(), secret.expose().into());
    }
    let text = format!(
        "{}\n\nThis is the token of {}; it is shown this once. Id {}, scopes {}, good at {} until {}.",
        secret.expose(),
        user.email,
        token.id,
        token.scopes,
        token.resources.join(", "),
        token.expires_at,
    );
    Ok(Output::new(text, json))
}

async fn list(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    if matches.get_one::<String>("org").is_some() {
        return service::list(oauth, matches).await;
    }
    let user = find_user(oauth, matches).await?;
    let tokens = oauth.list_personal(user.id).await?;
    let line = |token: &LiveToken| {
        let last_use = token.last_used_at.map_or_else(|| "never used".to_owned(), |last| format!("last used {last}"));
        format!("{}  {}  {}  until {}  {last_use}", token.id, token.client_name, token.scopes, token.expires_at)
    };
    let text = if tokens.is_empty() { "No token is in force.".to_owned() } else { lines(tokens.iter().map(line)) };
    Ok(Output::new(text, json!({ "tokens": tokens.iter().map(LiveToken::describe).collect::<Vec<_>>() })))
}

async fn revoke(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let unknown = || {
        Failure::not_found("token.unknown", "There is no token of this id.").hint("`belgie token list` shows the ids.")
    };
    if let Ok(service) = text(matches, "id").parse::<ServiceId>() {
        let is_over = service::services(oauth)?.0.revoke(service).await?;
        return if is_over { Ok(over(&service)) } else { Err(unknown()) };
    }
    let id: TokenId = text(matches, "id").parse().map_err(|_| unknown())?;
    if !oauth.revoke_personal(id).await? {
        return Err(unknown());
    }
    Ok(over(&id))
}

fn over(id: &(impl std::fmt::Display + Serialize)) -> Output {
    Output::new(format!("{id} is over."), json!({ "id": id, "revoked": true }))
}

async fn find_user(oauth: &OAuth, matches: &ArgMatches) -> Result<UserContext> {
    oauth.host().accounts().find_by_email(text(matches, "email")).await?.ok_or_else(|| {
        Failure::not_found("token.no_such_user", "Nobody signs in with this address.")
            .hint("`belgie user list` shows who does.")
    })
}

fn read_resource(oauth: &OAuth, asked: Option<&str>, catalog: &Catalog) -> Result<String> {
    let absolute = asked.filter(|text| text.starts_with('/')).map(|path| oauth.host().urls().absolute(path));
    let found = match absolute.as_deref().or(asked) {
        None => catalog.resources.first().cloned(),
        Some(text) => oauth.find_resources(std::iter::once(text))?.and_then(|found| found.into_iter().next()),
    };
    found.ok_or_else(|| {
        Failure::bad_request("token.unknown_resource", "This resource does not exist here.")
            .hint(format!("Known here: {}.", catalog.resources.join(", ")))
    })
}

/// The organization that was asked for, or the one whose endpoint the resource is.
async fn read_binding(oauth: &OAuth, user: UserId, asked: Option<&str>, resource: &str) -> Result<GrantBinding> {
    let of_resource = slug_in(resource);
    let Some(slug) = asked.or(of_resource) else { return Ok(GrantBinding::default()) };
    if of_resource.is_some_and(|other| other != slug) {
        return Err(Failure::bad_request("token.wrong_organization", "The resource is of another organization."));
    }
    let own = oauth.list_organizations(user).await?;
    let found = own.iter().find(|organization| organization.slug == slug).ok_or_else(|| {
        let slugs = own.iter().map(|organization| organization.slug.as_str()).collect::<Vec<_>>().join(", ");
        Failure::bad_request("token.not_a_member", format!("The person is in no organization `{slug}`."))
            .hint(if own.is_empty() { "They are in none.".to_owned() } else { format!("They are in: {slugs}.") })
    })?;
    let bound = oauth.bind_to(user, found.id, BTreeSet::new()).await?;
    bound.ok_or_else(|| Failure::bad_request("token.not_a_member", "The person has just left the organization."))
}

pub(super) fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map(String::as_str).unwrap_or_default()
}
