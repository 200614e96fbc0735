//! Moments as SAML writes them ([core] §1.3.3): xs:dateTime in UTC, with a `Z`.

use std::time::Duration;

use tokens::{Timestamp, calendar};

#[cfg(test)]
#[path = "instant_tests.rs"]
mod tests;

/// The last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// Whether something that was made at `issued` is made by now and no older than `max_age`, whatever the clocks differ by.
pub(crate) fn is_recent(
    issued: Timestamp,
    max_age: Duration,
    skew: Duration,
    now: Timestamp,
) -> bool {
    !is_to_come(issued, skew, now) && !is_past(issued.plus(max_age), skew, now)
}

/// Whether a moment, from which on something holds, is still to come, whatever the clocks differ by.
pub(crate) fn is_to_come(from: Timestamp, skew: Duration, now: Timestamp) -> bool {
    from > now.plus(skew)
}

/// Whether a moment, at which something ends, has come, whatever the clocks differ by.
pub(crate) fn is_past(until: Timestamp, skew: Duration, now: Timestamp) -> bool {
    until <= now.minus(skew)
}

/// The moment that a text such as `2026-11-01T00:00:00.250Z` stands for; nothing before 1970, no leap second.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (whole, fraction) =
        time.split_once('.').map_or((time, "0"), |(whole, fraction)| (whole, fraction));
    let [hour, minute, second] = numbers(whole, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = calendar::days(year, month, day)?;
    let seconds = u64::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).ok()?;
    Some(Timestamp::from_millis(seconds * 1_000 + millis(fraction)?))
}

/// The moment as SAML writes it, to the second.
#[must_use]
pub fn written(moment: Timestamp) -> String {
    let seconds = i64::try_from(moment.as_secs()).unwrap_or(i64::MAX).min(LAST);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = calendar::date(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = if plain { part.parse().ok()? } else { return None };
    }
    parts.next().is_none().then_some(numbers)
}

/// The first three digits behind the point; the rest is cut off.
fn millis(fraction: &str) -> Option<u64> {
    if fraction.is_empty()
        || fraction.len() > 12
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    format!("{fraction:0<3}").get(..3)?.parse().ok()
}
