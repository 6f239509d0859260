-- What somebody who is banned is told besides, in the operators' words. The reason beside it stays with operators.
ALTER TABLE core_users ADD COLUMN ban_notice TEXT;
