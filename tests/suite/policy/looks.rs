//! News about one member of an organization: nobody else is looked at again.

use belgie_api::Event;
use serde_json::json;

use super::{EDITOR, tell};
use crate::on_both_engines;
use crate::organization::done;
use crate::support::{Connected, EventStream, Modern, Place, Places, Setup, eventually};

const STREAMS: usize = 4;

async fn listening(modern: &Modern<'_>) -> Vec<EventStream> {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let params = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(modern.request("subscriptions/listen", params)).await;
        stream.next().await.expect("an acknowledgement");
        streams.push(stream);
    }
    streams
}

on_both_engines! {
    async fn only_whom_the_news_name_is_looked_at_and_once(engine: Engine) {
        let places = Places::new();
        let inside = places.clone();
        let gateway = Setup::default().build(move |builder| inside.alone(builder)).start(engine).await;
        let acme = places.id("acme");
        let mut all = Vec::new();
        for name in ["ada", "bob", "eve"] {
            let person = gateway.person(&format!("{name}@example.org")).await;
            places.join(person.id, EDITOR);
            let agent = Connected::of(&gateway, &person, "", Some(acme)).await;
            let streams = listening(&agent.modern()).await;
            all.push((agent, streams));
        }
        let before = places.looks();
        let (ada, streams) = all.first_mut().expect("somebody");
        tell(&gateway, Event::MembershipChanged { organization: acme, user: ada.person.id }).await;
        for stream in streams {
            let news = stream.next().await.expect("news");
            assert_eq!(news["method"], "notifications/tools/list_changed", "{news}");
        }
        // The observer that ends grants looks at each grant of the person once, too.
        eventually("the observer has looked", || places.looks() >= before + 2).await;
        assert_eq!(places.looks(), before + 2, "neither the others nor each stream by itself");
        tell(&gateway, Event::OrganizationChanged { organization: acme }).await;
        for (_, streams) in &mut all {
            for stream in streams {
                assert_eq!(stream.next().await.expect("news")["method"], "notifications/tools/list_changed");
            }
        }
        eventually("everybody was looked at", || places.looks() >= before + 8).await;
        assert!(places.looks() < before + 2 + 3 * STREAMS, "a look for each credential and each grant, not each stream");
    }
}

/// How many programs act for the organization that makes so much news, more than are looked at before more news are heard.
const PROGRAMS: usize = 40;
/// How many are looked at before: `IN_A_ROUND` of `src/mcp/review.rs`.
const ROUND: usize = 32;
/// How often the organization changes, before somebody is removed elsewhere and again after.
const NEWS: usize = 50;

on_both_engines! {
    async fn an_organization_that_changes_all_the_time_keeps_no_other_waiting(engine: Engine) {
        let places = Places::new();
        let inside = places.clone();
        let gateway = Setup::default().build(move |builder| inside.alone(builder)).start(engine).await;
        let (acme, globex) = (places.id("acme"), places.id("globex"));
        let ada = gateway.person("ada@example.org").await;
        places.join(ada.id, EDITOR);
        let bob = gateway.person("bob@example.org").await;
        places.join(bob.id, Place { slug: "globex", ..EDITOR });
        let of_ada = Connected::of(&gateway, &ada, "", Some(acme)).await;
        let of_bob = Connected::of(&gateway, &bob, "", Some(globex)).await;
        let mut streams = listening(&of_ada.modern()).await;
        for number in 1..PROGRAMS {
            let name = format!("Script {number}");
            let wish = json!({ "name": name, "scope": "connections:read", "ttl_seconds": 3600, "organization": acme });
            let said = done(&mut of_ada.browser.clone(), "/auth/tokens/create", wish).await;
            let token = said["token"].as_str().expect("a token");
            streams.append(&mut listening(&of_ada.agent.modern(&of_ada.mcp_url, token)).await);
        }
        let removed = listening(&of_bob.modern()).await;

        // Told to this process alone: what else is done after such news, the end of grants, looks people up as well.
        let bus = gateway.gateway.host().db().bus();
        let changes = || (0..NEWS).for_each(|_| bus.publish(&Event::OrganizationChanged { organization: acme }));
        let before = places.looks();
        places.hold();
        changes();
        eventually("a round has begun", || places.looks() > before).await;
        places.leave(bob.id);
        bus.publish(&Event::MembershipChanged { organization: globex, user: bob.id });
        changes();
        assert!(places.looks() < before + ROUND, "nobody was let on");
        // The round that had begun, and the one after it.
        places.let_on(2 * ROUND);
        for stream in removed {
            let rest = stream.rest().await;
            assert!(rest.iter().all(|message| message.get("error").is_none()), "{rest:?}");
        }
        places.let_on(2 * NEWS * PROGRAMS);
        for stream in &mut streams {
            assert_eq!(stream.next().await.expect("news")["method"], "notifications/tools/list_changed");
        }
        // Whoever was looked at before the last of the news is looked at once more, and nobody for each.
        eventually("everybody was looked at", || places.looks() > before + PROGRAMS).await;
        assert!(places.looks() <= before + 2 * PROGRAMS + 1, "{} look-ups", places.looks() - before);
    }
}
