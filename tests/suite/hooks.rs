//! What plugins and applications may say about what happens to people: vetoes before, observers afterwards.

mod order;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use belgie::config::RawConfig;
use belgie::{Belgie, Builder};
use belgie_api::hooks::{Act, Observer, Veto};
use belgie_api::ports::{NewUser, UserChanges};
use belgie_api::{Event, Failure, ScopeSet};
use reqwest::StatusCode;

use crate::on_both_engines;
use crate::support::gateway::PASSWORD;
use crate::support::{Setup, TestGateway, eventually};

/// What was heard, in order.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, words: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(words.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn count(&self, count: usize) {
        eventually("everything is heard", || self.all().len() >= count).await;
    }
}

/// Hears of new accounts and of nothing else.
struct Arrivals {
    name: &'static str,
    heard: Heard,
    /// How many events it still cannot take.
    broken: AtomicUsize,
}

impl Arrivals {
    fn new(name: &'static str, heard: &Heard, broken: usize) -> Self {
        Self { name, heard: heard.clone(), broken: AtomicUsize::new(broken) }
    }
}

#[async_trait]
impl Observer for Arrivals {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn observe(&self, event: &Event) -> belgie_api::Result<()> {
        let Event::UserCreated { user } = event else { return Ok(()) };
        let left = self.broken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert_ne!(left, Ok(2), "an observer that panics");
        if left.is_ok() {
            return Err(Failure::internal("not now"));
        }
        self.heard.note(user.to_string());
        Ok(())
    }
}

async fn people(gateway: &TestGateway, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let email = format!("p{number}-{}@example.org", ids.len());
        ids.push(gateway.person(&email).await.id.to_string());
    }
    ids
}

on_both_engines! {
    async fn every_observer_hears_everything_in_order(engine: Engine) {
        let (steady, shaky) = (Heard::default(), Heard::default());
        let (first, second) = (Arrivals::new("test.steady", &steady, 0), Arrivals::new("test.shaky", &shaky, 3));
        let gateway = Setup::default().build(|builder| builder.observer(first).observer(second)).start(engine).await;
        let ids = people(&gateway, 12).await;
        steady.count(12).await;
        assert_eq!(steady.all(), ids, "one that fails does not hold the others up");
        shaky.count(12).await;
        assert_eq!(shaky.all(), ids, "what failed comes again, and nothing overtakes it");
    }
}

on_both_engines! {
    async fn nothing_is_missed_when_much_happens_at_once(engine: Engine) {
        let heard = Heard::default();
        let observer = Arrivals::new("test.crowd", &heard, 0);
        let gateway = Setup::default().build(|builder| builder.observer(observer)).start(engine).await;
        let identity = gateway.gateway.identity().clone();
        let mut arriving = tokio::task::JoinSet::new();
        for number in 0..120 {
            let identity = identity.clone();
            arriving.spawn(async move {
                let user = NewUser { email: format!("p{number}@example.org"), ..NewUser::default() };
                identity.get_or_create(&user, "import").await.expect("an account").0.id.to_string()
            });
        }
        let mut ids = arriving.join_all().await;
        heard.count(120).await;
        let mut told = heard.all();
        ids.sort();
        told.sort();
        assert_eq!(told, ids, "everybody once");
    }
}

on_both_engines! {
    async fn two_processes_share_an_observer(engine: Engine) {
        let heard = Heard::default();
        let observer = Arrivals::new("test.one", &heard, 0);
        let gateway = Setup::default().build(|builder| builder.observer(observer)).start(engine).await;
        let (other, late) = (Arrivals::new("test.one", &heard, 0), Heard::default());
        let newcomer = Arrivals::new("test.newcomer", &late, 0);
        let ids = people(&gateway, 3).await;
        heard.count(3).await;
        let second = gateway.second_node_with(|builder| builder.observer(other).observer(newcomer)).await;
        let more = gateway.person("more@example.org").await.id.to_string();
        late.count(1).await;
        heard.count(4).await;
        assert_eq!(late.all(), std::slice::from_ref(&more), "who is new hears what happens from now on");
        let mut all = ids;
        all.push(more);
        let mut told = heard.all();
        told.dedup();
        assert_eq!(told, all, "two processes keep the order");
        second.shutdown().await;
    }
}

