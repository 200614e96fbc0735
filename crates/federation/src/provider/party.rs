//! One provider, whatever it speaks.

use std::sync::Arc;

use super::relying_party::Provider;
use super::saml::SamlProvider;

/// A provider that people sign in with.
#[derive(Debug)]
pub enum Party {
    /// By OpenID Connect, or OAuth 2.0 alone.
    OAuth(Box<Provider>),
    /// By SAML 2.0.
    Saml(Arc<SamlProvider>),
}

impl Party {
    /// What the configuration calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::OAuth(provider) => &provider.options().name,
            Self::Saml(provider) => &provider.options().name,
        }
    }

    /// The relying party, if it speaks OpenID Connect or OAuth 2.0.
    #[must_use]
    pub fn oauth(&self) -> Option<&Provider> {
        match self {
            Self::OAuth(provider) => Some(provider),
            Self::Saml(_) => None,
        }
    }

    /// The service provider, if it speaks SAML.
    #[must_use]
    pub fn saml(&self) -> Option<&Arc<SamlProvider>> {
        match self {
            Self::OAuth(_) => None,
            Self::Saml(provider) => Some(provider),
        }
    }
}
