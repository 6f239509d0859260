//! `client create`, `client list`, `client revoke`.

use belgie_api::clap::{Arg, ArgAction, ArgMatches, Command};
use belgie_api::command::Output;
use belgie_api::{ClientId, Failure, Result, ScopeSet};
use serde_json::{Value, json};

use super::lines;
use crate::model::client::{RegisteredClient, presentable_name};
use crate::model::redirect::{RedirectKind, kind_of};
use crate::model::registration::{ApplicationType, AuthMethod, Registration, read_redirects};
use crate::service::{NewClient, OAuth};

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
                .required(true)
                .action(ArgAction::Append)
                .value_name("URI")
                .help("Where answers may be sent; repeat it for several"),
        )
        .arg(
            Arg::new("confidential")
                .long("confidential")
                .action(ArgAction::SetTrue)
                .help("Gives the client a secret; for clients that run on a server"),
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
    let uris: Vec<String> = matches.get_many::<String>("redirect-uri").into_iter().flatten().cloned().collect();
    let redirect_uris = read_redirects(&uris)?;
    let is_local = redirect_uris.iter().any(|uri| kind_of(uri.as_str()) != RedirectKind::Https);
    let added = oauth
        .create_client(Registration {
            name,
            uri: None,
            redirect_uris,
            auth_method: if matches.get_flag("confidential") { AuthMethod::SecretBasic } else { AuthMethod::None },
            application_type: if is_local { ApplicationType::Native } else { ApplicationType::Web },
            grant_types: ["authorization_code", "refresh_token"].map(str::to_owned).to_vec(),
            scopes: ScopeSet::new(),
        })
        .await?;
    Ok(show_new(&added))
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
        "origin": client.origin,
        "created_at": client.created_at,
        "last_used_at": client.last_used_at,
    })
}
