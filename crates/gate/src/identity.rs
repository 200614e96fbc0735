//! Who is asking: verified facts, and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use tokens::{
    Actor, ClaimValue, Fingerprint, OfToken, Revision, SubjectKind, Texts, Timestamp,
    VerifiedCertificate, VerifiedToken,
};

use crate::policy::{Memo, Principal};
use crate::session::Session;

/// A caller whose credential was verified. Of a token, what every judgement reads stands together.
#[derive(Debug)]
#[repr(C)]
pub struct Identity {
    /// The caller as policies see it. It is large, so it is kept only where it is needed at every request.
    principal: OnceLock<Box<Principal>>,
    memo: Memo,
    credential: Credential,
}

/// What was verified.
#[derive(Debug)]
pub enum Credential {
    /// A client certificate, which the caller has shown to TLS.
    Certificate(VerifiedCertificate),
    /// A session, which the caller has begun by signing in. It is larger than a token, of which more are remembered.
    Session(Box<Session>),
    /// A token.
    Token(VerifiedToken),
}

impl Identity {
    pub(crate) fn of_token(token: VerifiedToken) -> Self {
        Self::of(Credential::Token(token))
    }

    pub(crate) fn of_certificate(certificate: VerifiedCertificate) -> Self {
        Self::of(Credential::Certificate(certificate))
    }

    /// The identity that a session stands for.
    #[must_use]
    pub fn of_session(session: Session) -> Self {
        Self::of(Credential::Session(Box::new(session)))
    }

    fn of(credential: Credential) -> Self {
        Self { credential, principal: OnceLock::new(), memo: Memo::default() }
    }

    /// What was verified.
    #[must_use]
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The issuer, as it is called in the configuration.
    #[must_use]
    pub fn issuer(&self) -> &Arc<str> {
        match &self.credential {
            Credential::Certificate(certificate) => certificate.issuer(),
            Credential::Session(session) => &session.provider,
            Credential::Token(token) => token.issuer(),
        }
    }

