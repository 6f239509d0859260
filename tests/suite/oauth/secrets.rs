//! Secrets are shown once and kept as hashes.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Agent, Engine, Setup};

/// Everything in the data folder: the database, its journal, the secret.
fn bytes_in(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).expect("the data folder").flatten().map(|entry| entry.path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).expect("a readable file")).collect()
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_found_in_the_data_folder_or_in_a_list() {
    let gateway = Setup::default().start(Engine::Sqlite).await;
    let mut ada = gateway.signed_in("ada@example.org").await;
    let document = json!({
        "redirect_uris": ["https://agent.example/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
    });
    let (agent, registered) = Agent::register_document(&gateway, &document).await;
    let client_secret = registered["client_secret"].as_str().expect("a secret").to_owned();
    let registration = registered["registration_access_token"].as_str().expect("a token").to_owned();
    let form = ada.get(&agent.authorize_url(&agent.authorization(""))).await.form("/authorize");
    let (_, handle) = form.fields.iter().find(|(name, _)| name == "request").expect("a handle").clone();
    let code = ada.submit(&form, &[("decision", "allow")]).await.sent_parameter("code").expect("a code");
    let reply = agent.redeem_with(&code, "client_secret", Some(&client_secret)).await;
    let tokens = crate::support::Tokens::of(&reply);
    // Its answer is kept for who never heard it.
    let reply = agent.refresh_with(&tokens.refresh, &[("client_secret", &client_secret)]).await;
    let renewed = crate::support::Tokens::of(&reply);
    let session = ada.cookie("belgie_session").expect("a session").to_owned();

    let kept = bytes_in(&gateway.data_dir());
    assert!(holds(&kept, &agent.client_id), "the database was not read");
    let account = ada.get("/account").await.body;
    let list = Command::new(env!("CARGO_BIN_EXE_belgie"))
        .args(["client", "list", "--json", "--data-dir"])
        .arg(gateway.data_dir())
        .output()
        .expect("the program runs");
    assert!(holds(&list.stdout, &agent.client_id), "{list:?}");
    let (first, second) = ([&tokens.access, &tokens.refresh], [&renewed.access, &renewed.refresh]);
    for secret in [&client_secret, &registration, &handle, &code, &session].into_iter().chain(first).chain(second) {
        // Without its prefix and its checksum a secret would still be one.
        let (_, random) = secret[4..].split_once('_').expect("a prefix");
        let random = &random[..40];
        assert!(
            !holds(&kept, random) && !holds(account.as_bytes(), random) && !holds(&list.stdout, random),
            "{secret}"
        );
    }
}
