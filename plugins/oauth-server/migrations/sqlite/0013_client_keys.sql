-- The keys with which a client proves who it is (RFC 7523 section 2.2): inline, or where it publishes them.
ALTER TABLE oauth_server_clients ADD COLUMN keys TEXT;
-- How a client known by its metadata document proved who it was when it was given a grant; it does so with every refresh.
ALTER TABLE oauth_server_grants ADD COLUMN client_auth TEXT;

-- Assertions that were taken: none is taken twice, at whatever node, until it ends (RFC 7523 section 3).
CREATE TABLE oauth_server_assertions (
    assertion_hash BLOB    NOT NULL PRIMARY KEY,
    expires_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_server_assertions_expiry ON oauth_server_assertions (expires_at);
