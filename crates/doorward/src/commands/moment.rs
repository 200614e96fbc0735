//! Moments as people write them: RFC 3339, or seconds since 1970.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use tokens::{MAX_NUMERIC_DATE, Timestamp, calendar};

const SECONDS_PER_DAY: i64 = 86_400;

/// A moment, for people: `2026-11-23T23:11:53Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

/// Why a text is not a moment.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a moment: expected `2026-11-23T23:11:53Z` or seconds since 1970")]
pub(crate) struct MomentError(String);

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let seconds = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().ok()
        } else {
            rfc3339(text)
        };
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| *seconds <= MAX_NUMERIC_DATE);
        let seconds = seconds.ok_or_else(|| MomentError(text.to_owned()))?;
        Ok(Self(Timestamp::from_secs(seconds)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.as_secs().min(MAX_NUMERIC_DATE)).unwrap_or_default();
        let (days, rest) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
        let (year, month, day) = calendar::date(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Seconds since 1970, by RFC 3339 §5.6; parts of a second are left out.
fn rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (year, month, day) = three(date, '-')?;
    let (time, east) = offset(time)?;
    let (hour, minute, second) = three(time.split('.').next()?, ':')?;
    let fits = hour < 24 && minute < 60 && second <= 60;
    let days = calendar::days(year, month, day).filter(|_| fits)?;
    Some(days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - east)
}

/// The time, and by how many seconds it is ahead of UTC.
fn offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let (time, offset) = time.split_at_checked(time.rfind(['+', '-'])?)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let seconds = number(hours)? * 3600 + number(minutes)? * 60;
    Some((time, if offset.starts_with('-') { -seconds } else { seconds }))
}

fn three(text: &str, between: char) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(between).map(number);
    let found = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(found)
}

fn number(text: &str) -> Option<i64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written_alike() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-23T23:11:53Z", 1_795_475_513),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            let moment = Moment(Timestamp::from_secs(seconds));
            assert_eq!(text.parse(), Ok(moment), "{text}");
            assert_eq!(moment.to_string(), text);
        }
        assert_eq!("2000-02-29T14:30:00.5+02:30".parse::<Moment>(), "951825600".parse());
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["", "yesterday", "2026-02-30T00:00:00Z", "2026-11-23", "2026-11-23T23:11:53", "-1"]
        {
            let refused = text.parse::<Moment>().unwrap_err().to_string();
            let rest = "is not a moment: expected `2026-11-23T23:11:53Z` or seconds since 1970";
            assert_eq!(refused, format!("`{text}` {rest}"));
        }
    }
}
