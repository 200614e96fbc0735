-- Until when the facts may be used that a refresh has found to be the same; NULL if they are others, or if it ended.
ALTER TABLE doorward_changes ADD COLUMN same_until INTEGER;
-- By whom and why it was revoked.
ALTER TABLE doorward_changes ADD COLUMN note TEXT;
