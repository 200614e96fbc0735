//! Where people sign in: the ledger is opened once, and the reception is made anew with each configuration.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use doors::Doorway;
use egress::Egress;
use federation::metadata::SamlMetadata;
use federation::provider::{
    Party, Provider, ProviderOptions, ProviderOptionsError, SamlOptions, SamlProvider,
};
use federation::{Due, Household, Offered, PageOptions, Reception, ReceptionOptions, Sessions};
use gate::request::{CanonicalHost, RequestRefusal, Scheme};
use ledger::audit::AuditLog;
use ledger::state::{self, LedgerOptions, OpenError, Opened};
use ledger::{Clock, keys};
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Receiver;

use crate::config;
use crate::entropy::Entropy;

/// Why nobody can sign in.
#[derive(Debug, Error)]
pub enum SigningInError {
    /// The ledger cannot be had.
    #[error("the ledger cannot be opened: {0}")]
    Ledger(#[from] OpenError),
    /// The place where people sign in has no host.
    #[error("`sign_in.url` `{url}`: {source}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong.
        source: RequestRefusal,
    },
    /// A provider cannot be had this way.
    #[error("provider `{name}`: {source}")]
    Provider {
        /// The provider's name.
        name: String,
        /// What is wrong.
        source: Box<ProviderOptionsError>,
    },
}

/// How the ledger of a configuration is opened.
pub(crate) fn ledger_options(ledger: &config::Ledger) -> LedgerOptions {
    LedgerOptions {
        place: ledger.at.clone(),
        key: ledger.key.clone(),
        connections: state::DEFAULT_CONNECTIONS,
        limit: state::DEFAULT_LIMIT,
    }
}

/// Opens the ledger.
pub(super) async fn open_ledger(
    ledger: &config::Ledger,
    clock: &Arc<dyn Clock>,
    random: &Entropy,
) -> Result<Opened, SigningInError> {
    Ok(state::open(&ledger_options(ledger), Arc::clone(random), clock.now()).await?)
}

/// What the reception uses, with sessions that follow the log of the ledger, and those whose
/// provider is to be asked anew.
pub(super) fn household(
    opened: Opened,
    (clock, random): (&Arc<dyn Clock>, &Entropy),
    (audit, audit_budget): (&Arc<AuditLog>, Duration),
    control: &Runtime,
) -> (Household, Receiver<Due>) {
    let runtime = control.handle().clone();
    let (sessions, due) =
        Sessions::new((opened.ledger, &opened.key), Arc::clone(clock), runtime.clone());
    let sessions = Arc::new(sessions);
    control.spawn(federation::follow(Arc::clone(&sessions)));
    let house = Household {
        sessions,
        key: opened.key,
        audit: Arc::clone(audit),
        audit_budget,
        clock: Arc::clone(clock),
        random: Arc::clone(random),
        runtime,
    };
    (house, due)
}

/// Tends sessions by whatever reception is in force. `due` are the sessions whose provider is to be asked anew.
pub(super) async fn tend(due: Receiver<Due>, doorway: Weak<Doorway>) {
    let reception = || doorway.upgrade().and_then(|doorway| doorway.model.load().reception.clone());
    federation::tend(due, reception).await;
}

/// What is known of providers, by name.
pub(super) struct Known<'a> {
    /// The keys of those with OpenID Connect.
    pub(super) keys: &'a HashMap<Arc<str>, keys::IssuerKeys>,
    /// The metadata of those with SAML.
    pub(super) metadata: HashMap<Arc<str>, SamlMetadata>,
}

/// The reception of a configuration. `egress` is how a server is spoken to, which these authorities vouch for and which is
/// shown this certificate.
pub(super) fn reception(
    sign_in: &config::SignIn,
    house: Household,
    known: &Known<'_>,
    mut egress: impl FnMut(
        Option<&PathBuf>,
        Option<&PathBuf>,
    ) -> Result<Arc<Egress>, super::AssemblyError>,
) -> Result<Reception, super::AssemblyError> {
    let mut offers = Vec::with_capacity(sign_in.providers.len());
    let mut disabled = Vec::new();
    for provider in &sign_in.providers {
        let name = provider.name();
        // Of a disabled one nobody fetches anything.
        if provider.disabled {
            disabled.push(name.to_string());
            continue;
        }
        let random = Arc::clone(&house.random);
        let party = match &provider.party {
            config::Party::OAuth { options, client_certificate, .. } => {
                let through = egress(provider.ca.as_ref(), client_certificate.as_ref())?;
                let options = ProviderOptions::clone(options);
                let party = Provider::new(options, through, known.keys.get(name).cloned(), random);
                let party = party.map_err(|source| SigningInError::Provider {
                    name: name.to_string(),
                    source: Box::new(source),
                })?;
                Party::OAuth(Box::new(party))
            }
            config::Party::Saml { options, .. } => {
                // INVARIANT: there is metadata of each that is not disabled.
                let Some(metadata) = known.metadata.get(name).cloned() else { continue };
                let options = SamlOptions::clone(options);
                Party::Saml(Arc::new(SamlProvider::new(options, metadata, random)))
            }
        };
        offers.push(Offered {
            provider: party,
            title: provider.title.clone(),
            domains: provider.domains.clone(),
            refresh: provider.refresh,
            grace: provider.grace,
            revision: provider.revision(),
        });
    }
    let page = &sign_in.page;
    let logo = page.logo.as_ref();
    let logo = logo.map(|logo| (logo.media_type.to_owned(), logo.bytes.clone().into()));
    let options = ReceptionOptions {
        url: sign_in.url.clone(),
        host: host_of(&sign_in.url)?,
        idle: sign_in.session.idle,
        lifetime: sign_in.session.lifetime,
        page: PageOptions { title: page.title.clone(), accent: page.color.clone(), logo },
        providers: offers,
        disabled,
    };
    Ok(Reception::new(options, house))
}

/// The host of an origin.
fn host_of(origin: &str) -> Result<CanonicalHost, SigningInError> {
    let (scheme, authority) = origin.split_once("://").unwrap_or(("https", origin));
    let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
    let refused = |source| SigningInError::Url { url: origin.to_owned(), source };
    CanonicalHost::parse(authority, scheme).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_origin_has_no_port() {
        for (origin, host) in [
            ("https://id.example.com", "id.example.com"),
            ("https://id.example.com:8443", "id.example.com"),
            ("http://[::1]:8080", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(origin).unwrap().name(), host, "{origin}");
        }
    }
}
