//! What expressions compute with.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A value. Copies share what they hold.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, from `i64::MIN` to `u64::MAX`.
    Int(i128),
    /// A finite number with a fraction.
    Double(f64),
    /// Text.
    String(Arc<str>),
    /// A list.
    List(Arc<[Value]>),
    /// Members by name.
    Map(Arc<BTreeMap<Arc<str>, Value>>),
    /// Something that is there and is not told: whoever asks for it gets an error, for neither its presence nor its
    /// absence is known.
    Withheld,
}

impl Value {
    /// Its type, in messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Double(_) => "a fraction",
            Self::String(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Withheld => "withheld",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        Self::List(values.into_iter().collect())
    }
}

impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Self {
        Self::Map(Arc::new(members.into_iter().map(|(name, value)| (name.into(), value)).collect()))
    }
}
