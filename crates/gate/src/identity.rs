//! Who is asking: verified facts, and nothing else.

use std::sync::Arc;

use tokens::VerifiedToken;

use crate::policy::Principal;

/// A caller whose token was verified.
#[derive(Debug)]
pub struct Identity {
    token: VerifiedToken,
    principal: Principal,
}

impl Identity {
    pub(crate) fn new(token: VerifiedToken) -> Self {
        let principal = Principal::of_token(&token);
        Self { token, principal }
    }

    /// The verified token.
    #[must_use]
    pub const fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// The subject with its issuer in front: `corp/alice`.
    #[must_use]
    pub fn scoped_subject(&self) -> String {
        crate::policy::scoped(self.token.issuer(), self.token.subject())
    }

    pub(crate) const fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl AsRef<VerifiedToken> for Identity {
    fn as_ref(&self) -> &VerifiedToken {
        &self.token
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
