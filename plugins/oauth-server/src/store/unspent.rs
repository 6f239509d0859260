//! What a person has allowed and a client has not come for yet: codes, and devices that wait.

use belgie_api::db::Conn;
use belgie_api::{ClientId, OrgId, Result, UserId, on};
use sqlx::types::Json;

use crate::model::request::AuthorizationRequest;

/// How it is listed (`$1` the person, `$2` the client: what it is known by, and its request) and deleted (`$1` what it is known
/// by).
pub(super) struct Unspent {
    pub(super) list: &'static str,
    pub(super) delete: &'static str,
}

impl Unspent {
    /// Forgets what is for an organization. Only the request says so.
    pub(super) async fn delete_within(
        &self,
        conn: &mut Conn,
        user: UserId,
        client: &ClientId,
        organization: OrgId,
    ) -> Result<()> {
        let unspent = on!(&mut *conn, c => sqlx::query_as::<_, (Vec<u8>, Json<AuthorizationRequest>)>(self.list)
            .bind(user)
            .bind(client)
            .fetch_all(c).await)?;
        for (known_by, request) in unspent {
            if request.binding.organization == Some(organization) {
                on!(&mut *conn, c => sqlx::query(self.delete).bind(&known_by).execute(c).await.map(drop))?;
            }
        }
        Ok(())
    }
}
