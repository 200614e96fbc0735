-- By what else its provider may end it: the digest of a name of the subject. NULL if there is none.
ALTER TABLE doorward_sessions ADD COLUMN alias BLOB;
CREATE INDEX doorward_sessions_alias ON doorward_sessions (provider, alias);
