-- Whose a client is: a person's or an organization's; and since when the operator vouches for it, so that people need not be asked.
ALTER TABLE oauth_server_clients ADD COLUMN owner_user_id uuid;
ALTER TABLE oauth_server_clients ADD COLUMN owner_organization_id uuid;
ALTER TABLE oauth_server_clients ADD COLUMN trusted_at timestamptz;
CREATE INDEX oauth_server_clients_owner ON oauth_server_clients (owner_user_id);
CREATE INDEX oauth_server_clients_organization ON oauth_server_clients (owner_organization_id);
