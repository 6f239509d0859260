-- For whom a grant lets act: an organization, and teams of it (a JSON list; empty for every team of the person).
ALTER TABLE oauth_server_grants ADD COLUMN organization_id uuid;
ALTER TABLE oauth_server_grants ADD COLUMN team_ids jsonb NOT NULL DEFAULT '[]';
CREATE INDEX oauth_server_grants_organization ON oauth_server_grants (organization_id, user_id);
