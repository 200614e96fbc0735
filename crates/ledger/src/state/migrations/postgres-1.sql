-- A live session; one that ends is deleted. Moments are milliseconds since 1970.
CREATE TABLE doorward_sessions (
    id BYTEA PRIMARY KEY,
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    provider_session TEXT,
    facts BYTEA NOT NULL,
    -- Sealed with the operator's key.
    secrets BYTEA,
    began_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    idle BIGINT NOT NULL,
    -- The earlier of `ends_at` and `seen_at + idle`.
    live_until BIGINT NOT NULL,
    refresh_at BIGINT,
    -- Until when somebody has claimed to refresh it.
    refresh_claim BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX doorward_sessions_subject ON doorward_sessions (provider, subject);
CREATE INDEX doorward_sessions_provider_session ON doorward_sessions (provider, provider_session);
CREATE INDEX doorward_sessions_live_until ON doorward_sessions (live_until);

CREATE TABLE doorward_cookies (
    -- SHA-256 of the cookie's value.
    digest BYTEA PRIMARY KEY,
    session BYTEA NOT NULL REFERENCES doorward_sessions (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    -- The session's first cookie has 1.
    number BIGINT NOT NULL,
    UNIQUE (session, number)
);

-- What may be used once only.
CREATE TABLE doorward_used (
    digest BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (digest, purpose)
);
CREATE INDEX doorward_used_until ON doorward_used (until);

-- One row: the position of the log's last entry, and of the last one that was swept. Whoever appends holds it until the
-- commit, so that positions have no gaps and are in the order of commits.
CREATE TABLE doorward_log (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    position BIGINT NOT NULL,
    swept BIGINT NOT NULL
);
INSERT INTO doorward_log (one, position, swept) VALUES (1, 0, 0);

CREATE TABLE doorward_changes (
    position BIGINT PRIMARY KEY,
    session BYTEA NOT NULL,
    -- Why it ended; NULL if it changed.
    reason TEXT,
    at BIGINT NOT NULL
);
CREATE INDEX doorward_changes_session ON doorward_changes (session);

-- One row: by this value the operator's key is known.
CREATE TABLE doorward_key (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    check_value BYTEA NOT NULL
);