on_both_engines! {
    async fn news_wait_for_who_is_away(engine: Engine) {
        let heard = Heard::default();
        let observer = Arrivals::new("test.later", &heard, 0);
        let gateway = Setup::default().build(|builder| builder.observer(observer)).start(engine).await;
        let mut ids = people(&gateway, 2).await;
        heard.count(2).await;
        gateway.gateway.stopper().cancel();
        let plain = gateway.second_node().await;
        let account = NewUser { email: "meanwhile@example.org".to_owned(), ..NewUser::default() };
        ids.push(plain.identity().get_or_create(&account, "operator").await.expect("an account").0.id.to_string());
        // An hour passes, and the tables are tidied: what somebody has not heard stays.
        gateway.clock.advance(std::time::Duration::from_hours(2));
        plain.identity().purge().await.expect("tidied");
        let again = Arrivals::new("test.later", &heard, 0);
        let node = gateway.second_node_with(|builder| builder.observer(again)).await;
        heard.count(3).await;
        assert_eq!(heard.all(), ids, "nothing is lost while nobody observes");
        // Who is behind for more than a week has lost it.
        node.shutdown().await;
        let lost = NewUser { email: "lost@example.org".to_owned(), ..NewUser::default() };
        plain.identity().get_or_create(&lost, "operator").await.expect("an account");
        gateway.clock.advance(std::time::Duration::from_hours(8 * 24));
        plain.identity().purge().await.expect("tidied");
        let last = Arrivals::new("test.later", &heard, 0);
        let node = gateway.second_node_with(|builder| builder.observer(last)).await;
        let found = NewUser { email: "found@example.org".to_owned(), ..NewUser::default() };
        ids.push(node.identity().get_or_create(&found, "operator").await.expect("an account").0.id.to_string());
        heard.count(4).await;
        assert_eq!(heard.all(), ids);
        node.shutdown().await;
        plain.shutdown().await;
    }
}

on_both_engines! {
    async fn hooks_are_told(engine: Engine) {
        let heard = Heard::default();
        let (up, signed, updated, deleted) = (heard.clone(), heard.clone(), heard.clone(), heard.clone());
        let build = move |builder: Builder| {
            builder
                .on_sign_up("shop.up", move |user| {
                    let up = up.clone();
                    async move {
                        up.note(format!("up {}", user.email));
                        Ok(())
                    }
                })
                .on_sign_in("shop.in", move |sign_in| {
                    signed.note(format!("in {} by {}", sign_in.user.email, sign_in.method));
                    std::future::ready(Ok(()))
                })
                .on_user_updated("shop.updated", move |user| {
                    updated.note(format!("updated {}", user.name));
                    std::future::ready(Ok(()))
                })
                .on_user_deleted("shop.deleted", move |user| {
                    deleted.note(format!("deleted {user}"));
                    std::future::ready(Ok(()))
                })
        };
        let gateway = Setup::default().build(build).start(engine).await;
        let mut browser = gateway.signed_in("ada@example.org").await;
        heard.count(2).await;
        let mut told = heard.all();
        told.sort();
        assert_eq!(told, ["in ada@example.org by password", "up ada@example.org"]);
        let identity = gateway.gateway.identity();
        let ada = identity.row_by_email("ada@example.org").await.expect("an answer").expect("ada").id;
        let changes = UserChanges { name: Some("Countess".to_owned()), ..UserChanges::default() };
        identity.change(ada, &changes).await.expect("a change");
        heard.count(3).await;
        assert_eq!(heard.all()[2], "updated Countess");
        identity.delete(ada).await.expect("an answer");
        heard.count(4).await;
        assert_eq!(heard.all()[3], format!("deleted {ada}"));
        assert!(!browser.is_signed_in().await);
    }
}

