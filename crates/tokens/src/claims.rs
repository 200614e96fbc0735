//! The declared claims of a token: few, never changed, and remembered for every token that is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::claim::ClaimValue;

/// Declared claims, in the order of their names. They take no more memory than they need, which a map would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(Box<[(Arc<str>, ClaimValue)]>);

impl Claims {
    /// The claim of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ClaimValue> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ClaimValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl From<BTreeMap<Arc<str>, ClaimValue>> for Claims {
    fn from(claims: BTreeMap<Arc<str>, ClaimValue>) -> Self {
        Self(claims.into_iter().collect())
    }
}
