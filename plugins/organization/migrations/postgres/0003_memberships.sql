-- One stay of a person: whoever leaves and comes back has another. What was made for one does not count for the next.
ALTER TABLE organization_members ADD COLUMN id uuid;
UPDATE organization_members SET id = gen_random_uuid();
