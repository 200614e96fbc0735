//! How an issuer's keys are doing, for `/readyz` and metrics.

use std::fmt;

use tokens::Timestamp;

/// How the keys of an issuer are doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerStatus {
    /// The name of the issuer in the configuration.
    pub name: String,
    /// Where the keys come from, for people.
    pub source: String,
    /// Whether there are keys, and how old they are.
    pub state: IssuerState,
    /// Why the last fetch failed; nothing after a success.
    pub last_error: Option<String>,
    /// How many keys can be used.
    pub keys: usize,
    /// How many published keys had to be left out.
    pub skipped: usize,
    /// When the keys were fetched.
    pub fetched_at: Option<Timestamp>,
    /// When the next fetch is due; nothing while one is due or under way, or if there will be none.
    pub next: Option<Timestamp>,
    /// How many fetches have ended, in good or in bad.
    pub fetches: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were caused by a token with an unknown key.
    pub refetches: u64,
}

/// Whether an issuer has keys that may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerState {
    /// No keys yet.
    Starting,
    /// Keys within their lifetime; the last fetch went well.
    Fresh,
    /// Keys within their lifetime; the last fetch failed.
    Failing,
    /// Keys beyond their lifetime, within the grace.
    Stale,
    /// The last keys were too old; none any more.
    Expired,
}

impl IssuerState {
    /// Every state there is.
    pub const ALL: [Self; 5] =
        [Self::Starting, Self::Fresh, Self::Failing, Self::Stale, Self::Expired];

    /// Whether tokens of the issuer can be verified.
    #[must_use]
    pub fn is_serving(self) -> bool {
        matches!(self, Self::Fresh | Self::Failing | Self::Stale)
    }

    /// Its name in `/readyz` and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Fresh => "fresh",
            Self::Failing => "failing",
            Self::Stale => "stale",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for IssuerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
