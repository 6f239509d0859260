-- Authorization requests that clients sent ahead (RFC 9126). `taken_at`: when a browser brought the address, which from then on has
-- another handle that this browser alone knows.
CREATE TABLE oauth_server_pushed (
    handle_hash bytea       NOT NULL PRIMARY KEY,
    client_id   text        NOT NULL,
    query       text        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    taken_at    timestamptz
);
CREATE INDEX oauth_server_pushed_client ON oauth_server_pushed (client_id);
CREATE INDEX oauth_server_pushed_expiry ON oauth_server_pushed (expires_at);
