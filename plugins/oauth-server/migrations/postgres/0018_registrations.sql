-- What lets a client manage its own registration (RFC 7592), and invitations to register where not everybody may (RFC 7591 section 1.2).
ALTER TABLE oauth_server_clients ADD COLUMN registration_token_hash bytea;

CREATE TABLE oauth_server_invitations (
    id         uuid NOT NULL PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    name       text NOT NULL,
    uses_left  bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_server_invitations_expiry ON oauth_server_invitations (expires_at);
