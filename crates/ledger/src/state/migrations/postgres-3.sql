-- What is kept for a browser between two of its requests. Moments are milliseconds since 1970.
CREATE TABLE doorward_left (
    digest BYTEA PRIMARY KEY,
    -- Sealed with the operator's key.
    thing BYTEA NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX doorward_left_until ON doorward_left (until);
