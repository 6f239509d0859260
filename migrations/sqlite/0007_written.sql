-- The program of an organization's own that acted, with nobody behind it, and what it was called then.
ALTER TABLE core_audit ADD COLUMN service_id BLOB;
ALTER TABLE core_audit ADD COLUMN service_name TEXT;

-- Entries in the order of writing: ids are made when an entry is written, `at` is when a call began. The acts have this
-- order as their key.
CREATE INDEX core_decisions_written ON core_decisions (id, organization_id);
