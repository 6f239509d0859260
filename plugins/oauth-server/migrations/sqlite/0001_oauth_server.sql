-- Clients, pending consents, codes, grants and the tokens that came from them.
-- Moments are INTEGER microseconds since 1970; ids are 16-byte UUIDs; secrets are kept as SHA-256 only.

-- Clients that registered themselves (RFC 7591) or were entered by the operator. Clients that publish a metadata
-- document have no row: their identifier is the address of the document.
CREATE TABLE oauth_server_clients (
    id               TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    uri              TEXT,
    origin           TEXT    NOT NULL,
    auth_method      TEXT    NOT NULL,
    secret_hash      BLOB,
    application_type TEXT    NOT NULL,
    redirect_uris    TEXT    NOT NULL,
    grant_types      TEXT    NOT NULL,
    scopes           TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    last_used_at     INTEGER
) STRICT;
CREATE INDEX oauth_server_clients_created ON oauth_server_clients (created_at);

-- A checked authorization request that waits for a person's answer, in one browser session.
CREATE TABLE oauth_server_interactions (
    handle_hash BLOB    NOT NULL PRIMARY KEY,
    user_id     BLOB    NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    session_id  BLOB    NOT NULL,
    client_id   TEXT    NOT NULL,
    request     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    consumed_at INTEGER
) STRICT;
CREATE INDEX oauth_server_interactions_user ON oauth_server_interactions (user_id);
CREATE INDEX oauth_server_interactions_expiry ON oauth_server_interactions (expires_at);

-- What a person allowed a client to do: the root of a token family, and a connected agent.
-- `expires_at` moves with every refresh; `ends_at` does not.
CREATE TABLE oauth_server_grants (
    id            BLOB    NOT NULL PRIMARY KEY,
    user_id       BLOB    NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    kind          TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    client_name   TEXT    NOT NULL,
    client_host   TEXT,
    redirect_host TEXT,
    scopes        TEXT    NOT NULL,
    resources     TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER,
    expires_at    INTEGER NOT NULL,
    ends_at       INTEGER NOT NULL,
    revoked_at    INTEGER,
    revoke_reason TEXT
) STRICT;
CREATE INDEX oauth_server_grants_user ON oauth_server_grants (user_id);
CREATE INDEX oauth_server_grants_client ON oauth_server_grants (client_id);
CREATE INDEX oauth_server_grants_expiry ON oauth_server_grants (expires_at);

-- Spent codes stay as long as their grant, so that a replay is recognised.
CREATE TABLE oauth_server_codes (
    code_hash   BLOB    NOT NULL PRIMARY KEY,
    user_id     BLOB    NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    session_id  BLOB    NOT NULL,
    client_id   TEXT    NOT NULL,
    request     TEXT    NOT NULL,
    grant_id    BLOB,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    consumed_at INTEGER
) STRICT;
CREATE INDEX oauth_server_codes_user ON oauth_server_codes (user_id);
CREATE INDEX oauth_server_codes_client ON oauth_server_codes (client_id);
CREATE INDEX oauth_server_codes_expiry ON oauth_server_codes (expires_at);

CREATE TABLE oauth_server_access_tokens (
    id         BLOB    NOT NULL PRIMARY KEY,
    token_hash BLOB    NOT NULL UNIQUE,
    grant_id   BLOB    NOT NULL REFERENCES oauth_server_grants (id) ON DELETE CASCADE,
    scopes     TEXT    NOT NULL,
    resources  TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX oauth_server_access_tokens_grant ON oauth_server_access_tokens (grant_id);
CREATE INDEX oauth_server_access_tokens_expiry ON oauth_server_access_tokens (expires_at);

-- Spent refresh tokens stay as long as their grant, so that reuse is recognised.
CREATE TABLE oauth_server_refresh_tokens (
    token_hash  BLOB    NOT NULL PRIMARY KEY,
    grant_id    BLOB    NOT NULL REFERENCES oauth_server_grants (id) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    consumed_at INTEGER
) STRICT;
CREATE INDEX oauth_server_refresh_tokens_grant ON oauth_server_refresh_tokens (grant_id);