    /// The subject as its issuer wrote it. It means nothing without the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        match &self.credential {
            Credential::Certificate(certificate) => certificate.subject(),
            Credential::Session(session) => &session.facts.subject,
            Credential::Token(token) => token.subject(),
        }
    }

    /// The subject with its issuer in front: `corp/alice`.
    #[must_use]
    pub fn scoped_subject(&self) -> String {
        crate::policy::scoped(self.issuer(), self.subject())
    }

    /// Whether the subject is a person or a workload; who has a client certificate is a workload.
    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        match &self.credential {
            Credential::Certificate(_) => SubjectKind::Workload,
            Credential::Session(session) => session.facts.kind,
            Credential::Token(token) => token.kind(),
        }
    }

    /// The groups that the subject is in.
    #[must_use]
    pub fn groups(&self) -> Texts<'_> {
        match &self.credential {
            Credential::Certificate(_) => Texts::NONE,
            Credential::Session(session) => session.facts.groups.as_slice().into(),
            Credential::Token(token) => token.groups(),
        }
    }

    /// The scopes that were granted. A session has none: it is no token for an audience.
    #[must_use]
    pub fn scopes(&self) -> Texts<'_> {
        self.token().map_or(Texts::NONE, VerifiedToken::scopes)
    }

    /// The declared claim of this name.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<ClaimValue> {
        match &self.credential {
            Credential::Certificate(_) => None,
            Credential::Session(session) => session.facts.claims.get(name).cloned(),
            Credential::Token(token) => token.claim(name),
        }
    }

    /// The declared claims, in the order of their names.
    #[must_use]
    pub fn claims(&self) -> BTreeMap<&str, ClaimValue> {
        match &self.credential {
            Credential::Certificate(_) => BTreeMap::new(),
            Credential::Session(session) => {
                let claims = session.facts.claims.iter();
                claims.map(|(name, value)| (&**name, value.clone())).collect()
            }
            Credential::Token(token) => token.claims().collect(),
        }
    }

    /// How sure the issuer is of the subject: `acr` (OpenID Connect Core §2).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        match &self.credential {
            Credential::Certificate(_) => None,
            Credential::Session(session) => session.facts.acr.as_deref(),
            Credential::Token(token) => token.acr(),
        }
    }

    /// When the subject signed in with its issuer: `auth_time`.
    #[must_use]
    pub fn auth_time(&self) -> Option<Timestamp> {
        match &self.credential {
            Credential::Certificate(_) => None,
            Credential::Session(session) => session.facts.auth_time,
            Credential::Token(token) => token.auth_time(),
        }
    }

    /// Who acts for the subject, the current actor first.
    #[must_use]
    pub fn actors(&self) -> &[Actor] {
        self.token().map_or(&[], VerifiedToken::actors)
    }

    /// The client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.token().and_then(VerifiedToken::client_id)
    }

    /// The name under which the credential is known in records and revocations.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.credential {
            Credential::Certificate(certificate) => certificate.fingerprint(),
            Credential::Session(session) => session.fingerprint(),
            Credential::Token(token) => token.fingerprint(),
        }
    }

    /// The options that the credential was verified under.
    #[must_use]
    pub fn profile_revision(&self) -> Revision {
        match &self.credential {
            Credential::Certificate(certificate) => certificate.profile_revision(),
            Credential::Session(session) => session.revision,
            Credential::Token(token) => token.profile_revision(),
        }
    }

    /// The first moment at which the credential no longer verifies.
    #[must_use]
    pub fn usable_until(&self) -> Timestamp {
        match &self.credential {
            Credential::Certificate(certificate) => certificate.usable_until(),
            Credential::Session(session) => session.usable_until(),
            Credential::Token(token) => token.usable_until(),
        }
    }

    /// The first moment at which nothing may go on that rests on the credential, if it stands until then. Facts of a
    /// session may be confirmed anew meanwhile, which does not disturb what is open.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        match &self.credential {
            Credential::Session(session) => session.ends_at,
            Credential::Certificate(_) | Credential::Token(_) => self.usable_until(),
        }
    }

    /// The verified token, if that is what vouches for the caller.
    #[must_use]
    pub const fn token(&self) -> Option<&VerifiedToken> {
        match &self.credential {
            Credential::Certificate(_) | Credential::Session(_) => None,
            Credential::Token(token) => Some(token),
        }
    }

    /// The session, if that is what the caller is known by.
    #[must_use]
    pub const fn session(&self) -> Option<&Session> {
        match &self.credential {
            Credential::Session(session) => Some(session),
            Credential::Certificate(_) | Credential::Token(_) => None,
        }
    }

    /// Whether the credential verifies at this moment, all else unchanged.
    #[must_use]
    pub fn is_usable_at(&self, now: Timestamp) -> bool {
        match &self.credential {
            Credential::Certificate(certificate) => certificate.is_usable_at(now),
            Credential::Session(session) => now < session.usable_until(),
            Credential::Token(token) => token.is_usable_at(now),
        }
    }

    /// The caller as policies see it, if that was kept.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.principal.get().map(AsRef::as_ref)
    }

    /// Keeps the caller as policies see it, for the next request.
    pub(crate) fn keep_principal(&self, made: Principal) {
        self.principal.get_or_init(|| Box::new(made));
    }

    /// Decisions that were made about this caller.
    pub(crate) const fn memo(&self) -> &Memo {
        &self.memo
    }
}

impl OfToken for Identity {
    fn token(&self) -> Option<&VerifiedToken> {
        self.token()
    }
}

/// Who asks: nobody in particular, or someone verified.
#[derive(Clone, Debug)]
pub enum Caller {
    /// No credential was shown.
    Anonymous,
    /// A credential was shown and verified.
    Known(Arc<Identity>),
}

impl Caller {
    /// The verified identity, if there is one.
    #[must_use]
    pub const fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Anonymous => None,
            Self::Known(identity) => Some(identity),
        }
    }
}
