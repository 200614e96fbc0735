//! A provider, as the gate knows it: what its sessions can tell.

use std::sync::Arc;

use tokens::{ClaimSpec, Revision, SubjectRule};

/// What the sessions of a provider are.
#[derive(Clone, Debug)]
pub struct ProviderSpec {
    /// Its name in routes, rules and records.
    pub name: Arc<str>,
    /// Whether its identities can be in groups.
    pub groups: bool,
    /// Whether its subjects are people or workloads.
    pub subjects: SubjectRule,
    /// The claims that its identities have.
    pub claims: Vec<ClaimSpec>,
    /// What tells its options from all others: facts that were found under one revision hold under no other.
    pub revision: Revision,
}
