//! A token that is believed: facts to judge by.

mod reading;

use std::fmt;
use std::sync::Arc;

use crate::actor::Actor;
use crate::algorithm::Algorithm;
use crate::claim::{Absence, ClaimSpec, ClaimValue};
use crate::claims::unpack;
use crate::confirmation::Confirmation;
use crate::fingerprint::{Digest, Fingerprint};
use crate::key_set::KeySet;
use crate::limits::MAX_CANDIDATE_KEYS;
use crate::profile::{Profile, Revision, TokenType};
use crate::refusal::TokenRefusal;
use crate::texts::{PackedTexts, Texts};
use crate::thumbprint::Thumbprint;
use crate::time::Timestamp;
use crate::validity::Validity;

/// The facts of a verified token. Only [`crate::UnverifiedToken::verify`] makes one. Facts hold under the profile and the
/// keys they were found with, and from [`VerifiedToken::usable_from`] until [`VerifiedToken::usable_until`].
///
/// Many thousands are remembered, and then few are in the processor's cache: what every judgement reads comes first.
#[derive(PartialEq)]
#[repr(C)]
pub struct VerifiedToken {
    presented: Digest,
    profile: Profile,
    expires_at: Timestamp,
    issued_at: Option<Timestamp>,
    /// What few tokens say.
    rare: Option<Box<Rare>>,
    /// What is a text, or a list of them, by its [`TextPart`].
    texts: PackedTexts,
    kind: SubjectKind,
    algorithm: Algorithm,
    token_type: TokenType,
    fingerprint: Fingerprint,
    key_thumbprint: Thumbprint,
}

/// Where a text stands among those of a token: in this order they are packed. Whoever looks for a part walks through those
/// before it: first is what a judgement asks for, and claims are before the groups, which can be many.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TextPart {
    Audiences,
    Subject,
    ClientId,
    Scopes,
    /// A list for each of the declared claims, in the order of the profile.
    Claims,
    Groups,
    Jti,
    KeyId,
}

/// What few tokens say. Tokens are remembered by the hundred thousand: the others have no room for it.
#[derive(Default, PartialEq)]
struct Rare {
    authorized_party: Option<String>,
    not_before: Option<Timestamp>,
    acr: Option<String>,
    amr: Vec<String>,
    auth_time: Option<Timestamp>,
    actors: Vec<Actor>,
    confirmation: Option<Confirmation>,
}

/// Whether a subject is a person or a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A person.
    User,
    /// A service, a job or an agent.
    Workload,
}

impl VerifiedToken {
    /// The issuer, as it is called in the configuration. A subject or a group means nothing without it.
    #[must_use]
    pub fn issuer(&self) -> &Arc<str> {
        self.profile.name()
    }

    /// The type of the token, by its `typ` and the profile.
    #[must_use]
    pub fn token_type(&self) -> &TokenType {
        &self.token_type
    }

