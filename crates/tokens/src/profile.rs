//! What the tokens of one issuer must be.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use thiserror::Error;

use crate::algorithm::Algorithm;
use crate::claim::{Absence, ClaimSpec};
use crate::fingerprint::{leading_128_bits, sha256};
use crate::jws::normal_type;
use crate::pointer::JsonPointer;

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;

/// The clock skew that is allowed for unless an issuer says otherwise.
pub const DEFAULT_SKEW: Duration = Duration::from_secs(30);

/// The greatest clock skew that may be allowed for: beyond it, an expiry means little.
pub const MAX_SKEW: Duration = Duration::from_secs(300);

/// Everything under which the tokens of an issuer are verified. Part of it are the [`ProfileOptions::issuer`] and the
/// algorithms; not part of it are the keys, which change by themselves, and the audience, which belongs to a service.
/// All of the same options share them: remembered tokens keep their profile, over however many loads of a configuration.
#[derive(Clone)]
pub struct Profile(Arc<Checked>);

/// The profiles that are in use, each once, and some that were.
static IN_USE: LazyLock<Mutex<HashMap<Revision, Weak<Checked>>>> = LazyLock::new(Mutex::default);

/// Options that were checked.
struct Checked {
    options: ProfileOptions,
    revision: Revision,
}

impl Profile {
    /// Checks the options.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(options: ProfileOptions) -> Result<Self, ProfileError> {
        options.check()?;
        let revision = Revision::of(&options);
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = in_use.get(&revision).and_then(Weak::upgrade) {
            return Ok(Self(same));
        }
        if in_use.len() == in_use.capacity() {
            in_use.retain(|_, one| one.strong_count() > 0);
        }
        let checked = Arc::new(Checked { options, revision });
        in_use.insert(revision, Arc::downgrade(&checked));
        Ok(Self(checked))
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &ProfileOptions {
        &self.0.options
    }

    /// What the issuer is called in the configuration.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.0.options.name
    }

    /// The issuer's identifier: the exact `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.options.issuer
    }

    /// What tells these options from all others: facts that were found under one revision hold under no other.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.revision
    }

    /// The type that a token of this `typ` has, if the issuer's tokens may have it. A token without `typ` is a JWT.
    pub(crate) fn token_type(&self, typ: Option<&str>) -> Option<&TokenType> {
        let typ = typ.unwrap_or("jwt");
        self.0.options.token_types.iter().find(|allowed| allowed.typ() == typ)
    }
}

impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        self.revision() == other.revision()
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("options", self.options())
            .field("revision", &self.revision())
            .finish()
    }
}

/// The options of a [`Profile`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProfileOptions {
    /// What the issuer is called in the configuration, as in `corp`.
    pub name: Arc<str>,
    /// The issuer's identifier: the exact `iss` of its tokens, compared byte by byte.
    pub issuer: String,
    /// The algorithms that the issuer signs with. At least one.
    pub algorithms: Vec<Algorithm>,
    /// The types that its tokens may have. At least one; not both [`TokenType::IdToken`] and [`TokenType::Jwt`], which
    /// no header tells apart.
    pub token_types: Vec<TokenType>,
    /// How far the issuer's clock may be from ours. At most [`MAX_SKEW`].
    pub skew: Duration,
    /// How long after `iat` a token is accepted, whatever its `exp`; tokens must then have an `iat`.
    pub max_age: Option<Duration>,
    /// How far apart `iat` and `exp` may be; tokens must then have an `iat`.
    pub max_lifetime: Option<Duration>,
    /// Whether tokens of type `at+jwt` must have every claim that RFC 9068 §2.2 requires. Without it they must have
    /// what every token must have: `iss`, `exp`, `sub`.
    pub strict_rfc9068: bool,
    /// Where the subject's groups stand: an array of strings, or one string.
    pub groups: Option<JsonPointer>,
    /// Whether a token without groups is refused.
    pub groups_required: bool,
    /// The claims that rules read.
    pub claims: Vec<ClaimSpec>,
    /// Whether a subject is a person or a workload.
    pub subjects: SubjectRule,
}

impl ProfileOptions {
    /// The safe options for an issuer of this name and identifier. Algorithms are still to be named; tokens are access
    /// tokens (RFC 9068), subjects are users.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, issuer: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            issuer: issuer.into(),
            algorithms: Vec::new(),
            token_types: vec![TokenType::AtJwt],
            skew: DEFAULT_SKEW,
            max_age: None,
            max_lifetime: None,
            strict_rfc9068: true,
            groups: None,
            groups_required: false,
            claims: Vec::new(),
            subjects: SubjectRule::User,
        }
    }

    fn check(&self) -> Result<(), ProfileError> {
        if self.issuer.is_empty() {
            return Err(ProfileError::NoIssuer);
        }
        if self.algorithms.is_empty() {
            return Err(ProfileError::NoAlgorithm);
        }
        if self.token_types.is_empty() {
            return Err(ProfileError::NoTokenType);
        }
        let allows = |token_type| self.token_types.contains(token_type);
        if allows(&TokenType::IdToken) && allows(&TokenType::Jwt) {
            return Err(ProfileError::AmbiguousType);
        }
        if self.skew > MAX_SKEW {
            return Err(ProfileError::Skew { skew: self.skew });
        }
        if self.max_age == Some(Duration::ZERO) || self.max_lifetime == Some(Duration::ZERO) {
            return Err(ProfileError::ZeroAge);
        }
        if self.groups_required && self.groups.is_none() {
            return Err(ProfileError::GroupsNowhere);
        }
        self.check_claims()
    }

    fn check_claims(&self) -> Result<(), ProfileError> {
        let mut names = BTreeSet::new();
        for claim in &self.claims {
            let name = Arc::clone(&claim.name);
            if !names.insert(&claim.name) {
                return Err(ProfileError::RepeatedClaim { name });
            }
            if let Absence::Default(value) = &claim.absent
                && value.kind() != claim.kind
            {
                let expected = claim.kind.expected();
                return Err(ProfileError::Default { name, expected });
            }
        }
        Ok(())
    }
}

