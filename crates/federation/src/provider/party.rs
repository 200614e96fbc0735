//! One provider, whatever it speaks.

use tokens::Timestamp;

use super::flow::{Flow, Wish};
use super::refusal::ProviderError;
use super::relying_party::Provider;
use super::saml::SamlProvider;
use super::sign_in::Sent;

/// A provider that people sign in with.
#[derive(Debug)]
pub enum Party {
    /// By OpenID Connect, or OAuth 2.0 alone.
    OAuth(Box<Provider>),
    /// By SAML 2.0.
    Saml(Box<SamlProvider>),
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

    /// How to send the browser there.
    ///
    /// # Errors
    /// If the provider cannot be spoken to, or cannot be held to the wish.
    pub async fn begin(
        &self,
        wish: &Wish,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<Sent, ProviderError> {
        match self {
            Self::OAuth(provider) => Ok(Sent::Redirect(provider.begin(wish, flow, now).await?)),
            Self::Saml(provider) => Ok(provider.begin(wish, flow, now)?),
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
    pub fn saml(&self) -> Option<&SamlProvider> {
        match self {
            Self::OAuth(_) => None,
            Self::Saml(provider) => Some(provider),
        }
    }
}
