//! Sign-in: how people come by a session.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use federation::metadata::MetadataOptions;
use federation::provider::{ProviderOptions, SamlOptions};

use tokens::Mapping;

use super::IssuerKeys;

/// How people come by a session.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Where: an origin, such as `https://id.example.com`.
    pub url: String,
    /// How long a session lasts.
    pub session: SessionLimits,
    /// How the pages look.
    pub page: Page,
    /// With whom, in the order of their names; at least one, disabled ones included.
    pub providers: Vec<Provider>,
}

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request; not more than `lifetime`.
    pub idle: Duration,
    /// Whatever happens.
    pub lifetime: Duration,
}

/// How the pages look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Whose they are; up to 80 characters.
    pub title: Option<String>,
    /// The colour of what can be pressed, as `#rrggbb` in lower case.
    pub color: Option<String>,
    /// The image above the title.
    pub logo: Option<Logo>,
}

/// An image.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/png` or `image/svg+xml`.
    pub media_type: &'static str,
    /// Its file's content; at most 64 KiB.
    pub bytes: Vec<u8>,
}

/// Its kind and size alone.
impl std::fmt::Debug for Logo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// A provider: where people sign in.
#[derive(Clone, Debug)]
pub struct Provider {
    /// What it speaks.
    pub party: Party,
    /// A PEM file with the authorities that its server is believed by, in place of the machine's.
    pub ca: Option<PathBuf>,
    /// What people choose it by; up to 80 characters.
    pub title: String,
    /// The domains of e-mail addresses that lead to it, in lower case; each leads to one provider alone.
    pub domains: Vec<String>,
    /// How often it is asked anew about a session; never without.
    pub refresh: Option<Duration>,
    /// How long a session goes on when it cannot be asked anew.
    pub grace: Duration,
    /// Whether it is switched off.
    pub disabled: bool,
}

/// What a provider speaks, and what that takes.
#[derive(Clone, Debug)]
pub enum Party {
    /// OpenID Connect, or OAuth 2.0 alone.
    OAuth {
        /// What the relying party is built from.
        options: Box<ProviderOptions>,
        /// Where its keys come from, with OpenID Connect.
        keys: Option<IssuerKeys>,
        /// A PEM file with the certificate that is shown to it, and its key.
        client_certificate: Option<PathBuf>,
    },
    /// SAML 2.0.
    Saml {
        /// What the service provider is built from.
        options: Box<SamlOptions>,
        /// Where its metadata comes from.
        metadata: Box<MetadataOptions>,
    },
}

impl Provider {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        match &self.party {
            Party::OAuth { options, .. } => &options.name,
            Party::Saml { options, .. } => &options.name,
        }
    }

    /// What tells the options that shape facts from all others.
    #[must_use]
    pub fn revision(&self) -> String {
        match &self.party {
            Party::OAuth { options, .. } => options.revision(),
            Party::Saml { options, .. } => options.revision(),
        }
    }

    /// Where facts stand in what it says.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        match &self.party {
            Party::OAuth { options, .. } => &options.mapping,
            Party::Saml { options, .. } => &options.mapping,
        }
    }
}
