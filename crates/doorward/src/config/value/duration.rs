use std::fmt;
use std::time::Duration;

use schemars::{Schema, json_schema};

use super::bounded::Quantity;
use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A length of time, such as `500ms`, `30s`, `5m`, `24h` or `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct Time(Duration);

written! { Time }

const GRAMMAR: &str = "^[0-9]{1,10}(ms|s|m|h|d)$";
const MILLIS_OF_UNITS: [(u64, &str); 5] =
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];

impl Time {
    pub(in crate::config) const fn millis(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    pub(in crate::config) const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    pub(in crate::config) const fn minutes(count: u64) -> Self {
        Self(Duration::from_mins(count))
    }

    pub(in crate::config) const fn hours(count: u64) -> Self {
        Self(Duration::from_hours(count))
    }

    pub(in crate::config) const fn days(count: u64) -> Self {
        Self(Duration::from_hours(24 * count))
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl Written for Time {
    const TITLE: &'static str = "duration";
    const EXPECTED: &'static str = "a duration";
    const HELP: &'static str = "write a number and its unit: `500ms`, `30s`, `5m`, `24h`, `30d`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some(GRAMMAR);

    fn read(text: &str) -> Result<Self, Complaint> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
        let scale = MILLIS_OF_UNITS.iter().find(|(_, name)| *name == unit).map(|(scale, _)| *scale);
        let refused =
            || Complaint::new(format!("`{}` is not a duration", shortened(text))).help(Self::HELP);
        let scale = scale.filter(|_| (1..=10).contains(&digits)).ok_or_else(refused)?;
        let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(scale));
        millis.map(Self::millis).ok_or_else(refused)
    }
}

impl fmt::Display for Time {
    /// In the largest unit that leaves no rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let even = |(scale, _): &&(u64, &str)| millis >= *scale && millis.is_multiple_of(*scale);
        match MILLIS_OF_UNITS.iter().find(even) {
            Some((scale, unit)) => write!(f, "{}{unit}", millis.checked_div(*scale).unwrap_or(0)),
            None => f.write_str("0s"),
        }
    }
}

impl Quantity for Time {
    fn schema() -> Schema {
        json_schema!({ "type": "string", "title": Self::TITLE, "pattern": GRAMMAR })
    }

    fn json(self) -> serde_json::Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_back_in_its_largest_unit() {
        for (written, shown) in [
            ("0s", "0s"),
            ("500ms", "500ms"),
            ("1000ms", "1s"),
            ("90s", "90s"),
            ("60m", "1h"),
            ("24h", "1d"),
        ] {
            assert_eq!(Time::read(written).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_number_without_a_known_unit_is_refused() {
        for text in ["", "5", "s", "5 s", "5sec", "-5s", "1.5h", "99999999999s", "9999999999d9"] {
            assert!(Time::read(text).is_err(), "{text}");
        }
    }
}
