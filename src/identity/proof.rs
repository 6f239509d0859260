//! What it means when somebody proves to read the mail of an address.
//!
//! Whoever makes an account with a password before proving its address may be anybody: perhaps somebody who waits for
//! the owner of the address to come and use it. So the day the address is proven, whatever was there before is not
//! trusted: the password, sessions, grants and tokens end, unless the proof comes from whoever knows them, that is from
//! the browser that asked for it, or with the password.

use belgie_api::context::UserContext;
use belgie_api::db::Tx;
use belgie_api::hooks::Act;
use belgie_api::{Event, Result, Timestamp, UserId};

use super::accounts::{Identity, context};
use super::change_email::UNDO;
use crate::store::users::{self, UserRow};
use crate::store::{links, sessions};

impl Identity {
    /// Notes that the address of an account is proven. `is_theirs`: whether the proof comes from whoever made the account.
    pub(super) async fn note_proof(&self, tx: &mut Tx, row: &UserRow, is_theirs: bool) -> Result<UserContext> {
        if row.email_verified_at.is_some() {
            return Ok(context(row.clone()));
        }
        let now = self.clock.now();
        users::note_verified(tx, row.id, now).await?;
        if !is_theirs {
            self.reclaim(tx, row, Timestamp::EPOCH).await?;
        }
        tx.emit(Event::UserChanged { user: row.id });
        Ok(UserContext { email_verified: true, ..context(row.clone()) })
    }

    /// Ends everything that was done in an account before its owner came: password, sessions, grants and tokens, and the
    /// links made since a moment.
    pub(super) async fn reclaim(&self, tx: &mut Tx, row: &UserRow, since: Timestamp) -> Result<()> {
        let now = self.clock.now();
        users::set_password(tx, row.id, None, now).await?;
        users::note_secured(tx, row.id, now).await?;
        links::withdraw_all_of(tx, row.id, since).await?;
        self.end_all_sessions(tx, row.id).await?;
        self.veto(tx, Act::Reclaim { user: &context(row.clone()) }).await
    }

    /// Ends whatever else lets somebody into an account whose owner fears a stranger in it: grants, tokens, linked accounts
    /// and links that wait. Not the links that take a change of address back: they are the owner's own when it was the
    /// stranger who changed the address, and now asks for this.
    pub(super) async fn cut_off(&self, tx: &mut Tx, row: &UserRow) -> Result<()> {
        users::note_secured(tx, row.id, self.clock.now()).await?;
        links::withdraw_others_of(tx, row.id, UNDO).await?;
        self.end_all_sessions(tx, row.id).await?;
        self.veto(tx, Act::Reclaim { user: &context(row.clone()) }).await
    }

    /// Ends every session of a person and every one the person wears, inside a transaction.
    pub(super) async fn end_all_sessions(&self, tx: &mut Tx, user: UserId) -> Result<()> {
        let ended = sessions::end_all(tx, user, self.clock.now()).await?;
        self.tell_of_ended(tx, &ended).await
    }
}
