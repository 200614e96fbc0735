//! Tokens and client certificates: bytes in, facts out. JOSE parsing, verification, typed claims, signing and key sets.
//!
//! Pure: no sockets, no files, no clock, no randomness. What comes out of [`UnverifiedToken::verify`] is a fact that the
//! gate may judge by; what has not been verified is another type, and offers nothing to judge by.
//!
//! ```text
//! &str ─▶ UnverifiedToken ── verify(Profile, KeySet, now) ─▶ VerifiedToken ─▶ TokenCache
//! DER  ─▶ UnverifiedChain ── verify(CertificateProfile, now) ─▶ VerifiedCertificate
//! ```

mod actor;
mod algorithm;
mod base64url;
mod cache;
pub mod calendar;
mod certificate;
mod claim;
mod claims;
mod computed;
mod confirmation;
mod excerpt;
mod facts;
mod fingerprint;
#[doc(hidden)]
pub mod fuzz;
mod id_token;
pub mod json;
mod jws;
mod key;
mod key_set;
mod limits;
mod logout_token;
mod mapping;
#[cfg(test)]
mod minting;
mod pointed;
mod pointer;
mod profile;
mod refusal;
mod registered;
mod scope;
mod session_id;
mod signer_certificate;
mod signing;
mod texts;
mod thumbprint;
mod time;
mod unverified;
mod validity;
mod verified;

pub use actor::Actor;
pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use cache::{OfToken, TokenCache};
pub use certificate::{
    CertificateProfile, CertificateProfileError, CertificateRefusal, CertificateSubject, MAX_CHAIN,
    MAX_SPIFFE_ID_BYTES, TrustDomain, TrustDomainError, UnverifiedChain, VerifiedCertificate,
};
pub use claim::{Absence, ClaimKind, ClaimSpec, ClaimValue};
pub use computed::{COMPUTED, ComputedRefusal, MAX_COMPUTED};
pub use confirmation::Confirmation;
pub use excerpt::Excerpt;
pub use facts::{Facts, FactsError};
pub use fingerprint::{Digest, Fingerprint};
pub use id_token::VerifiedIdToken;
pub use jws::{UnverifiedJws, VerifiedJws};
pub use key::KeyRefusal;
pub use key_set::{Generation, KeySet, KeySetError, ParsedKeySet, SkippedKey};
pub use limits::*;
pub use logout_token::{LOGOUT_TOKEN_TYPE, VerifiedLogoutToken};
pub use mapping::{Assurance, GroupPlace, GroupSource, Mapping, MappingError, MappingRefusal};
pub use pointer::{JsonPointer, PointerError};
pub use profile::{
    ClaimTest, DEFAULT_SKEW, MAX_SKEW, Profile, ProfileError, ProfileOptions, Revision,
    SubjectRule, TokenType,
};
pub use refusal::{Fault, Part, TokenRefusal, TypeName};
pub use session_id::{SessionId, SessionIdError};
pub use signer_certificate::{SignerCertificate, SignerCertificateError};
pub use signing::{SecretDocument, SigningError, SigningKey};
pub use texts::{Texts, TextsIter};
pub use thumbprint::Thumbprint;
pub use time::Timestamp;
pub use unverified::UnverifiedToken;
pub use verified::{SubjectKind, VerifiedToken};
