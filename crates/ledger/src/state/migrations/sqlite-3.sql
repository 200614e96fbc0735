-- What is kept for a browser between two of its requests. Moments are milliseconds since 1970.
CREATE TABLE doorward_left (
    digest BLOB PRIMARY KEY,
    -- Sealed with the operator's key.
    thing BLOB NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX doorward_left_until ON doorward_left (until);
