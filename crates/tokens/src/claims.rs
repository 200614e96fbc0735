//! The declared claims of a token among its packed texts.
//!
//! Each is a list, whose meaning its declaration knows: none where the claim is absent or what it is by default,
//! one text where it is one value, and behind an empty text those of a list.

use std::iter::once;

use crate::claim::{ClaimKind, ClaimValue};
use crate::texts::{Packer, Texts};

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;

/// Packs the value of a claim, if it has one. Nothing if it is too long.
pub(crate) fn pack(packer: Packer, value: Option<&ClaimValue>) -> Option<Packer> {
    match value {
        None => packer.list::<&str>([]),
        Some(ClaimValue::Bool(value)) => packer.list([value.to_string()]),
        Some(ClaimValue::Long(value)) => packer.list([value.to_string()]),
        Some(ClaimValue::String(value)) => packer.list([value]),
        Some(ClaimValue::Strings(values)) => {
            let texts: Vec<_> = once("").chain(values.iter().map(String::as_str)).collect();
            packer.list(texts)
        }
    }
}

/// The value that was packed.
pub(crate) fn unpack(kind: ClaimKind, texts: Texts<'_>) -> Option<ClaimValue> {
    let mut texts = texts.into_iter();
    let first = texts.next()?;
    match kind {
        ClaimKind::Bool => first.parse().ok().map(ClaimValue::Bool),
        ClaimKind::Long => first.parse().ok().map(ClaimValue::Long),
        ClaimKind::String => Some(ClaimValue::String(first.to_owned())),
        ClaimKind::Strings => Some(ClaimValue::Strings(texts.map(str::to_owned).collect())),
    }
}
