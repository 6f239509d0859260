-- Who took a slug, unless the account is gone or the host took it: slugs are taken for good, so nobody takes all of them.
ALTER TABLE organization_slugs ADD COLUMN taken_by UUID;
CREATE INDEX organization_slugs_taken_by ON organization_slugs (taken_by);
