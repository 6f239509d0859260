-- What the id tokens of a client are signed with (`id_token_signed_response_alg`).
ALTER TABLE oauth_server_clients ADD COLUMN id_token_algorithm TEXT NOT NULL DEFAULT 'RS256';
