//! News about one member of an organization: nobody else is looked at again.

use belgie_api::Event;
use serde_json::json;

use super::{EDITOR, tell};
use crate::on_both_engines;
use crate::support::{Connected, EventStream, Places, Setup, eventually};

const STREAMS: usize = 4;

async fn listening(agent: &Connected) -> Vec<EventStream> {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let params = json!({ "notifications": { "toolsListChanged": true } });
        let mut stream = EventStream::open(agent.modern().request("subscriptions/listen", params)).await;
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
            let streams = listening(&agent).await;
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
