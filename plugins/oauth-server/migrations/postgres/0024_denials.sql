-- Clients that a person has said no to, until they let them in by hand: nobody else's word goes before theirs.
CREATE TABLE oauth_server_denials (
    user_id   uuid        NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    client_id text        NOT NULL REFERENCES oauth_server_clients (id) ON DELETE CASCADE,
    denied_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX oauth_server_denials_client ON oauth_server_denials (client_id);
