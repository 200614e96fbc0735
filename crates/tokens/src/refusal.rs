//! Why a token is not believed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::algorithm::{Algorithm, UnknownAlgorithm};
use crate::excerpt::Excerpt;
use crate::json::JsonError;
use crate::time::Timestamp;

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;

/// Why a token is refused: one variant per reason. The message is for the operator's records and never holds the token
/// nor the value of a claim other than its times; [`TokenRefusal::public_text`] is for the caller.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The issuer does not use this algorithm.
    #[error("algorithm {algorithm} is not one that the issuer is configured to use")]
    AlgorithmNotAllowed {
        /// The algorithm of the header.
        algorithm: Algorithm,
    },
    /// The signature does not belong to the token and the key.
    #[error("the signature does not verify")]
    BadSignature,
    /// A claim holds characters it must not hold.
    #[error("claim `{name}` is not {expected}")]
    ClaimForm {
        /// The claim, or where it stands.
        name: Arc<str>,
        /// What it must be.
        expected: &'static str,
    },
    /// The header asks for compression.
    #[error("the header asks for `zip`, and compressed tokens are not accepted")]
    Compressed,
    /// The header names extensions that must be understood.
    #[error("the header has `crit`, and no extension is understood")]
    CriticalExtension,
    /// A claim is kept elsewhere (OpenID Connect Core §5.6.2), where we do not fetch it.
    #[error("claim `{name}` is distributed (`_claim_names`), and such claims are not fetched")]
    DistributedClaim {
        /// The claim.
        name: Arc<str>,
    },
    /// A part of the token is not canonical base64url.
    #[error("the {part} is not base64url without padding")]
    Encoding {
        /// The part.
        part: Part,
    },
    /// The token has ended.
    #[error("the token expired at {expired_at}")]
    Expired {
        /// When it ended, by its own word.
        expired_at: Timestamp,
    },
    /// The token has a claim that tells it for a token of another type.
    #[error("claim `{name}` has no place in {token}")]
    ForeignClaim {
        /// The claim.
        name: &'static str,
        /// What the token was taken for.
        token: &'static str,
    },
    /// A member of the header is not text.
    #[error("header member `{name}` is not a string")]
    HeaderNotText {
        /// The member.
        name: &'static str,
    },
    /// The token was issued at a time that has not come.
    #[error("the token was issued in the future, at {issued_at}")]
    IssuedInFuture {
        /// When it was issued, by its own word.
        issued_at: Timestamp,
    },
    /// Header or payload is not strict JSON.
    #[error("the {part} is not strict JSON: {source}")]
    Json {
        /// The part.
        part: Part,
        /// What is wrong with it.
        source: JsonError,
    },
    /// The named key cannot verify the named algorithm.
    #[error("the key that the token names does not verify {algorithm}")]
    KeyUnfit {
        /// The algorithm of the header.
        algorithm: Algorithm,
    },
    /// The token may be used for longer than the issuer is allowed to say.
    #[error("the token is valid for {lifetime:?}, longer than {limit:?}")]
    Lifetime {
        /// From `iat` to `exp`.
        lifetime: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A claim, or the `kid`, is too long.
    #[error("`{name}` is longer than {limit} bytes")]
    LongClaim {
        /// The claim, or where it stands.
        name: Arc<str>,
        /// The limit.
        limit: usize,
    },
    /// The header is too long.
    #[error("the header has {bytes} bytes, more than {limit}")]
    LongHeader {
        /// Its length, decoded.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A claim that must be there is not.
    #[error("claim `{name}` is missing")]
    MissingClaim {
        /// The claim, or where it should stand.
        name: Arc<str>,
    },
    /// A claim is of another type than it must be; `null` is of no type.
    #[error("claim `{name}` is not {expected}")]
    MistypedClaim {
        /// The claim, or where it stands.
        name: Arc<str>,
        /// What it must be.
        expected: &'static str,
    },
    /// The header names no algorithm.
    #[error("the header has no `alg`")]
    NoAlgorithm,
    /// Header or payload is not an object.
    #[error("the {part} is not a JSON object")]
    NotAnObject {
        /// The part.
        part: Part,
    },
    /// The token is not in three parts.
    #[error("a token has three parts with `.` between them: header, payload, signature")]
    NotCompact,
    /// The token does not hold yet.
    #[error("the token is not valid before {not_before}")]
    NotYetValid {
        /// From when it holds, by its own word.
        not_before: Timestamp,
    },
    /// `scope` and `scp` disagree.
    #[error("claims `scope` and `scp` differ")]
    ScopesDiffer,
    /// Too many actors stand behind one another.
    #[error("claim `act` names more than {limit} actors behind one another")]
    TooManyActors {
        /// The limit.
        limit: usize,
    },
    /// More keys could have signed the token than are tried.
    #[error("more than {limit} of the issuer's keys could have signed the token")]
    TooManyKeys {
        /// The limit.
        limit: usize,
    },
    /// The token is too long.
    #[error("the token has {bytes} bytes, more than {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The token was issued too long ago, though it has not ended.
    #[error("the token was issued at {issued_at}, longer than {max_age:?} ago")]
    TooOld {
        /// When it was issued, by its own word.
        issued_at: Timestamp,
        /// The greatest age that is accepted.
        max_age: Duration,
    },
    /// The token is of a type that the issuer's tokens must not have.
    #[error("the token is of type {typ}, which is not one that the issuer is configured to use")]
    TypeNotAllowed {
        /// The `typ` of the header.
        typ: TypeName,
    },
    /// The header asks for an unencoded payload.
    #[error("the header asks for `b64` other than true, and unencoded payloads are not accepted")]
    UnencodedPayload,
    /// The header's algorithm is not one we know.
    #[error("{source}")]
    UnknownAlgorithm {
        /// The name, and those we know.
        source: UnknownAlgorithm,
    },
    /// No key that we know of the issuer has the token's `kid`; or the token names none, and no key verifies it. The
    /// issuer may have newer keys: fetch them, at a bounded rate, and try once more.
    #[error("{}", unknown_key(.kid.as_ref()))]
    UnknownKey {
        /// The `kid` of the header.
        kid: Option<Excerpt>,
    },
    /// The token is of another issuer than the one it is judged by.
    #[error("claim `iss` is not the issuer's identifier")]
    WrongIssuer,
}

impl TokenRefusal {
    /// Whose fault it is, and so what can help.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Expired { .. } | Self::TooOld { .. } => Fault::Expired,
            Self::TooManyKeys { .. } | Self::UnknownKey { .. } => Fault::Keys,
            _ => Fault::Caller,
        }
    }

    /// What the caller may be told, as in an `error_description` (RFC 6750 §3). Fixed words: nothing of the token.
    #[must_use]
    pub fn public_text(&self) -> &'static str {
        match self {
            Self::Expired { .. } | Self::TooOld { .. } => "the token expired",
            Self::IssuedInFuture { .. } | Self::NotYetValid { .. } => "the token is not valid yet",
            Self::TooManyKeys { .. } | Self::UnknownKey { .. } => {
                "the token is signed with an unknown key"
            }
            Self::BadSignature | Self::KeyUnfit { .. } => "the token's signature is not valid",
            Self::LongHeader { .. } | Self::TooLong { .. } => "the token is too long",
            Self::Compressed
            | Self::CriticalExtension
            | Self::Encoding { .. }
            | Self::HeaderNotText { .. }
            | Self::Json { .. }
            | Self::NoAlgorithm
            | Self::NotAnObject { .. }
            | Self::NotCompact
            | Self::UnencodedPayload => "the token is malformed",
            Self::AlgorithmNotAllowed { .. }
            | Self::ClaimForm { .. }
            | Self::DistributedClaim { .. }
            | Self::ForeignClaim { .. }
            | Self::Lifetime { .. }
            | Self::LongClaim { .. }
            | Self::MissingClaim { .. }
            | Self::MistypedClaim { .. }
            | Self::ScopesDiffer
            | Self::TooManyActors { .. }
            | Self::TypeNotAllowed { .. }
            | Self::UnknownAlgorithm { .. }
            | Self::WrongIssuer => "the token is not acceptable here",
        }
    }

    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlgorithmNotAllowed { .. } => "algorithm_not_allowed",
            Self::BadSignature => "bad_signature",
            Self::ClaimForm { .. } => "claim_form",
            Self::Compressed => "compressed",
            Self::CriticalExtension => "critical_extension",
            Self::DistributedClaim { .. } => "distributed_claim",
            Self::Encoding { .. } => "encoding",
            Self::Expired { .. } => "expired",
            Self::ForeignClaim { .. } => "foreign_claim",
            Self::HeaderNotText { .. } => "header_not_text",
            Self::IssuedInFuture { .. } => "issued_in_future",
            Self::Json { .. } => "json",
            Self::KeyUnfit { .. } => "key_unfit",
            Self::Lifetime { .. } => "lifetime",
            Self::LongClaim { .. } => "long_claim",
            Self::LongHeader { .. } => "long_header",
            Self::MissingClaim { .. } => "missing_claim",
            Self::MistypedClaim { .. } => "mistyped_claim",
            Self::NoAlgorithm => "no_algorithm",
            Self::NotAnObject { .. } => "not_an_object",
            Self::NotCompact => "not_compact",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::ScopesDiffer => "scopes_differ",
            Self::TooManyActors { .. } => "too_many_actors",
            Self::TooManyKeys { .. } => "too_many_keys",
            Self::TooLong { .. } => "too_long",
            Self::TooOld { .. } => "too_old",
            Self::TypeNotAllowed { .. } => "type_not_allowed",
            Self::UnencodedPayload => "unencoded_payload",
            Self::UnknownAlgorithm { .. } => "unknown_algorithm",
            Self::UnknownKey { .. } => "unknown_key",
            Self::WrongIssuer => "wrong_issuer",
        }
    }
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The token is wrong and stays wrong.
    Caller,
    /// The token was right once: the caller should fetch a new one.
    Expired,
    /// The keys we hold do not settle it.
    Keys,
}

/// A part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What comes before the first dot.
    Header,
    /// What stands between the dots.
    Payload,
    /// What follows the second dot.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// The `typ` of a header, in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName(Option<Excerpt>);

impl TypeName {
    /// The name for a message; `None` if the header has no `typ`.
    pub(crate) fn of(typ: Option<&str>) -> Self {
        Self(typ.map(Excerpt::of))
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(typ) => write!(f, "`{typ}`"),
            None => f.write_str("JWT (it names none)"),
        }
    }
}

fn unknown_key(kid: Option<&Excerpt>) -> String {
    match kid {
        Some(kid) => format!("the issuer has no key called `{kid}`, as far as we know"),
        None => "the token names no key, and none that we know of the issuer verifies it".into(),
    }
}
