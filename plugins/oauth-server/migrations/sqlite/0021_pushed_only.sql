-- Clients whose authorization requests are sent ahead (RFC 9126 section 6, `require_pushed_authorization_requests`).
ALTER TABLE oauth_server_clients ADD COLUMN pushed_only INTEGER NOT NULL DEFAULT 0;
