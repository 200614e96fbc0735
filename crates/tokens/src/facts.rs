//! What a provider has vouched for when somebody signed in.

mod json;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::claim::ClaimValue;
use crate::time::Timestamp;
use crate::verified::SubjectKind;

pub use json::FactsError;

/// The facts about a subject that signed in, whatever its provider spoke. They mean nothing without the provider: the
/// key of an identity is (provider, subject), and nothing else ever links two of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Facts {
    /// The subject as its provider wrote it.
    pub subject: String,
    /// Whether it is a person or a workload, by the provider's rule.
    pub kind: SubjectKind,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// The declared claims that it has or that have a default, by name.
    pub claims: BTreeMap<Arc<str>, ClaimValue>,
    /// How sure the provider is of it: `acr` (OpenID Connect Core §2).
    pub acr: Option<String>,
    /// By what means it signed in: `amr` (RFC 8176).
    pub amr: Vec<String>,
    /// When it signed in with the provider, which can be long before it came to us: `auth_time`.
    pub auth_time: Option<Timestamp>,
}

impl fmt::Debug for Facts {
    /// Who, not what else the provider says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").field("subject", &self.subject).finish_non_exhaustive()
    }
}
