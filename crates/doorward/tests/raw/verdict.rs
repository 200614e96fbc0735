//! Whether a request that the service saw is the one that was expected.

use anyhow::{Result, ensure};
use testbed::Seen;

use super::case::Clause;

impl Clause {
    /// Whether it holds of what the service saw.
    pub(crate) fn check(&self, seen: &Seen) -> Result<()> {
        match self {
            Self::Absent(name) => {
                let spelled = seen.message.head.fields.iter().find(|(key, _)| same(key, name));
                ensure!(spelled.is_none(), "expected no {name}, the service saw {spelled:?}");
            }
            Self::Body(body) => ensure!(
                seen.message.body == *body,
                "expected the body {}, the service saw {}",
                shown(body),
                shown(&seen.message.body)
            ),
            Self::Header(name, values) => ensure!(
                seen.values(name) == *values,
                "expected {name}: {values:?}, the service saw {:?}",
                seen.values(name)
            ),
            Self::Not(name, value) => {
                let values = seen.values(name);
                ensure!(
                    !values.is_empty() && !values.contains(&value.as_str()),
                    "expected {name} with another value than {value}, the service saw {values:?}"
                );
            }
            Self::Present(name) => {
                let values = seen.values(name);
                ensure!(
                    matches!(values.as_slice(), [value] if !value.is_empty()),
                    "expected one {name}, the service saw {values:?}"
                );
            }
            Self::TrailersNone => {
                let trailers = &seen.message.trailers;
                ensure!(trailers.is_empty(), "the service saw trailers: {}", shown(trailers));
            }
        }
        Ok(())
    }
}

/// Whether two spellings are one header, `-` and `_` told apart.
fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Bytes as a person can read them, cut short.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = bytes.escape_ascii().to_string();
    if text.len() > 300 {
        format!("`{}…` ({} bytes)", &text[..300], bytes.len())
    } else {
        format!("`{text}`")
    }
}