    /// `sub`: whom the token is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.one(TextPart::Subject).unwrap_or_default()
    }

    /// Whether the subject is a person or a workload, by the profile's rule.
    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// `aud`: for whom the token is meant; empty if it does not say.
    #[must_use]
    pub fn audiences(&self) -> Texts<'_> {
        self.texts(TextPart::Audiences)
    }

    /// Whether the token is meant for `audience`, compared byte by byte.
    #[must_use]
    pub fn has_audience(&self, audience: &str) -> bool {
        self.audiences().contains(audience)
    }

    /// The scopes of `scope` or `scp`, in the order of the token.
    #[must_use]
    pub fn scopes(&self) -> Texts<'_> {
        self.texts(TextPart::Scopes)
    }

    /// The groups, from where the profile says, in the order of the token.
    #[must_use]
    pub fn groups(&self) -> Texts<'_> {
        self.texts(TextPart::Groups)
    }

    /// The declared claims that the token has or that have a default, by name, in the order of the profile.
    pub fn claims(&self) -> impl Iterator<Item = (&str, ClaimValue)> {
        let mut walk = self.texts.walk_from(TextPart::Claims as usize);
        self.profile.options().claims.iter().filter_map(move |spec| {
            let value = declared(spec, walk.texts());
            walk.pass();
            Some((&*spec.name, value?))
        })
    }

    /// The declared claim of this name.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<ClaimValue> {
        let mut specs = self.profile.options().claims.iter().enumerate();
        let (index, spec) = specs.find(|(_, spec)| *spec.name == *name)?;
        declared(spec, self.texts.list(TextPart::Claims as usize + index))
    }

    /// `client_id`: the client that the token was issued to (RFC 8693 §4.3).
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.one(TextPart::ClientId)
    }

    /// `azp`: the client that the ID token was issued to (OpenID Connect Core §2).
    #[must_use]
    pub fn authorized_party(&self) -> Option<&str> {
        self.rare()?.authorized_party.as_deref()
    }

    /// `jti`: what the issuer calls this token.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.one(TextPart::Jti)
    }

    /// `iat`: when the token was issued.
    #[must_use]
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// `nbf`: from when the token holds.
    #[must_use]
    pub fn not_before(&self) -> Option<Timestamp> {
        self.rare()?.not_before
    }

    /// `exp`: when the token ends by its own word, without skew.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The first moment at which the token verifies: `nbf` and `iat`, less the skew.
    #[must_use]
    pub fn usable_from(&self) -> Timestamp {
        self.validity().usable_from(&self.profile)
    }

    /// The first moment at which the token no longer verifies: `exp`, or the greatest age, with the skew.
    #[must_use]
    pub fn usable_until(&self) -> Timestamp {
        self.validity().usable_until(&self.profile)
    }

    /// Whether the token verifies at this moment, all else unchanged.
    #[must_use]
    pub fn is_usable_at(&self, now: Timestamp) -> bool {
        self.usable_from() <= now && now < self.usable_until()
    }

    /// `acr`: how sure the issuer is of the subject (OpenID Connect Core §2).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.rare()?.acr.as_deref()
    }

    /// `amr`: by what means the subject signed in (RFC 8176).
    #[must_use]
    pub fn amr(&self) -> &[String] {
        self.rare().map_or(&[], |rare| &rare.amr)
    }

    /// `auth_time`: when the subject signed in.
    #[must_use]
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.rare()?.auth_time
    }

    /// `act`: who acts for the subject; the present actor first (RFC 8693 §4.1).
    #[must_use]
    pub fn actors(&self) -> &[Actor] {
        self.rare().map_or(&[], |rare| &rare.actors)
    }

    /// `cnf`: what the sender must prove to hold.
    #[must_use]
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.rare()?.confirmation.as_ref()
    }

    /// Whether the token is worth nothing without a proof: such a token must not be taken for a bearer token.
    #[must_use]
    pub fn is_sender_constrained(&self) -> bool {
        self.confirmation().is_some()
    }

    /// The algorithm of the signature.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of the header.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.one(TextPart::KeyId)
    }

    /// The key that verified the signature.
    #[must_use]
    pub fn key_thumbprint(&self) -> Thumbprint {
        self.key_thumbprint
    }

    /// The digest of the token as it was presented, signature and all: what a cache may know it by.
    pub(crate) const fn presented(&self) -> &Digest {
        &self.presented
    }

    /// The fingerprint of the token.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The options that the token was verified under.
    #[must_use]
    pub fn profile_revision(&self) -> Revision {
        self.profile.revision()
    }

    /// Whether `keys` still hold the key that verified the token, under the name and for the algorithm it was used.
    #[must_use]
    pub fn is_vouched_for_by(&self, keys: &KeySet) -> bool {
        let candidates = || keys.candidates(self.key_id(), self.algorithm);
        // With more candidates than are tried, verifying anew would not get as far as the right key.
        candidates().nth(MAX_CANDIDATE_KEYS).is_none()
            && candidates().any(|key| key.thumbprint() == self.key_thumbprint)
    }

    fn texts(&self, part: TextPart) -> Texts<'_> {
        let index = part as usize;
        let claims = self.profile.options().claims.len();
        self.texts.list(if part > TextPart::Claims { index - 1 + claims } else { index })
    }

    /// A part that is one text, if it is there.
    fn one(&self, part: TextPart) -> Option<&str> {
        self.texts(part).first()
    }

    fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// Checks the times of the token against the clock.
    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), TokenRefusal> {
        self.validity().check(&self.profile, now)
    }

    fn validity(&self) -> Validity {
        let (issued_at, not_before) = (self.issued_at, self.not_before());
        Validity { issued_at, not_before, expires_at: self.expires_at }
    }
}

/// The value of a declared claim, of which this was packed.
fn declared(spec: &ClaimSpec, texts: Texts<'_>) -> Option<ClaimValue> {
    unpack(spec.kind, texts).or_else(|| match &spec.absent {
        Absence::Default(value) => Some(value.clone()),
        Absence::Ignore | Absence::Required => None,
    })
}

impl AsRef<Self> for VerifiedToken {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for VerifiedToken {
    /// Who and which, not what else the token says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("issuer", self.issuer())
            .field("subject", &self.subject())
            .field("fingerprint", &self.fingerprint.short())
            .finish_non_exhaustive()
    }
}
