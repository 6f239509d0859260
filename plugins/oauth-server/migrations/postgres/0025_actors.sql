-- The clients that were given tokens of a grant for other ones (RFC 8693), and what they call themselves. Tokens are soon forgotten; who
-- has acted for an agent is known as long as the agent is connected.
CREATE TABLE oauth_server_actors (
    grant_id    uuid        NOT NULL REFERENCES oauth_server_grants (id) ON DELETE CASCADE,
    client_id   text        NOT NULL,
    client_name text        NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (grant_id, client_id)
);
INSERT INTO oauth_server_actors (grant_id, client_id, client_name, last_at)
    SELECT grant_id, client_id, MIN(client_name), MAX(created_at) FROM oauth_server_access_tokens
    WHERE client_id IS NOT NULL AND client_name IS NOT NULL GROUP BY grant_id, client_id;

-- A client that is known by its metadata document is told of ended sessions, too, and has no row.
ALTER TABLE oauth_server_logouts DROP CONSTRAINT oauth_server_logouts_client_id_fkey;
