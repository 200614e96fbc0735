//! Where a ledger is, and how it is opened.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use thiserror::Error;

use crate::OperatorKey;

/// How long a call may take unless it is said otherwise.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(2);
/// How many connections there are at most unless it is said otherwise.
pub const DEFAULT_CONNECTIONS: u32 = 8;
/// How long SQLite itself waits for another process; beyond it a call waits in its place among others, within its limit.
pub const BUSY_WAIT: Duration = Duration::from_millis(20);

/// Where a ledger is, and how it is opened.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    /// Where it is.
    pub place: LedgerPlace,
    /// Where the operator's key is.
    pub key: KeyPlace,
    /// How many connections there are at most, at least 1, beside the one that reads the log: with PostgreSQL one more hears of
    /// the log's growth, with SQLite one more writes.
    pub connections: u32,
    /// How long each call may take.
    pub limit: Duration,
}

/// Where a ledger is.
#[derive(Clone, Debug)]
pub enum LedgerPlace {
    /// In a database that replicas share.
    Postgres(PostgresUrl),
    /// In this file, which is made if it is not there, with its folder; SQLite keeps two more beside it. Several processes of this machine
    /// may open it; not over a network file system.
    Sqlite(PathBuf),
}

/// Where the operator's key is.
#[derive(Clone, Debug)]
pub enum KeyPlace {
    /// In this file of mode 0600, which is made together with the ledger, and never after it.
    File(PathBuf),
    /// Here.
    Given(OperatorKey),
}

/// Where a PostgreSQL is: `postgres://user:password@host:port/database`, with the parameters that libpq has too.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

/// The parameters that a URL may have; another would be passed over in silence.
const PARAMETERS: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
];

impl PostgresUrl {
    /// Reads a URL. Beyond this machine the connection is always TLS, with a certificate that is the host's
    /// (`sslmode=verify-full`, which need not be said).
    ///
    /// # Errors
    /// If it cannot be read, has an unknown parameter, or asks for less than that.
    pub fn parse(url: &str) -> Result<Self, PostgresUrlError> {
        let says_mode = says_mode(url)?;
        let options = PgConnectOptions::from_str(url).map_err(|_| PostgresUrlError::Unreadable)?;
        let here = options.get_socket().is_some() || is_loopback(options.get_host());
        let options = match says_mode {
            false if here => options.ssl_mode(PgSslMode::Prefer),
            false => options.ssl_mode(PgSslMode::VerifyFull),
            true => options,
        };
        if !here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Err(PostgresUrlError::Unverified { host: options.get_host().to_owned() });
        }
        Ok(Self(Box::new(options)))
    }

    /// The host, or the folder of the socket.
    #[must_use]
    pub fn host(&self) -> String {
        self.0
            .get_socket()
            .map_or_else(|| self.0.get_host().to_owned(), |path| path.display().to_string())
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.0).clone().disable_statement_logging()
    }
}

impl fmt::Debug for PostgresUrl {
    /// Where, not with which password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.host())
    }
}

/// What is wrong with the URL of a PostgreSQL. No text here quotes it: it has a password.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PostgresUrlError {
    /// A parameter that means nothing.
    #[error("the PostgreSQL URL has an unknown parameter; expected {}", PARAMETERS.map(|name| format!("`{name}`")).join(", "))]
    Parameter,
    /// It is no such URL.
    #[error("the PostgreSQL URL cannot be read; expected `postgres://user:password@host/database`")]
    Unreadable,
    /// Others on the way could read and write the ledger.
    #[error(
        "the PostgreSQL URL weakens `sslmode` for `{host}`; expected `verify-full` for a host that is not this machine"
    )]
    Unverified {
        /// The host.
        host: String,
    },
}

/// Whether a URL says an `sslmode`.
fn says_mode(url: &str) -> Result<bool, PostgresUrlError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(PostgresUrlError::Unreadable);
    }
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut says = false;
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let name = part.split_once('=').map_or(part, |(name, _)| name);
        if !PARAMETERS.contains(&name) {
            return Err(PostgresUrlError::Parameter);
        }
        says |= name == "sslmode";
    }
    Ok(says)
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
