-- Devices that wait for a person (RFC 8628). `user_code_hash` is made with a key of the host: the code is short enough to be guessed
-- from a plain hash.
CREATE TABLE oauth_server_devices (
    device_hash      bytea       NOT NULL PRIMARY KEY,
    user_code_hash   bytea       NOT NULL UNIQUE,
    client_id        text        NOT NULL,
    request          jsonb       NOT NULL,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    interval_seconds bigint      NOT NULL,
    next_poll_at     timestamptz,
    user_id          uuid        REFERENCES core_users (id) ON DELETE CASCADE,
    session_id       uuid,
    denied_at        timestamptz,
    grant_id         uuid
);
CREATE INDEX oauth_server_devices_client ON oauth_server_devices (client_id);
CREATE INDEX oauth_server_devices_user ON oauth_server_devices (user_id);
CREATE INDEX oauth_server_devices_expiry ON oauth_server_devices (expires_at);

-- How often somebody has typed a code of a device, right or wrong, at all nodes together.
CREATE TABLE oauth_server_guesses (
    key_hash   bytea       NOT NULL PRIMARY KEY,
    guesses    bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_server_guesses_expiry ON oauth_server_guesses (expires_at);
