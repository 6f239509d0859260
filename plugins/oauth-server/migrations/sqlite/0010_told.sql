-- What id tokens of a grant say and are signed with: none (null) where `openid` was not granted, or before it was kept.
ALTER TABLE oauth_server_grants ADD COLUMN id_token_algorithm TEXT;
ALTER TABLE oauth_server_grants ADD COLUMN signed_in_by TEXT;
-- The key that signed a token, so that everything it has signed can end at once; null for opaque tokens.
ALTER TABLE oauth_server_access_tokens ADD COLUMN key_id TEXT;
ALTER TABLE oauth_server_client_tokens ADD COLUMN key_id TEXT;
CREATE INDEX oauth_server_access_tokens_key ON oauth_server_access_tokens (key_id) WHERE key_id IS NOT NULL;
CREATE INDEX oauth_server_client_tokens_key ON oauth_server_client_tokens (key_id) WHERE key_id IS NOT NULL;