/// The type of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// An access token after RFC 9068: `typ` is `at+jwt`.
    AtJwt,
    /// An ID token (OpenID Connect Core §2): `typ` is `JWT` or absent; `aud` and `iat` are required, and `azp` where
    /// there are several audiences. That the ID token answers our own request (`nonce`) is for the caller to check.
    IdToken,
    /// Any other token whose `typ` is `JWT` or absent.
    Jwt,
    /// A token of exactly this `typ`, in lower case and without `application/`, as in `txntoken+jwt`.
    Other(Arc<str>),
}

impl TokenType {
    /// The type for a `typ`, in whatever case and with or without `application/`. `JWT` is [`TokenType::Jwt`].
    #[must_use]
    pub fn of_typ(typ: &str) -> Self {
        match normal_type(typ).as_str() {
            "at+jwt" => Self::AtJwt,
            "jwt" => Self::Jwt,
            other => Self::Other(other.into()),
        }
    }

    fn typ(&self) -> &str {
        match self {
            Self::AtJwt => "at+jwt",
            Self::IdToken | Self::Jwt => "jwt",
            Self::Other(typ) => typ,
        }
    }
}

/// Whether the subjects of an issuer are people or workloads: declared, never guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SubjectRule {
    /// Every subject is a person.
    User,
    /// Every subject is a workload.
    Workload,
    /// A subject is a workload if the test holds, else a person.
    WorkloadWhen(ClaimTest),
}

/// A test on the claims of a token. Where it compares, a claim that is there and not a string gets the token refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClaimTest {
    /// The claim is there and is this text.
    Equals(JsonPointer, String),
    /// The claim is there; a `null` gets the token refused.
    Present(JsonPointer),
    /// Both claims are there and are the same text, as in `sub` and `client_id`.
    Same(JsonPointer, JsonPointer),
}

impl ClaimTest {
    /// The places that it looks at.
    pub(crate) fn places(&self) -> [Option<&JsonPointer>; 2] {
        match self {
            Self::Equals(place, _) | Self::Present(place) => [Some(place), None],
            Self::Same(one, other) => [Some(one), Some(other)],
        }
    }
}

/// What tells one set of options from another: 128 bits of SHA-256 over all of them. Options that were changed and
/// changed back have the same revision again. It means nothing outside this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision(u128);

impl Revision {
    /// The revision of options: everything in them that can be hashed.
    pub(crate) fn of(options: &impl Hash) -> Self {
        let mut hasher = Sha256Hasher(Context::new(&SHA256));
        options.hash(&mut hasher);
        Self(leading_128_bits(hasher.0.finish().as_ref()))
    }

    /// The revision of options that are written out as `text`. Unlike others it means the same in every process.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self(leading_128_bits(&sha256(text.as_bytes())))
    }

    /// The number, for a hash table.
    pub(crate) fn number(self) -> u128 {
        self.0
    }
}

/// Lets `derive(Hash)`, which never forgets a field, feed SHA-256.
struct Sha256Hasher(Context);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The short digest is asked for by hash tables only, and there is none here.
    fn finish(&self) -> u64 {
        0
    }
}

/// Why options are not a profile.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProfileError {
    /// Two types that no header tells apart.
    #[error("token types JWT and ID token cannot both be accepted: their `typ` is the same")]
    AmbiguousType,
    /// The default of a claim is of another kind than the claim.
    #[error("the default of claim `{name}` is not {expected}")]
    Default {
        /// The claim.
        name: Arc<str>,
        /// What the claim is.
        expected: &'static str,
    },
    /// Groups are required and nothing says where they stand.
    #[error("groups are required, but nothing says where they stand in a token")]
    GroupsNowhere,
    /// No algorithm is named.
    #[error("expected at least one algorithm")]
    NoAlgorithm,
    /// The issuer's identifier is empty.
    #[error("expected the issuer's identifier")]
    NoIssuer,
    /// No token type is named.
    #[error("expected at least one token type")]
    NoTokenType,
    /// Two claims have the same name.
    #[error("claim `{name}` is declared twice")]
    RepeatedClaim {
        /// The claim.
        name: Arc<str>,
    },
    /// The skew is too great.
    #[error("a clock skew of {skew:?} is more than {MAX_SKEW:?}")]
    Skew {
        /// The skew.
        skew: Duration,
    },
    /// A greatest age or lifetime of nothing.
    #[error("a greatest age or lifetime of zero accepts no token")]
    ZeroAge,
}
