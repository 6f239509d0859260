-- The program of an organization's own that acted, with nobody behind it, and what it was called then.
ALTER TABLE core_audit ADD COLUMN service_id uuid;
ALTER TABLE core_audit ADD COLUMN service_name text;
