-- Clients, pending consents, codes, grants and the tokens that came from them.
-- Secrets are kept as SHA-256 only.

-- Clients that registered themselves (RFC 7591) or were entered by the operator. Clients that publish a metadata
-- document have no row: their identifier is the address of the document.
CREATE TABLE oauth_server_clients (
    id               text        NOT NULL PRIMARY KEY,
    name             text        NOT NULL,
    uri              text,
    origin           text        NOT NULL,
    auth_method      text        NOT NULL,
    secret_hash      bytea,
    application_type text        NOT NULL,
    redirect_uris    jsonb       NOT NULL,
    grant_types      jsonb       NOT NULL,
    scopes           jsonb       NOT NULL,
    created_at       timestamptz NOT NULL,
    last_used_at     timestamptz
);
CREATE INDEX oauth_server_clients_created ON oauth_server_clients (created_at);

-- A checked authorization request that waits for a person's answer, in one browser session.
CREATE TABLE oauth_server_interactions (
    handle_hash bytea       NOT NULL PRIMARY KEY,
    user_id     uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    session_id  uuid        NOT NULL,
    client_id   text        NOT NULL,
    request     jsonb       NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    consumed_at timestamptz
);
CREATE INDEX oauth_server_interactions_user ON oauth_server_interactions (user_id);
CREATE INDEX oauth_server_interactions_expiry ON oauth_server_interactions (expires_at);

-- What a person allowed a client to do: the root of a token family, and a connected agent.
-- `expires_at` moves with every refresh; `ends_at` does not.
CREATE TABLE oauth_server_grants (
    id            uuid        NOT NULL PRIMARY KEY,
    user_id       uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    kind          text        NOT NULL,
    client_id     text        NOT NULL,
    client_name   text        NOT NULL,
    client_host   text,
    redirect_host text,
    scopes        jsonb       NOT NULL,
    resources     jsonb       NOT NULL,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz,
    expires_at    timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    revoked_at    timestamptz,
    revoke_reason text
);
CREATE INDEX oauth_server_grants_user ON oauth_server_grants (user_id);
CREATE INDEX oauth_server_grants_client ON oauth_server_grants (client_id);
CREATE INDEX oauth_server_grants_expiry ON oauth_server_grants (expires_at);

-- Spent codes stay as long as their grant, so that a replay is recognised.
CREATE TABLE oauth_server_codes (
    code_hash   bytea       NOT NULL PRIMARY KEY,
    user_id     uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    session_id  uuid        NOT NULL,
    client_id   text        NOT NULL,
    request     jsonb       NOT NULL,
    grant_id    uuid,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    consumed_at timestamptz
);
CREATE INDEX oauth_server_codes_user ON oauth_server_codes (user_id);
CREATE INDEX oauth_server_codes_client ON oauth_server_codes (client_id);
CREATE INDEX oauth_server_codes_expiry ON oauth_server_codes (expires_at);

CREATE TABLE oauth_server_access_tokens (
    id         uuid        NOT NULL PRIMARY KEY,
    token_hash bytea       NOT NULL UNIQUE,
    grant_id   uuid        NOT NULL REFERENCES oauth_server_grants (id) ON DELETE CASCADE,
    scopes     jsonb       NOT NULL,
    resources  jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX oauth_server_access_tokens_grant ON oauth_server_access_tokens (grant_id);
CREATE INDEX oauth_server_access_tokens_expiry ON oauth_server_access_tokens (expires_at);

-- Spent refresh tokens stay as long as their grant, so that reuse is recognised.
CREATE TABLE oauth_server_refresh_tokens (
    token_hash  bytea       NOT NULL PRIMARY KEY,
    grant_id    uuid        NOT NULL REFERENCES oauth_server_grants (id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    consumed_at timestamptz
);
CREATE INDEX oauth_server_refresh_tokens_grant ON oauth_server_refresh_tokens (grant_id);
