//! An issuer: whose identities are believed, and what vouches for them.

use std::sync::Arc;

use tokens::{CertificateProfile, ClaimSpec, Profile, SubjectRule};

use super::ProviderSpec;

/// An issuer: whose identities are believed, under which options.
#[derive(Clone, Debug)]
pub struct IssuerSpec {
    /// What vouches for its identities.
    pub identities: Identities,
    /// A disabled issuer stops new and cached use alike.
    pub disabled: bool,
}

/// What vouches for the identities of an issuer. The profile's name is the issuer's in rules and records.
#[derive(Clone, Debug)]
pub enum Identities {
    /// Client certificates: what they must be.
    Certificates(CertificateProfile),
    /// Sessions: what its provider can tell.
    Sessions(ProviderSpec),
    /// Tokens: what they must be.
    Tokens(Profile),
}

impl IssuerSpec {
    /// An issuer of tokens.
    #[must_use]
    pub const fn of_tokens(profile: Profile) -> Self {
        Self { identities: Identities::Tokens(profile), disabled: false }
    }

    /// A provider, whose identities are known by a session.
    #[must_use]
    pub const fn of_sessions(provider: ProviderSpec) -> Self {
        Self { identities: Identities::Sessions(provider), disabled: false }
    }

    /// An issuer of client certificates.
    #[must_use]
    pub const fn of_certificates(profile: CertificateProfile) -> Self {
        Self { identities: Identities::Certificates(profile), disabled: false }
    }

    /// Its name in rules and records.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match &self.identities {
            Identities::Certificates(profile) => profile.name(),
            Identities::Sessions(provider) => &provider.name,
            Identities::Tokens(profile) => profile.name(),
        }
    }

    /// What its tokens must be, if it issues tokens.
    #[must_use]
    pub const fn tokens(&self) -> Option<&Profile> {
        match &self.identities {
            Identities::Certificates(_) | Identities::Sessions(_) => None,
            Identities::Tokens(profile) => Some(profile),
        }
    }

    /// What its client certificates must be, if it issues those.
    #[must_use]
    pub const fn certificates(&self) -> Option<&CertificateProfile> {
        match &self.identities {
            Identities::Certificates(profile) => Some(profile),
            Identities::Sessions(_) | Identities::Tokens(_) => None,
        }
    }

    /// What its sessions can tell, if it is a provider.
    #[must_use]
    pub const fn sessions(&self) -> Option<&ProviderSpec> {
        match &self.identities {
            Identities::Sessions(provider) => Some(provider),
            Identities::Certificates(_) | Identities::Tokens(_) => None,
        }
    }

    /// Whether its identities can be in groups.
    pub(crate) fn tells_groups(&self) -> bool {
        match &self.identities {
            Identities::Certificates(_) => false,
            Identities::Sessions(provider) => provider.groups,
            Identities::Tokens(profile) => profile.options().groups.is_some(),
        }
    }

    /// Whether its subjects are people or workloads.
    pub(crate) fn subjects(&self) -> SubjectRule {
        match &self.identities {
            Identities::Certificates(_) => SubjectRule::Workload,
            Identities::Sessions(provider) => provider.subjects.clone(),
            Identities::Tokens(profile) => profile.options().subjects.clone(),
        }
    }

    /// The claims that its identities have.
    pub(crate) fn claims(&self) -> &[ClaimSpec] {
        match &self.identities {
            Identities::Certificates(_) => &[],
            Identities::Sessions(provider) => &provider.claims,
            Identities::Tokens(profile) => &profile.options().claims,
        }
    }
}
