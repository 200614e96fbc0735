use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{FilePath, SealingKey, Text};

/// The ledger: what must last and be shared, such as sessions. Exactly one of `sqlite` and `postgres`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Ledger {
    /// A file of SQLite, for one machine; created when it is not there.
    pub(in crate::config) sqlite: Option<FilePath>,
    /// A PostgreSQL database, shared by all replicas: `postgres://user:${file:password}@host/database`.
    pub(in crate::config) postgres: Option<Text>,
    /// What secrets are sealed with, in the ledger and in what browsers carry: 32 bytes in hexadecimal digits or base64,
    /// the same for all replicas. By default SQLite has a file beside it, made with it; required with `postgres`.
    pub(in crate::config) key: Option<SealingKey>,
}
