//! What the ledger keeps of a session that only we can read: its facts, and under which options they were found.

use serde_json::{Value, json};
use tokens::{Facts, Revision, Timestamp};

/// The facts of a session, as they go into the ledger and come out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// What the provider has vouched for.
    pub(crate) facts: Facts,
    /// The text of the provider's options under which the facts were found, as a digest.
    pub(crate) revision: String,
    /// Until when the facts may be used without having been asked for anew; none for as long as the session lasts.
    pub(crate) fresh_until: Option<Timestamp>,
}

impl Kept {
    /// The bytes that the ledger keeps.
    #[must_use]
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let until = self.fresh_until.map(Timestamp::as_millis);
        let kept = json!({
            "facts": self.facts.to_json(),
            "revision": self.revision,
            "fresh_until": until,
        });
        kept.to_string().into_bytes()
    }

    /// Reads what [`Kept::to_bytes`] wrote; nothing of what another version wrote that is not understood.
    #[must_use]
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let kept: Value = serde_json::from_slice(bytes).ok()?;
        let until = kept.get("fresh_until")?;
        Some(Self {
            facts: Facts::from_json(kept.get("facts")?.as_str()?.as_bytes()).ok()?,
            revision: kept.get("revision")?.as_str()?.to_owned(),
            fresh_until: match until {
                Value::Null => None,
                until => Some(Timestamp::from_millis(until.as_u64()?)),
            },
        })
    }

    /// The first moment at which the facts are too old, if they ever are.
    #[must_use]
    pub(crate) fn usable_until(&self) -> Timestamp {
        self.fresh_until.unwrap_or(Timestamp::MAX)
    }

    /// What the facts hold under.
    #[must_use]
    pub(crate) fn revision(&self) -> Revision {
        Revision::of_text(&self.revision)
    }
}

#[cfg(test)]
mod tests {
    use tokens::SubjectKind;

    use super::*;
    use crate::provider::test_provider::now;

    fn kept(fresh_until: Option<Timestamp>) -> Kept {
        let facts = Facts {
            subject: "alice".to_owned(),
            kind: SubjectKind::User,
            groups: vec!["support".to_owned()],
            claims: Default::default(),
            acr: Some("urn:example:mfa".to_owned()),
            amr: vec!["pwd".to_owned()],
            auth_time: Some(now()),
        };
        Kept { facts, revision: "1".to_owned(), fresh_until }
    }

    #[test]
    fn what_was_written_is_read_as_it_was() {
        for fresh_until in [None, Some(now())] {
            let kept = kept(fresh_until);
            assert_eq!(Kept::read(&kept.to_bytes()), Some(kept));
        }
    }

    #[test]
    fn the_longest_facts_that_a_provider_may_tell_can_be_kept() {
        let mut long = kept(Some(now()));
        let around = tokens::MAX_FACTS_BYTES - long.facts.to_json().len();
        // Nothing grows more than what is escaped twice.
        long.facts.groups.push("\"".repeat((around - 3) / 2));
        assert!(long.facts.to_json().len() >= tokens::MAX_FACTS_BYTES - 1);
        let bytes = long.to_bytes().len();
        assert!(bytes <= ledger::state::MAX_FACTS_BYTES, "{bytes}");
    }

    #[test]
    fn what_another_version_wrote_is_not_guessed_at() {
        let written: Value = serde_json::from_slice(&kept(None).to_bytes()).unwrap();
        for (name, other) in [
            ("facts", Value::Null),
            ("facts", json!("{}")),
            ("revision", json!(1)),
            ("fresh_until", json!("soon")),
            ("fresh_until", json!(-1)),
        ] {
            let mut written = written.clone();
            written[name] = other.clone();
            assert_eq!(Kept::read(written.to_string().as_bytes()), None, "{name}: {other}");
        }
        for name in ["facts", "revision", "fresh_until"] {
            let mut written = written.clone();
            written.as_object_mut().unwrap().remove(name);
            assert_eq!(Kept::read(written.to_string().as_bytes()), None, "{name}");
        }
        assert_eq!(Kept::read(b""), None);
    }
}
