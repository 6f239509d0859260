-- Access tokens that a client was given for another one (RFC 8693): which client, what it calls itself, from which token, and who acts
-- for whom, the last one first (a JSON list of client ids). They belong to the grant of the token they come from.
ALTER TABLE oauth_server_access_tokens ADD COLUMN client_id text;
ALTER TABLE oauth_server_access_tokens ADD COLUMN client_name text;
ALTER TABLE oauth_server_access_tokens ADD COLUMN parent_id uuid;
ALTER TABLE oauth_server_access_tokens ADD COLUMN actors jsonb;
CREATE INDEX oauth_server_access_tokens_client ON oauth_server_access_tokens (client_id);
CREATE INDEX oauth_server_access_tokens_parent ON oauth_server_access_tokens (parent_id);
