//! Host patterns: which hosts a route takes.

use crate::request::canonical_name;

/// Which hosts a route takes. Ports do not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// Exactly this host.
    Exact(String),
    /// Exactly one label more than this: `*.example.com` holds `example.com` here.
    OneLabelUnder(String),
    /// Any host.
    Any,
}

/// Why a text is not a host pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a host: expected a name without a port, `*.example.com` for one label, or `*` for any host"
)]
pub struct HostPatternError(String);

impl HostPattern {
    /// Reads a host as a route writes it.
    ///
    /// # Errors
    /// [`HostPatternError`] when it is neither a name, nor a name behind `*.`, nor `*`.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        let error = || HostPatternError(text.to_owned());
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(parent) = text.strip_prefix("*.") {
            return Ok(Self::OneLabelUnder(canonical_name(parent).map_err(|_| error())?));
        }
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: std::net::Ipv6Addr = address.parse().map_err(|_| error())?;
            return Ok(Self::Exact(format!("[{address}]")));
        }
        Ok(Self::Exact(canonical_name(text).map_err(|_| error())?))
    }

    /// Whether every host that `other` takes is one that this takes.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::OneLabelUnder(parent), Self::Exact(name)) => parent_of(name) == Some(parent),
            _ => self == other,
        }
    }

    /// The pattern of the hosts that both take, if there are any.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            Some(other.clone())
        } else if other.covers(self) {
            Some(self.clone())
        } else {
            None
        }
    }
}

/// What is left of a host name without its first label.
pub(super) fn parent_of(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(name) => f.write_str(name),
            Self::OneLabelUnder(parent) => write!(f, "*.{parent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_wildcards_of_one_label_or_anything() {
        let covers = |a: &str, b: &str| {
            HostPattern::parse(a).unwrap().covers(&HostPattern::parse(b).unwrap())
        };
        assert!(covers("*", "*.example.com") && covers("*", "a.example.com") && covers("*", "*"));
        assert!(
            covers("*.example.com", "A.example.com.") && covers("*.example.com", "*.example.com")
        );
        assert!(
            !covers("*.example.com", "example.com") && !covers("*.example.com", "a.b.example.com")
        );
        assert!(!covers("*.example.com", "*.b.example.com") && !covers("a.example.com", "*"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "a.example.com:8080", "a*.example.com", "*.*", "**.example.com", "http://a"]
        {
            let message = format!(
                "`{text}` is not a host: expected a name without a port, `*.example.com` for one label, or `*` for any host"
            );
            assert_eq!(HostPattern::parse(text).unwrap_err().to_string(), message);
        }
    }
}
