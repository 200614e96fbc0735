//! Values within bounds, each with a default.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::config::decode::Complaint;

/// What can be bounded.
pub(in crate::config) trait Quantity:
    Copy + fmt::Display + PartialOrd + for<'de> Deserialize<'de>
{
    /// The JSON type and grammar.
    fn schema() -> Schema;

    /// The value as JSON writes it.
    fn json(self) -> serde_json::Value;
}

/// The bounds of one key.
pub(in crate::config) trait Bound {
    type Of: Quantity;
    const LEAST: Self::Of;
    const MOST: Self::Of;
    /// What holds when the key is not written; none when that has a meaning of its own.
    const DEFAULT: Option<Self::Of>;
}

/// A value within the bounds `B`.
pub(in crate::config) struct Bounded<B: Bound>(B::Of);

impl<B: Bound> Bounded<B> {
    pub(in crate::config) fn value(&self) -> B::Of {
        self.0
    }
}

impl<B: Bound> Default for Bounded<B> {
    fn default() -> Self {
        Self(B::DEFAULT.unwrap_or(B::LEAST))
    }
}

impl<B: Bound> fmt::Debug for Bounded<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de, B: Bound> Deserialize<'de> for Bounded<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = B::Of::deserialize(deserializer)?;
        let (least, most) = (B::LEAST, B::MOST);
        if value < least || value > most {
            let side = if value < least { "too small" } else { "too large" };
            let complaint = Complaint::new(format!("`{value}` is {side}"))
                .help(format!("write a value from `{least}` to `{most}`"));
            return Err(serde::de::Error::custom(complaint));
        }
        Ok(Self(value))
    }
}

impl<B: Bound> JsonSchema for Bounded<B> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "bounded".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = B::Of::schema();
        schema.insert("x-least".to_owned(), B::LEAST.json());
        schema.insert("x-most".to_owned(), B::MOST.json());
        if let serde_json::Value::Number(_) = B::LEAST.json() {
            schema.insert("minimum".to_owned(), B::LEAST.json());
            schema.insert("maximum".to_owned(), B::MOST.json());
        }
        if let Some(default) = B::DEFAULT {
            schema.insert("default".to_owned(), default.json());
        }
        schema
    }
}

/// A whole number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct Count(pub(in crate::config) i64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeNumber).map(Self)
    }
}

struct WholeNumber;

impl serde::de::Visitor<'_> for WholeNumber {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let help = "write digits alone, without a unit, a point or quotes";
        fmt::Display::fmt(&Complaint::new("a whole number").help(help), f)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }
}

impl Quantity for Count {
    fn schema() -> Schema {
        json_schema!({ "type": "integer" })
    }

    fn json(self) -> serde_json::Value {
        self.0.into()
    }
}

/// Names bounds: `bound! { /// doc  HeaderBytes: Size, Size::kib(1) to Size::mib(1), default Size::kib(32); }`
macro_rules! bound {
    ($($(#[$doc:meta])* $name:ident: $of:ty, $least:expr, $most:expr, $default:expr;)*) => {$(
        $(#[$doc])*
        pub(in crate::config) struct $name;

        impl crate::config::value::Bound for $name {
            type Of = $of;
            const LEAST: $of = $least;
            const MOST: $of = $most;
            const DEFAULT: Option<$of> = $default;
        }
    )*};
}
pub(in crate::config) use bound;
