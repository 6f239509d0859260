-- Tokens that are bound to a key (RFC 9449): the SHA-256 thumbprint of it (RFC 7638). A refresh token is bound for public clients alone.
ALTER TABLE oauth_server_access_tokens ADD COLUMN key_thumbprint text;
ALTER TABLE oauth_server_client_tokens ADD COLUMN key_thumbprint text;
ALTER TABLE oauth_server_refresh_tokens ADD COLUMN key_thumbprint text;
-- Clients that are given nothing without a key to bind it to (`dpop_bound_access_tokens`).
ALTER TABLE oauth_server_clients ADD COLUMN dpop_bound boolean NOT NULL DEFAULT false;

-- Proofs that were used: none is used twice, at whatever node, while it is timely (RFC 9449 section 11.1).
CREATE TABLE oauth_server_proofs (
    proof_hash bytea       NOT NULL PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_server_proofs_expiry ON oauth_server_proofs (expires_at);
