use std::fmt;

use schemars::{Schema, json_schema};

use super::bounded::Quantity;
use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A number of bytes, such as `64KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct Size(u64);

written! { Size }

const GRAMMAR: &str = "^[0-9]{1,15}(B|KiB|MiB|GiB|TiB)$";
const UNITS: [(u64, &str); 5] =
    [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];

impl Size {
    pub(in crate::config) const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    pub(in crate::config) const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    pub(in crate::config) const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    pub(in crate::config) const fn bytes(count: u64) -> Self {
        Self(count)
    }

    pub(in crate::config) const fn get(self) -> u64 {
        self.0
    }
}

impl Written for Size {
    const TITLE: &'static str = "size";
    const EXPECTED: &'static str = "a size";
    const HELP: &'static str = "write a number and its unit: `512B`, `64KiB`, `1MiB`, `2GiB`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some(GRAMMAR);

    fn read(text: &str) -> Result<Self, Complaint> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
        let scale = UNITS.iter().find(|(_, name)| *name == unit).map(|(scale, _)| *scale);
        let number = number.parse::<u64>().ok().filter(|_| digits <= 15);
        let size = scale.zip(number).and_then(|(scale, number)| number.checked_mul(scale));
        size.map(Self).ok_or_else(|| {
            let help = match (unit, number) {
                ("K" | "k" | "kB" | "KB" | "Ki", Some(number)) => format!("write `{number}KiB`"),
                ("M" | "m" | "MB" | "Mi", Some(number)) => format!("write `{number}MiB`"),
                ("G" | "g" | "GB" | "Gi", Some(number)) => format!("write `{number}GiB`"),
                _ => Self::HELP.to_owned(),
            };
            Complaint::new(format!("`{}` is not a size", shortened(text))).help(help)
        })
    }
}

impl fmt::Display for Size {
    /// In the largest unit that leaves no rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let even = |(scale, _): &&(u64, &str)| self.0 >= *scale && self.0.is_multiple_of(*scale);
        match UNITS.iter().find(even) {
            Some((scale, unit)) => write!(f, "{}{unit}", self.0.checked_div(*scale).unwrap_or(0)),
            None => f.write_str("0B"),
        }
    }
}

impl Quantity for Size {
    fn schema() -> Schema {
        json_schema!({ "type": "string", "title": Self::TITLE, "pattern": GRAMMAR })
    }

    fn json(self) -> serde_json::Value {
        self.to_string().into()
    }
}
