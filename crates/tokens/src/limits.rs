//! How large the parts of a token may be.

/// The longest token, in bytes: twice what common servers take for a whole header line.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The longest header of a token, decoded, in bytes: room for a certificate chain that we ignore.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// The longest identifier in a token or key, in bytes: `sub`, `jti`, `client_id`, `azp`, `acr`, `kid`. OpenID Connect
/// Core §2 sets it for `sub`.
pub const MAX_IDENTIFIER_BYTES: usize = 255;

/// How many groups a sign-in may establish.
pub const MAX_GROUPS: usize = 4096;

/// The longest that facts may be, written as JSON, in bytes: what one session costs at most.
pub const MAX_FACTS_BYTES: usize = 256 * 1024;

/// How many keys a key set may publish.
pub const MAX_KEYS: usize = 100;

/// How many keys are tried for one token: what a stranger's token may cost in public-key operations.
pub const MAX_CANDIDATE_KEYS: usize = 8;

/// How many actors may stand behind one another in `act` (RFC 8693 §4.1).
pub const MAX_ACTORS: usize = 4;

/// The latest NumericDate, in seconds: the end of the year 9999. A later one is a mistake, such as milliseconds.
pub const MAX_NUMERIC_DATE: u64 = 253_402_300_799;
