//! A call is charged and handed out, or neither; where nobody can know which, that is said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::meter::{METERED, billing, counting_with, sums, usage_in, with_plan};
use super::meter_leases::change;
use crate::on_both_engines;
use crate::support::Engine;

/// Nothing can be noted as used.
const NOT_USED_SQLITE: &str = "CREATE TRIGGER in_the_way BEFORE UPDATE OF committed_at ON stripe_meter_calls \
    BEGIN SELECT RAISE(ABORT, 'in the way'); END";
const NOT_USED_POSTGRES: &str = "CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ \
    BEGIN RAISE EXCEPTION 'in the way'; END $$; \
    CREATE TRIGGER in_the_way BEFORE UPDATE OF committed_at ON stripe_meter_calls \
    FOR EACH ROW EXECUTE FUNCTION in_the_way()";
/// And nothing be given back.
const NEITHER_SQLITE: &str = "CREATE TRIGGER in_the_way BEFORE UPDATE OF committed_at, released_at ON stripe_meter_calls \
    BEGIN SELECT RAISE(ABORT, 'in the way'); END";
const NEITHER_POSTGRES: &str = "CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ \
    BEGIN RAISE EXCEPTION 'in the way'; END $$; \
    CREATE TRIGGER in_the_way BEFORE UPDATE OF committed_at, released_at ON stripe_meter_calls \
    FOR EACH ROW EXECUTE FUNCTION in_the_way()";
const OUT_OF_THE_WAY_SQLITE: &str = "DROP TRIGGER in_the_way";
const OUT_OF_THE_WAY_POSTGRES: &str = "DROP TRIGGER in_the_way ON stripe_meter_calls";

on_both_engines! {
    async fn what_cannot_be_charged_is_withheld_and_costs_nothing(engine: Engine) {
        let (gateway, stripe) = counting_with(engine, "", METERED).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        change(&gateway, NOT_USED_SQLITE, NOT_USED_POSTGRES).await;
        let withheld = ada.call().await;
        let said = withheld.body["error"]["message"].as_str().unwrap_or_default();
        assert!(said.contains("nothing is charged"), "{:?}", withheld.body);
        // It is given back before that is said.
        let sums = sums(&gateway).await;
        assert_eq!((&sums["used"], &sums["set_aside"], &sums["running"]), (&json!(0), &json!(0), &json!(0)), "{sums}");
        change(&gateway, OUT_OF_THE_WAY_SQLITE, OUT_OF_THE_WAY_POSTGRES).await;
        assert_eq!(usage_in(&ada.call().await)["used"], 1);
    }
}

on_both_engines! {
    async fn where_nobody_knows_whether_a_call_is_charged_that_is_said(engine: Engine) {
        let (gateway, stripe) = counting_with(engine, "meter_lease = \"1h\"", METERED).await;
        let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
        change(&gateway, NEITHER_SQLITE, NEITHER_POSTGRES).await;
        let withheld = ada.call().await;
        let error = &withheld.body["error"];
        let said = error["message"].as_str().unwrap_or_default();
        assert!(said.contains("may have been counted") && !said.contains("nothing is charged"), "{:?}", withheld.body);
        assert!(error["data"]["calls"][0].as_str().is_some_and(|id| id.starts_with("mtr_")), "{:?}", withheld.body);
        // What nobody has used comes back.
        change(&gateway, OUT_OF_THE_WAY_SQLITE, OUT_OF_THE_WAY_POSTGRES).await;
        gateway.clock.advance(Duration::from_secs(3601));
        billing(&gateway.gateway).look_after_leases().await.expect("the database answers");
        let sums = sums(&gateway).await;
        assert_eq!((&sums["used"], &sums["set_aside"]), (&json!(0), &json!(0)), "{sums}");
    }
}

/// What a connection to Postgres goes through that is to break right after a call is charged, before anybody hears of it.
#[derive(Default)]
struct Breaking {
    is_armed: AtomicBool,
    broken: AtomicUsize,
}

/// What uses the units of a call, in the words of the store.
const CHARGES: &str = "UPDATE stripe_meter_calls SET committed_at";
const SSL_REQUEST: u32 = 80_877_103;

impl Breaking {
    /// Stands between whoever connects to the address it gives, and this one.
    async fn before(self: &Arc<Self>, server: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let own = Arc::clone(self);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (own, server) = (Arc::clone(&own), server.clone());
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    own.pass(client, server).await;
                });
            }
        });
        address
    }

    async fn pass(&self, client: TcpStream, server: TcpStream) {
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let is_cut = AtomicBool::new(false);
        tokio::select! {
            _ = self.ask(from_client, to_server, &is_cut) => {}
            _ = self.answer(from_server, to_client, &is_cut) => {}
        }
    }

    /// Hands on what is asked, message by message (PostgreSQL, "Message Formats").
    async fn ask(
        &self,
        mut client: impl AsyncRead + Unpin,
        mut server: impl AsyncWrite + Unpin,
        is_cut: &AtomicBool,
    ) -> std::io::Result<()> {
        let (mut has_begun, mut charging) = (false, BTreeSet::new());
        loop {
            let kind = if has_begun { Some(client.read_u8().await?) } else { None };
            let length = client.read_u32().await?;
            let mut body = vec![0; usize::try_from(length).unwrap_or_default().saturating_sub(4)];
            client.read_exact(&mut body).await?;
            let texts: Vec<String> =
                body.split(|byte| *byte == 0).take(2).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
            match (kind, texts.as_slice()) {
                (None, _) => has_begun = body.get(..4) != Some(&SSL_REQUEST.to_be_bytes()),
                (Some(b'P'), [name, query]) if query.starts_with(CHARGES) => drop(charging.insert(name.clone())),
                (Some(b'P'), [name, _]) => drop(charging.remove(name)),
                (Some(b'B'), [_, name]) if charging.contains(name) && self.is_armed.swap(false, Ordering::SeqCst) => {
                    is_cut.store(true, Ordering::SeqCst);
                }
                _ => {}
            }
            if let Some(kind) = kind {
                server.write_u8(kind).await?;
            }
            server.write_u32(length).await?;
            server.write_all(&body).await?;
        }
    }

    /// Hands on what is answered. The answer to what charges a call comes when it is written, and goes nowhere.
    async fn answer(
        &self,
        mut server: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
        is_cut: &AtomicBool,
    ) -> std::io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = server.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            if is_cut.load(Ordering::SeqCst) {
                self.broken.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
            client.write_all(buffer.get(..count).unwrap_or_default()).await?;
        }
    }
}

/// On SQLite there is no connection that could break.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_charged_though_the_database_could_not_say_so_is_handed_out() {
    let Some(Engine::Postgres(url)) = Engine::postgres().await else { return };
    let (before, after) = url.split_once('@').expect("an address");
    let (server, name) = after.split_once('/').expect("a database");
    let breaking = Arc::new(Breaking::default());
    let engine = Engine::Postgres(format!("{before}@{}/{name}", breaking.before(server.to_owned()).await));
    let (gateway, stripe) = counting_with(engine, "", METERED).await;
    let (ada, _) = with_plan(&gateway, &stripe, "pro").await;
    for used in 1..=3 {
        breaking.is_armed.store(true, Ordering::SeqCst);
        assert_eq!(usage_in(&ada.call().await)["used"], used);
    }
    assert_eq!(breaking.broken.load(Ordering::SeqCst), 3, "every connection was broken off");
    let sums = sums(&gateway).await;
    assert_eq!((&sums["calls"], &sums["used"], &sums["set_aside"]), (&json!(3), &json!(3), &json!(0)), "{sums}");
}
