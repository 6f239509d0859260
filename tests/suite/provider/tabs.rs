//! Several flows in one browser.

use super::{START, with_idp};

with_idp! {
    async fn two_tabs_do_not_disturb_each_other(gateway, idp) {
        let mut browser = gateway.browser();
        let first = browser.get(&format!("{START}?return_to=/first")).await;
        let second = browser.get(&format!("{START}?return_to=/second")).await;
        let (first, second) = (idp.agree_by_query(&first.location()), idp.agree_by_query(&second.location()));
        assert_eq!(browser.get(&first).await.location(), "/first");
        assert_eq!(browser.get(&second).await.location(), "/second");
    }
}

with_idp! {
    async fn the_oldest_flow_gives_way_when_there_are_many(gateway, idp) {
        let mut browser = gateway.browser();
        let cleared = |page: &crate::support::Page| {
            page.headers.get_all("set-cookie").iter().filter(|c| c.to_str().expect("a text").contains("Max-Age=0")).count()
        };
        for _ in 0..5 {
            assert_eq!(cleared(&browser.get(START).await), 0);
        }
        let last = browser.get(START).await;
        assert_eq!(cleared(&last), 1);
        browser.get(&idp.agree_by_query(&last.location())).await;
        assert!(browser.is_signed_in().await);
    }
}

with_idp! {
    async fn two_first_sign_ins_at_once_make_one_account(gateway, idp) {
        let (mut one, mut two) = (gateway.browser(), gateway.browser());
        let (first, second) = (one.get(START).await, two.get(START).await);
        let (first, second) = (idp.agree_by_query(&first.location()), idp.agree_by_query(&second.location()));
        tokio::join!(one.get(&first), two.get(&second));
        assert!(one.is_signed_in().await && two.is_signed_in().await);
        assert_eq!(super::people(&gateway).await.len(), 1);
    }
}