on_both_engines! {
    async fn vetoes_are_asked_on_every_way(engine: Engine) {
        let no = |what: &'static str| Failure::forbidden("shop.no", format!("The shop says no to {what}."));
        let build = move |builder: Builder| {
            builder
                .before_sign_up("shop.up", move |user, method| {
                    let is_bad = user.email.starts_with("bad");
                    std::future::ready(if is_bad { Err(no("this account").hint(method)) } else { Ok(()) })
                })
                .before_sign_in("shop.in", move |user, method| {
                    let is_bad = user.email.starts_with("out") || method == "impersonation";
                    std::future::ready(if is_bad { Err(no("this session")) } else { Ok(()) })
                })
                .before_update("shop.update", move |_, changes| {
                    let is_bad = changes.name.as_deref() == Some("Root") || changes.scopes.is_some();
                    std::future::ready(if is_bad { Err(no("this change")) } else { Ok(()) })
                })
                .before_delete("shop.delete", move |user| {
                    std::future::ready(if user.email.starts_with("keep") { Err(no("going")) } else { Ok(()) })
                })
        };
        let setup = Setup::default().with_open_sign_up().build(build);
        let gateway = setup.start(engine).await;
        let identity = gateway.gateway.identity();

        let mut browser = gateway.browser();
        let form = browser.get("/auth/signup").await.form("/auth/signup");
        let page = browser.submit(&form, &[("email", "bad@example.org"), ("name", ""), ("password", PASSWORD)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("The shop says no to this account."));
        assert!(identity.row_by_email("bad@example.org").await.expect("an answer").is_none(), "nothing has happened");

        gateway.person("out@example.org").await;
        let page = browser.sign_in("out@example.org", PASSWORD).await;
        assert!(page.body.contains("The shop says no to this session."), "{}", page.body);
        assert!(!browser.is_signed_in().await);

        let keep = gateway.person("keep@example.org").await.id;
        let changes = UserChanges { name: Some("Root".to_owned()), ..UserChanges::default() };
        assert_eq!(identity.change(keep, &changes).await.expect_err("a refusal").code(), "shop.no");
        assert_eq!(identity.delete(keep).await.expect_err("a refusal").code(), "shop.no");

        let operator = gateway.person_with("operator@example.org", "admin").await;
        let mut console = gateway.browser();
        console.sign_in("operator@example.org", PASSWORD).await;
        for (act, field) in
            [("delete", ("email", "keep@example.org")), ("scopes", ("scopes", "x")), ("impersonate", ("a", ""))]
        {
            let path = format!("/admin/users/{keep}/{act}");
            let form = console.get(&path).await.form(&path);
            let page = console.submit(&form, &[field]).await;
            assert!(page.body.contains("The shop says no to"), "{act}: {}", page.body);
        }
        let acts = identity.acts(Some(operator.id), 9).await.expect("the record");
        assert!(acts.is_empty(), "what did not happen is not on record as done: {acts:?}");
        assert!(identity.row(keep).await.expect("an answer").is_some());
    }
}

/// Writes in the transaction of the act, then refuses or not.
struct Meddler {
    refuses: bool,
}

#[async_trait]
impl Veto for Meddler {
    fn name(&self) -> &'static str {
        "test.meddler"
    }

    async fn check(&self, tx: &mut belgie_api::db::Tx, act: Act<'_>) -> belgie_api::Result<()> {
        if let Act::SignUp { .. } = act {
            tx.emit(Event::NewsMissed);
        }
        if self.refuses { Err(Failure::forbidden("test.no", "No.")) } else { Ok(()) }
    }
}

on_both_engines! {
    async fn what_a_veto_does_happens_with_the_act_or_not_at_all(
        gateway: TestGateway,
        setup = Setup::default().build(|builder| builder.veto(Meddler { refuses: true }))
    ) {
        let heard = Heard::default();
        let ears = heard.clone();
        gateway.gateway.host().db().bus().subscribe(Arc::new(move |event: &Event| ears.note(format!("{event:?}"))));
        let account = NewUser { email: "ada@example.org".to_owned(), ..NewUser::default() };
        assert!(gateway.gateway.identity().get_or_create(&account, "operator").await.is_err());
        assert!(heard.all().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_observers_of_one_name_stop_the_boot() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = RawConfig::from_text(&format!("data_dir = {:?}\n", dir.path().join("data")));
    let ready = |_| std::future::ready(Ok(()));
    let builder = Belgie::builder(config).on_sign_up("shop.welcome", ready).on_sign_up("shop.welcome", ready);
    let said = builder.build().await.err().expect("a refusal").to_string();
    assert!(said.contains("two observers of the name `shop.welcome`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_up_account_passes_the_vetoes_too() {
    let asked = Heard::default();
    let ears = asked.clone();
    let build = move |builder: Builder| {
        builder.before_sign_up("shop.up", move |user, method| {
            ears.note(format!("{} {method} {}", user.email, user.scopes));
            std::future::ready(Ok(()))
        })
    };
    let gateway = Setup::default().build(build).start(crate::support::Engine::Sqlite).await;
    let link = gateway.gateway.offer_setup().await.expect("an answer").expect("a link");
    let mut browser = gateway.browser();
    let form = browser.get(&link).await.form("/auth/setup");
    browser.submit(&form, &[("email", "first@example.org"), ("name", "First"), ("password", PASSWORD)]).await;
    assert_eq!(asked.all(), ["first@example.org setup admin"]);
    let scopes: ScopeSet = "admin".parse().expect("scopes");
    let row = gateway.gateway.identity().row_by_email("first@example.org").await.expect("an answer").expect("first");
    assert_eq!(row.scopes, scopes);
}
