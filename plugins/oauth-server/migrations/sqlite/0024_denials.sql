-- Clients that a person has said no to, until they let them in by hand: nobody else's word goes before theirs.
CREATE TABLE oauth_server_denials (
    user_id   BLOB    NOT NULL REFERENCES core_users (id) ON DELETE CASCADE,
    client_id TEXT    NOT NULL REFERENCES oauth_server_clients (id) ON DELETE CASCADE,
    denied_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT;
CREATE INDEX oauth_server_denials_client ON oauth_server_denials (client_id);
