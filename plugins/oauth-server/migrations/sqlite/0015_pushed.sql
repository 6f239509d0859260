-- Authorization requests that clients sent ahead (RFC 9126). `taken_at`: when a browser brought the address, which from then on has
-- another handle that this browser alone knows.
CREATE TABLE oauth_server_pushed (
    handle_hash BLOB    NOT NULL PRIMARY KEY,
    client_id   TEXT    NOT NULL,
    query       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    taken_at    INTEGER
) STRICT;
CREATE INDEX oauth_server_pushed_client ON oauth_server_pushed (client_id);
CREATE INDEX oauth_server_pushed_expiry ON oauth_server_pushed (expires_at);
