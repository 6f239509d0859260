-- The stays in the organization and the teams of a grant that it was made for (a JSON list). A grant for an organization that
-- was made before they were remembered names none, and lets nobody in.
ALTER TABLE oauth_server_grants ADD COLUMN membership_ids jsonb NOT NULL DEFAULT '[]';
