//! Whether the providers with SAML can be believed, and what they are to be told.

use egress::{Egress, EgressOptions};
use federation::metadata::{MetadataOptions, MetadataPlace, look};
use federation::provider::SamlOptions;
use gate::spec::Place;
use ledger::Clock as _;
use saml::MAX_METADATA_BYTES;
use std::time::Duration;

use super::findings::{Findings, counted};
use crate::clock::SystemClock;
use crate::commands::discovery;
use crate::commands::moment::Moment;
use crate::config::Party;

/// What ends within so long is spoken of.
const SOON: Duration = Duration::from_hours(30 * 24);

/// Looks at every provider with SAML that is switched on.
pub(super) async fn check(findings: &mut Findings<'_>) {
    let providers = findings.config.sign_in.iter().flat_map(|sign_in| &sign_in.providers);
    for provider in providers.filter(|provider| !provider.disabled) {
        if let Party::Saml { options, metadata } = &provider.party {
            one(findings, options, metadata, provider.ca.as_deref()).await;
        }
    }
}

async fn one(
    findings: &mut Findings<'_>,
    options: &SamlOptions,
    metadata: &MetadataOptions,
    ca: Option<&std::path::Path>,
) {
    let (name, now) = (&options.name, SystemClock.now());
    let line = findings.line_of(&Place::key("providers").then(name).then("saml"));
    let egress = match client(ca) {
        Ok(egress) => egress,
        Err(error) => return findings.fail(format!("provider {name}: {error}"), ""),
    };
    match look(metadata, &egress, now).await {
        Err(why) => findings.fail(format!("provider {name}: {why}"), &format!("see {line}")),
        Ok(known) => {
            let certificates = counted(known.certificates.len(), "certificate");
            let ends = known.valid_until.map_or_else(String::new, |until| {
                format!(", and is valid until {}", Moment(until))
            });
            findings.ok(format!("provider {name}: its metadata has {certificates}{ends}"));
            if let MetadataPlace::File(_) = metadata.place
                && known.valid_until.is_some_and(|until| until <= now.plus(SOON))
            {
                let what =
                    format!("provider {name}: its metadata ends soon, and nobody can sign in then");
                findings.warn(what, "save it anew, or name its URL");
            }
            if known.logout.redirect.is_none() && known.logout.post.is_none() {
                findings.note(format!("provider {name}: it has no place to sign out with it"));
            }
        }
    }
    findings.note(format!(
        "provider {name}: it is to know {} (entity ID), {} (assertion consumer service, HTTP-POST) and {} (single logout service); the first, fetched, says all of it",
        options.entity_id, options.recipient, options.logout
    ));
}

fn client(ca: Option<&std::path::Path>) -> Result<Egress, egress::TrustError> {
    let options = EgressOptions { max_body: MAX_METADATA_BYTES, ..discovery::options(ca) };
    Egress::new(options)
}
