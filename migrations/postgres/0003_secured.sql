-- When whoever else may have been in an account was last put out of it: by a new password for a forgotten one, or by its owner
-- taking it back. What browsers learned before does not count.
ALTER TABLE core_users ADD COLUMN secured_at timestamptz;
