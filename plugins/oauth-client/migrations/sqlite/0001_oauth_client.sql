-- Accounts elsewhere that are ways into accounts here.
-- Moments are INTEGER microseconds since 1970; ids are 16-byte UUIDs. Tokens are sealed, each for its row and column.

-- `subject` is unique within `issuer` alone, so both name the account there. `lease_until` is held while one node
-- refreshes the tokens.
CREATE TABLE oauth_client_accounts (
    id                 BLOB    NOT NULL PRIMARY KEY,
    user_id            BLOB    NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    provider           TEXT    NOT NULL,
    issuer             TEXT    NOT NULL,
    subject            TEXT    NOT NULL,
    email              TEXT,
    token_type         TEXT,
    scope              TEXT,
    access_token       TEXT,
    refresh_token      TEXT,
    id_token           TEXT,
    access_expires_at  INTEGER,
    refresh_expires_at INTEGER,
    lease_until        INTEGER,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    last_used_at       INTEGER
) STRICT;
CREATE UNIQUE INDEX oauth_client_accounts_identity ON oauth_client_accounts (provider, issuer, subject);
CREATE INDEX oauth_client_accounts_user ON oauth_client_accounts (user_id, provider);
