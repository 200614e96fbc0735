//! An issuer: whose identities are believed, and what vouches for them.

use std::sync::Arc;

use tokens::{CertificateProfile, ClaimSpec, Profile, SubjectRule};

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
#[expect(clippy::large_enum_variant, reason = "there are few issuers, and nearly all issue tokens")]
pub enum Identities {
    /// Client certificates: what they must be.
    Certificates(CertificateProfile),
    /// Tokens: what they must be.
    Tokens(Profile),
}

impl IssuerSpec {
    /// An issuer of tokens.
    #[must_use]
    pub const fn of_tokens(profile: Profile) -> Self {
        Self { identities: Identities::Tokens(profile), disabled: false }
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
            Identities::Tokens(profile) => profile.name(),
        }
    }

    /// What its tokens must be, if it issues tokens.
    #[must_use]
    pub const fn tokens(&self) -> Option<&Profile> {
        match &self.identities {
            Identities::Certificates(_) => None,
            Identities::Tokens(profile) => Some(profile),
        }
    }

    /// What its client certificates must be, if it issues those.
    #[must_use]
    pub const fn certificates(&self) -> Option<&CertificateProfile> {
        match &self.identities {
            Identities::Certificates(profile) => Some(profile),
            Identities::Tokens(_) => None,
        }
    }

    /// Whether its identities can be in groups.
    pub(crate) fn tells_groups(&self) -> bool {
        self.tokens().is_some_and(|profile| profile.options().groups.is_some())
    }

    /// Whether its subjects are people or workloads.
    pub(crate) fn subjects(&self) -> SubjectRule {
        self.tokens().map_or(SubjectRule::Workload, |profile| profile.options().subjects.clone())
    }

    /// The claims that its identities have.
    pub(crate) fn claims(&self) -> &[ClaimSpec] {
        self.tokens().map_or(&[], |profile| &profile.options().claims)
    }
}
