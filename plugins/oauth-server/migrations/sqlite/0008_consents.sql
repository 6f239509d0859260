-- What people have allowed: not asked again while nothing grows. For whom: as in a grant.
CREATE TABLE oauth_server_consents (
    id              BLOB    NOT NULL PRIMARY KEY,
    user_id         BLOB    NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    client_id       TEXT    NOT NULL,
    client_name     TEXT    NOT NULL,
    client_host     TEXT,
    redirect_host   TEXT    NOT NULL,
    scopes          TEXT    NOT NULL,
    resources       TEXT    NOT NULL,
    organization_id BLOB,
    team_ids        TEXT    NOT NULL,
    membership_ids  TEXT    NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_server_consents_user ON oauth_server_consents (user_id, client_id);
CREATE INDEX oauth_server_consents_client ON oauth_server_consents (client_id);
