//! `client create`, `client list`, `client revoke`.

use belgie_api::clap::{Arg, ArgAction, ArgMatches, Command};
use belgie_api::command::Output;
use belgie_api::{ClientId, Failure, Result, ScopeSet, ServiceId};
use serde_json::{Value, json};

use super::lines;
use super::token::text;
use crate::model::client::{CLIENT_CREDENTIALS, RegisteredClient, presentable_name};
use crate::model::key::KeyAlgorithm;
use crate::model::redirect::{RedirectKind, kind_of};
use crate::model::refusal;
use crate::model::registration::{ApplicationType, AuthMethod, Registration, read_redirects};
use crate::model::scopes::read_scopes;
use crate::service::{ActsAs, NewClient, OAuth, Standing};

/// The noun and its verbs.
pub fn command() -> Command {
    let create = Command::new("create")
        .about("Adds a client; its secret, if it has one, is shown once")
        .arg(
            Arg::new("name")
                .long("name")
                .required(true)
                .value_name("NAME")
                .help("What people read on the consent page"),
        )
        .arg(
            Arg::new("redirect-uri")
                .long("redirect-uri")
                .required_unless_present_any(["machine", "resource-server"])
                .conflicts_with("machine")
                .action(ArgAction::Append)
                .value_name("URI")
                .help("Where answers may be sent; repeat it for several"),
        )
        .arg(
            Arg::new("confidential")
                .long("confidential")
                .action(ArgAction::SetTrue)
                .help("Gives the client a secret; for clients that run on a server"),
        )
        .arg(
            Arg::new("machine")
                .long("machine")
                .action(ArgAction::SetTrue)
                .requires("scope")
                .help("It acts with no person behind it (client_credentials); it has a secret"),
        )
        .arg(
            Arg::new("scope")
                .long("scope")
                .value_name("SCOPES")
                .help("The most a machine may have, or what others get when they ask for none"),
        )
        .arg(
            Arg::new("org")
                .long("org")
                .requires("service")
                .requires("machine")
                .value_name("ORGANIZATION")
                .help("The organization the machine acts for"),
        )
        .arg(
            Arg::new("service")
                .long("service")
                .requires("org")
                .value_name("SERVICE_ID")
                .help("Which of its services the machine acts as, with its roles and as long as it lasts"),
        )
        .arg(
            Arg::new("resource-server")
                .long("resource-server")
                .action(ArgAction::Append)
                .value_name("RESOURCE")
                .help("It answers for this resource and may ask about tokens for it (/introspect); it has a secret"),
        );
    let revoke = Command::new("revoke").about("Deletes a client and ends every grant given to it").arg(
        Arg::new("id")
            .required(true)
            .value_name("CLIENT_ID")
            .help("As `client list` shows it, or the address of a metadata document"),
    );
    Command::new("client")
        .about("OAuth clients: the programs that ask people for access")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([create, Command::new("list").about("Lists the registered clients, newest first"), revoke])
}

/// Runs a verb.
pub async fn run(oauth: OAuth, matches: ArgMatches) -> Result<Output> {
    match matches.subcommand() {
        Some(("create", matches)) => create(&oauth, matches).await,
        Some(("list", _)) => list(&oauth).await,
        Some(("revoke", matches)) => revoke(&oauth, matches).await,
        _ => Err(Failure::bad_request("command.unknown", "Say create, list or revoke.")),
    }
}

async fn create(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let name = matches.get_one::<String>("name").map(|name| presentable_name(name)).unwrap_or_default();
    if name.is_empty() {
        return Err(Failure::bad_request("client.no_name", "The name is empty."));
    }
    let standing = read_standing(oauth, matches).await?;
    let uris: Vec<String> = matches.get_many::<String>("redirect-uri").into_iter().flatten().cloned().collect();
    let redirect_uris = if uris.is_empty() { Vec::new() } else { read_redirects(&uris)? };
    let is_local = redirect_uris.iter().any(|uri| kind_of(uri.as_str()) != RedirectKind::Https);
    let has_secret = matches.get_flag("confidential") || standing.acts_as.is_some() || !standing.resources.is_empty();
    let grant_types: &[&str] = match (&standing.acts_as, uris.is_empty()) {
        (Some(_), _) => &[CLIENT_CREDENTIALS],
        (None, true) => &[],
        (None, false) => &["authorization_code", "refresh_token"],
    };
    let registration = Registration {
        name,
        uri: None,
        redirect_uris,
        auth_method: if has_secret { AuthMethod::SecretBasic } else { AuthMethod::None },
        application_type: if is_local { ApplicationType::Native } else { ApplicationType::Web },
        grant_types: grant_types.iter().map(|&name| name.to_owned()).collect(),
        scopes: read_own_scopes(oauth, matches)?,
        id_token_algorithm: KeyAlgorithm::Rs256,
    };
    Ok(show_new(&oauth.create_client(registration, standing).await?))
}

