-- What a spent refresh token was answered, for as long as the same answer may be given again: sealed under the token itself, so that
-- nothing in this database opens it. And which token each one was given for: two for one there cannot be.
ALTER TABLE oauth_server_refresh_tokens ADD COLUMN answer bytea;
ALTER TABLE oauth_server_refresh_tokens ADD COLUMN previous_hash bytea;
CREATE UNIQUE INDEX oauth_server_refresh_tokens_previous ON oauth_server_refresh_tokens (previous_hash);
CREATE INDEX oauth_server_refresh_tokens_answered ON oauth_server_refresh_tokens (consumed_at) WHERE answer IS NOT NULL;
