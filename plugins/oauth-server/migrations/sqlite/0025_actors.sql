-- The clients that were given tokens of a grant for other ones (RFC 8693), and what they call themselves. Tokens are soon forgotten; who
-- has acted for an agent is known as long as the agent is connected.
CREATE TABLE oauth_server_actors (
    grant_id    BLOB    NOT NULL REFERENCES oauth_server_grants (id) ON DELETE CASCADE,
    client_id   TEXT    NOT NULL,
    client_name TEXT    NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (grant_id, client_id)
) STRICT;
INSERT INTO oauth_server_actors (grant_id, client_id, client_name, last_at)
    SELECT grant_id, client_id, MIN(client_name), MAX(created_at) FROM oauth_server_access_tokens
    WHERE client_id IS NOT NULL AND client_name IS NOT NULL GROUP BY grant_id, client_id;

-- A client that is known by its metadata document is told of ended sessions, too, and has no row.
CREATE TABLE oauth_server_logouts_new (
    id         TEXT    NOT NULL PRIMARY KEY,
    client_id  TEXT    NOT NULL,
    sid        TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_at    INTEGER NOT NULL
) STRICT;
INSERT INTO oauth_server_logouts_new SELECT id, client_id, sid, subject, attempts, created_at, next_at FROM oauth_server_logouts;
DROP TABLE oauth_server_logouts;
ALTER TABLE oauth_server_logouts_new RENAME TO oauth_server_logouts;
CREATE INDEX oauth_server_logouts_client ON oauth_server_logouts (client_id);
CREATE INDEX oauth_server_logouts_next ON oauth_server_logouts (next_at);