/// What the client is to be beside a program that asks people.
async fn read_standing(oauth: &OAuth, matches: &ArgMatches) -> Result<Standing> {
    let acts_as = match (matches.get_flag("machine"), matches.get_one::<String>("service")) {
        (false, _) => None,
        (true, None) => Some(ActsAs::Itself),
        (true, Some(service)) => {
            let service: ServiceId = service.parse().map_err(|_| refusal::unknown_service())?;
            let (service, organization) = oauth.find_service(text(matches, "org"), service).await?;
            Some(ActsAs::Service(service, organization))
        }
    };
    let asked: Vec<&str> =
        matches.get_many::<String>("resource-server").into_iter().flatten().map(String::as_str).collect();
    let resources = oauth.find_resources(asked.into_iter())?.ok_or_else(|| {
        Failure::bad_request("client.unknown_resource", "This resource does not exist here.")
            .hint("Name it in `resources` of [plugins.oauth-server], or take one of this gateway's.")
    })?;
    Ok(Standing { acts_as, resources })
}

/// The scopes of the client. What hangs on an account is nobody's who has none.
fn read_own_scopes(oauth: &OAuth, matches: &ArgMatches) -> Result<ScopeSet> {
    let Some(asked) = matches.get_one::<String>("scope") else { return Ok(ScopeSet::new()) };
    let scopes = read_scopes(asked, &oauth.host().catalog()?.scopes)?;
    if matches.get_flag("machine") && scopes.depends_on_account() {
        return Err(Failure::bad_request("client.scope_of_people", "One of these scopes hangs on a person's account.")
            .hint("Leave it out: no person is behind a machine."));
    }
    Ok(scopes)
}

fn show_new(NewClient { client, secret }: &NewClient) -> Output {
    let mut json = describe(client);
    let mut text = format!("Client id: {}", client.id);
    if let (Some(secret), Some(members)) = (secret, json.as_object_mut()) {
        members.insert("client_secret".to_owned(), secret.expose().into());
        text = format!("{text}\nClient secret: {}\nIt is shown this once; keep it safe.", secret.expose());
    }
    Output::new(text, json)
}

async fn list(oauth: &OAuth) -> Result<Output> {
    let clients = oauth.list_clients().await?;
    let line = |client: &RegisteredClient| {
        let used = client.last_used_at.map_or_else(|| "never used".to_owned(), |last| format!("last used {last}"));
        format!("{}  {}  {}  created {}  {used}", client.id, client.name, client.auth_method, client.created_at)
    };
    let text = if clients.is_empty() { "No client is registered.".to_owned() } else { lines(clients.iter().map(line)) };
    Ok(Output::new(text, json!({ "clients": clients.iter().map(describe).collect::<Vec<_>>() })))
}

async fn revoke(oauth: &OAuth, matches: &ArgMatches) -> Result<Output> {
    let id = ClientId::from_wire(matches.get_one::<String>("id").cloned().unwrap_or_default());
    let grants = oauth.delete_client(&id).await?;
    Ok(Output::new(
        format!("{id} is gone; grants ended: {grants}"),
        json!({ "client_id": id, "grants_revoked": grants }),
    ))
}

fn describe(client: &RegisteredClient) -> Value {
    json!({
        "client_id": client.id,
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": client.auth_method,
        "application_type": client.application_type,
        "grant_types": client.grant_types,
        "scope": client.scopes.to_string(),
        "service": client.service_id,
        "organization": client.organization_id,
        "answers_for": client.resources,
        "origin": client.origin,
        "created_at": client.created_at,
        "last_used_at": client.last_used_at,
    })
}
