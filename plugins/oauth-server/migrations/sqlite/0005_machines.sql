-- Clients without a person (RFC 6749 section 4.4): `service_id` is what such a client acts as, one of an organization or one of its
-- own. `resources`: where a client answers for what is protected, and may ask about tokens (RFC 7662).
ALTER TABLE oauth_server_clients ADD COLUMN service_id BLOB;
ALTER TABLE oauth_server_clients ADD COLUMN organization_id BLOB;
ALTER TABLE oauth_server_clients ADD COLUMN resources TEXT NOT NULL DEFAULT '[]';

CREATE TABLE oauth_server_client_tokens (
    id              BLOB    NOT NULL PRIMARY KEY,
    token_hash      BLOB    NOT NULL UNIQUE,
    client_id       TEXT    NOT NULL REFERENCES oauth_server_clients (id) ON DELETE CASCADE,
    service_id      BLOB    NOT NULL,
    organization_id BLOB,
    scopes          TEXT    NOT NULL,
    resources       TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    revoked_at      INTEGER
) STRICT;
CREATE INDEX oauth_server_client_tokens_client ON oauth_server_client_tokens (client_id);
CREATE INDEX oauth_server_client_tokens_expiry ON oauth_server_client_tokens (expires_at);
