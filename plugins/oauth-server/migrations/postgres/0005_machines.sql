-- Clients without a person (RFC 6749 section 4.4): `service_id` is what such a client acts as, one of an organization or one of its
-- own. `resources`: where a client answers for what is protected, and may ask about tokens (RFC 7662).
ALTER TABLE oauth_server_clients ADD COLUMN service_id uuid;
ALTER TABLE oauth_server_clients ADD COLUMN organization_id uuid;
ALTER TABLE oauth_server_clients ADD COLUMN resources jsonb NOT NULL DEFAULT '[]';

CREATE TABLE oauth_server_client_tokens (
    id              uuid        NOT NULL PRIMARY KEY,
    token_hash      bytea       NOT NULL UNIQUE,
    client_id       text        NOT NULL REFERENCES oauth_server_clients (id) ON DELETE CASCADE,
    service_id      uuid        NOT NULL,
    organization_id uuid,
    scopes          jsonb       NOT NULL,
    resources       jsonb       NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz
);
CREATE INDEX oauth_server_client_tokens_client ON oauth_server_client_tokens (client_id);
CREATE INDEX oauth_server_client_tokens_expiry ON oauth_server_client_tokens (expires_at);
