//! How long an answer stays true, by its header (RFC 9111).

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};
use tokens::Timestamp;

/// What an answer says about its own lifetime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// `Cache-Control: max-age`, the smallest if there are several; zero if it is not a number or if the answer says
    /// `no-cache` or `no-store`.
    pub max_age: Option<Duration>,
    /// `Age`: how long it lay in caches on the way; zero if absent.
    pub age: Duration,
    /// `Expires`; the epoch if it is not a date, as RFC 9111 §5.3 asks.
    pub expires: Option<Timestamp>,
    /// `Date`: when it was made, on the clock of the other side.
    pub date: Option<Timestamp>,
}

impl Freshness {
    /// How long from `now` the answer stays fresh (RFC 9111 §4.2.1); `None` if it does not say.
    #[must_use]
    pub fn lifetime(&self, now: Timestamp) -> Option<Duration> {
        let whole = match (self.max_age, self.expires) {
            (Some(max_age), _) => max_age,
            (None, Some(expires)) => expires.since(self.date.unwrap_or(now)),
            (None, None) => return None,
        };
        Some(whole.saturating_sub(self.age))
    }

    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let date = |name| {
            let text = headers.get(name)?.to_str().unwrap_or_default();
            let date = httpdate::parse_http_date(text).unwrap_or(UNIX_EPOCH);
            let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
            Some(Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
        };
        let age = headers.get(AGE).and_then(|age| seconds(age.to_str().ok()?));
        Self {
            max_age: max_age(headers),
            age: age.unwrap_or_default(),
            expires: date(EXPIRES),
            date: date(DATE).filter(|date| *date != Timestamp::default()),
        }
    }
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(CACHE_CONTROL).into_iter();
    let directives = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    let ages = directives.filter_map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "max-age" => Some(seconds(value.trim().trim_matches('"')).unwrap_or_default()),
            "no-cache" | "no-store" => Some(Duration::ZERO),
            _ => None,
        }
    });
    ages.min()
}

/// `delta-seconds` (RFC 9111 §1.2.2).
fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
#[path = "freshness_tests.rs"]
mod tests;
