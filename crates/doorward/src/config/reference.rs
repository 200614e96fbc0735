//! The reference of all keys in docs/configuration.md.

/// x
#[must_use]
pub fn reference() -> String {
    String::new()
}
