//! The ways in which somebody can prove to be there.

use belgie_api::hooks::Shows;
use belgie_api::{Caller, Result};

use crate::web::Web;

/// What is offered to somebody.
pub struct Offer {
    /// The password.
    pub has_password: bool,
    /// A code sent by mail.
    pub has_code: bool,
    /// Providers, by the ids of their buttons.
    pub providers: Vec<String>,
}

impl Offer {
    /// Only what opens the account, since any other provider would show somebody else. A provider that cannot say that somebody
    /// signed in there just now would let whoever finds the browser pass, so it is offered only where there is nothing better.
    pub async fn to(web: &Web, caller: &Caller) -> Result<Self> {
        let user = caller.user().id;
        let profile = web.host.accounts().profile(user).await?;
        let has_password =
            profile.is_some_and(|profile| profile.has_password) && web.identity.rules().signs_in_by_password;
        let has_code = web.identity.has_mail();
        let ways = web.identity.list_ways_of_plugins_now(user).await?;
        let that_show = |wanted: Shows| -> Vec<String> {
            let shown = |way: &&String| web.hooks.ways_in.iter().find_map(|ways| ways.shows(way));
            ways.iter().filter(|way| shown(way) == Some(wanted)).cloned().collect()
        };
        let mut providers = that_show(Shows::Presence);
        if providers.is_empty() && !has_password && !has_code {
            providers = that_show(Shows::Browser);
        }
        Ok(Self { has_password, has_code, providers })
    }
}
