//! What comes of a sign-in, whatever the provider speaks.

use saml::NameId;
use tokens::{Digest, Facts, Timestamp};

use super::secret::Secret;

/// Somebody signed in.
#[derive(Debug)]
pub struct SignIn {
    /// What the provider vouches for.
    pub facts: Facts,
    /// What tells the session from all others of the provider, where it can end it by that: `sid`, or the digest of a
    /// NameID with its SessionIndex.
    pub provider_session: Option<String>,
    /// When a session must end, if the provider says that.
    pub ends_at: Option<Timestamp>,
    /// What signing out with the provider takes, and what renews the sign-in.
    pub keepsakes: Keepsakes,
}

/// What is kept of a sign-in besides its facts, for the provider alone.
#[derive(Clone, Debug, Default)]
pub struct Keepsakes {
    /// The ID token, as a hint for signing out.
    pub id_token: Option<Secret>,
    /// What renews the sign-in.
    pub refresh_token: Option<Secret>,
    /// What a provider with SAML called the subject.
    pub named: Option<Named>,
}

/// A subject as an assertion named it, for signing out with the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The NameID.
    pub name: NameId,
    /// The SessionIndex.
    pub session: Option<String>,
}

impl Named {
    /// The digest of the NameID, by which a provider with SAML ends all sessions of a subject.
    #[must_use]
    pub fn alias(&self) -> Digest {
        Digest::of(&self.name.value)
    }
}

/// How a browser is sent to a provider.
#[derive(Clone, PartialEq, Eq)]
pub enum Sent {
    /// By a form, which the person sends.
    Form {
        /// Where to.
        to: String,
        /// Its fields.
        fields: Vec<(&'static str, String)>,
    },
    /// By a redirect to this URL.
    Redirect(String),
}
