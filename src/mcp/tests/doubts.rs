//! Who is in doubt after news, and whose turn it is.

use std::sync::Arc;

use belgie_api::ports::BillingSubject;
use belgie_api::{Event, OrgId, Principal, TeamId, UserId};
use uuid::Uuid;

use super::support::principal;
use crate::mcp::doubts::{Group, News, Turns};

#[test]
fn one_group_keeps_no_other_waiting() {
    let mut turns = Turns::new();
    for key in 0..100 {
        turns.put("crowd", key, key);
    }
    assert_eq!(turns.take(2), [0, 1]);
    turns.put("alone", 1000, 1000);
    turns.put("crowd", 2, 222);
    assert_eq!(turns.take(3), [222, 1000, 3], "whoever comes later has their turn, and nobody loses their place");
    // Somebody who was looked at and is in doubt again waits once more.
    turns.put("alone", 1000, 2000);
    assert_eq!(turns.take(2), [4, 2000]);
    let rest = turns.take(1000);
    assert!(rest.iter().copied().eq(5..100) && turns.is_empty() && turns.take(1).is_empty());
}

#[test]
fn news_touch_whom_each_of_them_touches() {
    let [acme, globex] = [1, 2].map(|id| OrgId::from_uuid(Uuid::from_u128(id)));
    let [ada, bob] = [3, 4].map(|id| UserId::from_uuid(Uuid::from_u128(id)));
    let team = TeamId::from_uuid(Uuid::from_u128(5));
    let mut principals: Vec<Arc<Principal>> = Vec::new();
    for user in [ada, bob] {
        for organization in [None, Some(acme), Some(globex)] {
            principals.push(principal(user, organization, &[]));
        }
    }
    principals.push(principal(ada, Some(acme), &[team]));
    let mut events = vec![
        Event::OrganizationChanged { organization: acme },
        Event::MembershipChanged { organization: acme, user: ada },
        Event::MembershipChanged { organization: globex, user: bob },
    ];
    let subjects = [
        BillingSubject::User { user: ada },
        BillingSubject::Organization { organization: globex },
        BillingSubject::Team { organization: acme, team },
    ];
    events.extend(subjects.map(|subject| Event::SubscriptionChanged { subject }));
    let mut all = News::default();
    for event in &events {
        let mut one = News::default();
        assert!(one.is_empty() && one.add(event) && all.add(event) && !one.is_empty());
        for principal in &principals {
            assert_eq!(one.touch(principal), principal.is_touched_by(event), "{event:?} {principal:?}");
        }
    }
    for principal in &principals {
        let is_touched = events.iter().any(|event| principal.is_touched_by(event));
        assert_eq!(all.touch(principal), is_touched, "{principal:?}");
    }
    assert!(!all.add(&Event::UserChanged { user: ada }), "that ends what it ends at once");
    assert_ne!(Group::of(&principals[0]), Group::of(&principals[1]));
    assert_eq!(Group::of(&principals[1]), Group::of(&principals[4]), "everybody of one organization");
}
