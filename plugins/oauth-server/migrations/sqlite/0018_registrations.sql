-- What lets a client manage its own registration (RFC 7592), and invitations to register where not everybody may (RFC 7591 section 1.2).
ALTER TABLE oauth_server_clients ADD COLUMN registration_token_hash BLOB;

CREATE TABLE oauth_server_invitations (
    id         BLOB NOT NULL PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    uses_left  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_server_invitations_expiry ON oauth_server_invitations (expires_at);
