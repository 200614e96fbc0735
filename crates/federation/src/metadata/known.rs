//! What is known of one provider.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use saml::{IdentityProvider, Metadata};
use tokens::Timestamp;

use super::keeper::{Report, Running};
use super::source::SourceError;
use super::{BELIEVED_FOR, MetadataOptions, MetadataPlace, same};

/// What is known of one provider, kept up to date for as long as somebody has this.
#[derive(Clone, Debug)]
pub struct SamlMetadata {
    pub(super) known: Arc<Known>,
    /// What keeps it up to date goes on as long as somebody has this; none where it stays as it is.
    pub(super) running: Option<Arc<Running>>,
}

impl SamlMetadata {
    /// What never changes.
    #[must_use]
    pub fn fixed(provider: IdentityProvider) -> Self {
        let known =
            Known { provider: ArcSwapOption::from_pointee(provider), trouble: Mutex::default() };
        Self { known: Arc::new(known), running: None }
    }

    /// What is known now; nothing if it could not be had yet, or if the provider is in it no more.
    #[must_use]
    pub fn current(&self) -> Option<Arc<IdentityProvider>> {
        self.known.provider.load_full()
    }

    /// Something was signed by none of its certificates: it may have changed them. What comes from a URL is fetched soon, if
    /// it was not lately.
    pub fn doubt(&self) {
        if let Some(running) = &self.running {
            running.doubted.notify_one();
        }
    }

    /// Why the last attempt to have it did not succeed, if it did not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.known.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is known, and what stands against it.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) provider: ArcSwapOption<IdentityProvider>,
    trouble: Mutex<Option<String>>,
}

impl Known {
    /// Takes up what a look at the document has brought. Where there was none, what was known stays.
    pub(super) fn learn(
        &self,
        options: &MetadataOptions,
        had: Result<&Metadata, &SourceError>,
        now: Timestamp,
    ) -> Report {
        let (name, issuer) = (&*options.name, options.issuer.as_str());
        let said = match had {
            Ok(metadata) => said(options, metadata, now).map_err(str::to_owned),
            Err(error) => Err(error.to_string()),
        };
        let before = self.provider.load_full();
        let trouble = match said {
            Ok(provider) => {
                let same = before.is_some_and(|before| says_the_same(&before, &provider));
                if !same {
                    tracing::info!(
                        provider = name,
                        issuer,
                        certificates = ?provider.certificates,
                        left_out = provider.unusable,
                        valid_until = provider.valid_until.map(Timestamp::as_secs),
                        "the metadata of a provider is new"
                    );
                }
                self.provider.store(Some(Arc::new(provider)));
                self.note(None);
                return if same { Report::Same } else { Report::Changed };
            }
            Err(trouble) => trouble,
        };
        // It is had, and says that the provider is there no more.
        if had.is_ok() {
            self.provider.store(None);
        }
        if self.note(Some(trouble.clone())).as_ref() != Some(&trouble) {
            let error = trouble;
            tracing::warn!(
                provider = name,
                issuer,
                error,
                "the metadata of a provider cannot be used"
            );
        }
        Report::Failed
    }

    /// Notes what stands against it. What was noted before.
    fn note(&self, trouble: Option<String>) -> Option<String> {
        let mut noted = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut noted, trouble)
    }
}

/// What a document says of a provider, as far as it is believed.
pub(super) fn said(
    options: &MetadataOptions,
    metadata: &Metadata,
    now: Timestamp,
) -> Result<IdentityProvider, &'static str> {
    let found = metadata.providers.get(&options.issuer);
    let found = found.ok_or("the provider is not in the metadata: see its `entityID`")?;
    let mut provider = IdentityProvider::clone(found);
    if let Some(pinned) = &options.pinned {
        let pinned: Vec<_> = pinned.iter().map(|it| it.fingerprint()).collect();
        provider.certificates.retain(|it| pinned.contains(&it.fingerprint()));
    }
    if provider.certificates.is_empty() {
        return Err("the metadata has no certificate of the provider that counts");
    }
    if let MetadataPlace::Url(_) = &options.place {
        let longest = now.plus(BELIEVED_FOR);
        provider.valid_until = Some(provider.valid_until.map_or(longest, |it| it.min(longest)));
    }
    Ok(provider)
}

/// Whether both have the same certificates and places.
fn says_the_same(one: &IdentityProvider, other: &IdentityProvider) -> bool {
    same(&one.certificates, &other.certificates)
        && (&one.sign_in, &one.logout, &one.logout_answers)
            == (&other.sign_in, &other.logout, &other.logout_answers)
}
