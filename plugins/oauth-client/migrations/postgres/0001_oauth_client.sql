-- Accounts elsewhere that are ways into accounts here. Tokens are sealed, each for its row and column.

-- `subject` is unique within `issuer` alone, so both name the account there. `lease_until` is held while one node
-- refreshes the tokens.
CREATE TABLE oauth_client_accounts (
    id                 uuid        NOT NULL PRIMARY KEY,
    user_id            uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    provider           text        NOT NULL,
    issuer             text        NOT NULL,
    subject            text        NOT NULL,
    email              text,
    token_type         text,
    scope              text,
    access_token       text,
    refresh_token      text,
    id_token           text,
    access_expires_at  timestamptz,
    refresh_expires_at timestamptz,
    lease_until        timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    last_used_at       timestamptz
);
CREATE UNIQUE INDEX oauth_client_accounts_identity ON oauth_client_accounts (provider, issuer, subject);
CREATE INDEX oauth_client_accounts_user ON oauth_client_accounts (user_id, provider);
