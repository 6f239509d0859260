-- Devices that wait for a person (RFC 8628). `user_code_hash` is made with a key of the host: the code is short enough to be guessed
-- from a plain hash.
CREATE TABLE oauth_server_devices (
    device_hash      BLOB    NOT NULL PRIMARY KEY,
    user_code_hash   BLOB    NOT NULL UNIQUE,
    client_id        TEXT    NOT NULL,
    request          TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    interval_seconds INTEGER NOT NULL,
    next_poll_at     INTEGER,
    user_id          BLOB    REFERENCES core_users (id) ON DELETE CASCADE,
    session_id       BLOB,
    denied_at        INTEGER,
    grant_id         BLOB
) STRICT;
CREATE INDEX oauth_server_devices_client ON oauth_server_devices (client_id);
CREATE INDEX oauth_server_devices_user ON oauth_server_devices (user_id);
CREATE INDEX oauth_server_devices_expiry ON oauth_server_devices (expires_at);

-- How often somebody has typed a code of a device, right or wrong, at all nodes together.
CREATE TABLE oauth_server_guesses (
    key_hash   BLOB    NOT NULL PRIMARY KEY,
    guesses    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_server_guesses_expiry ON oauth_server_guesses (expires_at);
