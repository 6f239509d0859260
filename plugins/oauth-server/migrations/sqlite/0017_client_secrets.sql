-- A secret may end, and the one before it may go on beside it for a while. Failed attempts to prove who a client is are counted here, so
-- that all nodes know of them: `key` is a keyed hash, of which nobody reads an address.
ALTER TABLE oauth_server_clients ADD COLUMN secret_expires_at INTEGER;
ALTER TABLE oauth_server_clients ADD COLUMN previous_secret_hash BLOB;
ALTER TABLE oauth_server_clients ADD COLUMN previous_secret_ends_at INTEGER;

CREATE TABLE oauth_server_attempts (
    key      BLOB    NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    ends_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_server_attempts_end ON oauth_server_attempts (ends_at);
