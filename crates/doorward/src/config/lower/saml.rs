//! A provider with SAML 2.0: whose word is taken, what is said of it, and our keys for it.

use std::path::Path;
use std::sync::Arc;

use egress::Destination;
use federation::metadata::{MetadataOptions, MetadataPlace};
use federation::provider::{IdpInitiated, OurKeys, SamlOptions, SamlPreset};
use gate::spec::Place;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use saml::{DecryptionKey, MAX_METADATA_BYTES, Metadata, MetadataRefusal, read_metadata};
use tokens::{
    Algorithm, GroupPlace, GroupSource, JsonPointer, Mapping, SignerCertificate, SigningKey,
};

use super::issuers::Fetching;
use super::providers::FactsWritten;
use super::{Lowering, time};
use crate::config::tree::{Node, shortened};
use crate::config::value::{FilePath, MetadataPlace as WrittenPlace, Name, Text};
use crate::config::{file, model};

/// What our keys may sign with, by the kind of key: each kind is of the first that takes it.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];

/// How many providers of a document are named where the right one is not in it.
const NAMED: usize = 3;

impl Lowering<'_> {
    pub(super) fn saml(
        &mut self,
        name: &Name,
        saml: &file::Saml,
        provider: &mut file::Provider,
        (facts, site, fetching): (FactsWritten, &str, &Fetching),
    ) -> Option<model::Party> {
        let place = Place::key("providers").then(name.as_str());
        let inner = place.then("saml");
        self.nothing_but_saml(&place);
        self.exception(
            saml.danger_cbc,
            &inner.then("danger_cbc"),
            "this provider may encrypt with AES-CBC, which can be changed unseen on the way",
        );
        let preset = saml.preset.and_then(|preset| SamlPreset::named(name_of(preset)));
        let keys = self.our_keys(saml, provider, &place);
        let metadata = self.metadata(name, saml, (fetching, provider.disabled), &inner);
        let by_kind = preset.is_some_and(|preset| preset.encrypted);
        let encrypted = saml.encrypted.unwrap_or(by_kind);
        self.is_encrypted_for(encrypted, keys.as_ref(), &place);
        let known = preset.map(SamlPreset::groups).unwrap_or_default();
        let known = known.into_iter().map(GroupSource::at).collect();
        let groups = self.group_sources(provider, known, &place);
        let by_name = || JsonPointer::parse("/name_id").ok();
        let subject = provider.subject.take().map(|pointer| pointer.0);
        let subject = subject.or_else(|| preset.map_or_else(by_name, SamlPreset::subject));
        self.names_for_good(saml, subject.as_ref(), &inner);
        let mapping = self.mapped(facts, subject, groups, &place);
        if let Some(mapping) = &mapping {
            self.points_into_answers(mapping, &place);
        }
        let page = |what: &str| format!("{site}/.doorward/{what}/{name}");
        let asked = preset.and_then(|preset| preset.name_format).map(str::to_owned);
        let options = SamlOptions {
            name: name.as_str().into(),
            issuer: saml.issuer.0.clone(),
            entity_id: provider.client_id.take().map_or_else(|| page("saml"), |Text(id)| id),
            recipient: page("callback"),
            logout: page("logout"),
            keys: keys?,
            encrypted,
            danger_cbc: saml.danger_cbc,
            name_format: saml.name_format.as_ref().map(|format| format.0.clone()).or(asked),
            mapping: mapping?,
            idp_initiated: self.idp_initiated(saml, &inner),
            skew: time(&provider.skew),
            max_age: time(&saml.max_answer_age),
        };
        let (options, metadata) = (Box::new(options), Box::new(metadata?));
        Some(model::Party::Saml { options, metadata })
    }

    fn idp_initiated(&mut self, saml: &file::Saml, place: &Place) -> Option<IdpInitiated> {
        if let (None, Some(_)) = (saml.idp_initiated, &saml.landing) {
            let place = place.then("landing");
            let message = "the provider may not begin, so nobody lands there";
            let problem = self.key_problem(&place, message);
            self.report(problem.help("add `idp_initiated: allow`, or remove `landing`"));
        }
        saml.idp_initiated?;
        let landing = saml.landing.as_ref().map(|url| url.as_str().to_owned());
        Some(IdpInitiated { landing })
    }

    /// Where the provider's metadata comes from; what is in a file is looked into.
    fn metadata(
        &mut self,
        name: &Name,
        saml: &file::Saml,
        (fetching, disabled): (&Fetching, bool),
        place: &Place,
    ) -> Option<MetadataOptions> {
        let signed_by = self.signers(saml.signed_by.as_ref(), &place.then("signed_by"));
        let pinned = self.signers(saml.certificates.as_ref(), &place.then("certificates"));
        let written = place.then("metadata");
        let (at, signed_by) = match &saml.metadata {
            WrittenPlace::File(path) => {
                let (signed_by, pinned) = (signed_by?, pinned.as_ref()?);
                // One that is switched off may be so because its file is not good.
                if !disabled {
                    let vouched = (signed_by.as_deref(), pinned.as_deref());
                    self.metadata_file(path, &saml.issuer.0, vouched, &written)?;
                }
                (MetadataPlace::File(self.path(&path.0)), signed_by)
            }
            WrittenPlace::Url(url) => {
                self.fetched(url, fetching, &written);
                let vouched = ["signed_by", "certificates"]
                    .iter()
                    .any(|key| self.tree.find(&place.then(key)).is_some());
                if !vouched && self.tree.find(place).is_none_or(Node::is_whole) {
                    let message = "nothing vouches for what is fetched from there";
                    let problem = self.problem(&written, message);
                    self.report(problem.help(
                        "add `signed_by: federation.pem` for who signs the metadata, or `certificates: idp.pem` for the provider's own",
                    ));
                    return None;
                }
                let destination = if fetching.danger {
                    Destination::danger_plain_http(url.as_str())
                } else {
                    Destination::configured(url.as_str())
                };
                // What is wrong with it was complained about.
                (MetadataPlace::Url(destination.ok()?), signed_by?)
            }
        };
        Some(MetadataOptions {
            name: name.as_str().into(),
            issuer: saml.issuer.0.clone(),
            place: at,
            signed_by,
            pinned: pinned?,
        })
    }

    /// Complains about a file that does not say what is needed of the provider.
    fn metadata_file(
        &mut self,
        path: &FilePath,
        issuer: &str,
        (signed_by, pinned): (Option<&[SignerCertificate]>, Option<&[SignerCertificate]>),
        place: &Place,
    ) -> Option<()> {
        let bytes = self.read_most(&path.0, MAX_METADATA_BYTES as u64, place)?;
        let file = shortened(&path.0);
        let wrong = match read_metadata(&bytes, signed_by) {
            Err(refusal) => Some((
                format!("`{file}` is not taken: {refusal}"),
                match refusal {
                    MetadataRefusal::Unsigned | MetadataRefusal::Signature(_) => {
                        "`signed_by` is for who signs the metadata; remove it for a file that you trust as it is"
                    }
                    _ => "name what the provider calls its metadata: XML, with an `EntityDescriptor`",
                }
                .to_owned(),
            )),
            Ok(metadata) => lacking(&metadata, issuer, pinned, &file),
        };
        let Some((message, help)) = wrong else { return Some(()) };
        let problem = self.problem(place, message);
        self.report(problem.help(help));
        None
    }

    /// The certificates in a file, at least one; none if no file is named.
    fn signers(
        &mut self,
        file: Option<&FilePath>,
        place: &Place,
    ) -> Option<Option<Vec<SignerCertificate>>> {
        let Some(FilePath(path)) = file else { return Some(None) };
        self.certificates(path, place)?;
        let bytes = self.surroundings.read(&self.path(path), super::MAX_FILE_BYTES).ok()?;
        let read = CertificateDer::pem_slice_iter(&bytes)
            .map(|der| SignerCertificate::from_der(&der.ok()?).ok())
            .collect::<Option<Vec<_>>>()
            .filter(|read| !read.is_empty());
        if read.is_none() {
            let message = format!("a certificate in `{}` cannot be used", shortened(path));
            let problem = self.problem(place, message);
            self.report(problem.help("expected RSA of at least 2048 bits, or P-256, P-384, P-521"));
        }
        read.map(Some)
    }

    /// Complains of pointers that find nothing in an answer, whatever it says.
    fn points_into_answers(&mut self, mapping: &Mapping, place: &Place) {
        let subject = std::iter::once((place.then("subject"), mapping.subject()));
        let groups = mapping.groups().iter().filter_map(|source| match &source.place {
            GroupPlace::At(pointer) => Some((place.then("groups"), pointer)),
            GroupPlace::Each { .. } => None,
        });
        let claims = mapping.claims().iter();
        let claims =
            claims.map(|claim| (place.then("claims").then(&claim.name).then("from"), &claim.from));
        let all: Vec<_> = subject.chain(groups).chain(claims).collect();
        for (place, pointer) in all {
            let mut steps = pointer.as_str().split('/').skip(1);
            let help = match (steps.next(), steps.next()) {
                (Some("name_id" | "name_id_format"), None) | (Some("computed"), Some(_)) => {
                    continue;
                }
                (Some("attributes"), Some(name)) if !name.ends_with(':') => continue,
                (Some("attributes"), Some(_)) => "write each `/` of the attribute's name as `~1`",
                _ => "write `/attributes/NAME` for an attribute, or `/name_id`",
            };
            let message = format!("`{}` is nowhere in an answer", shortened(pointer.as_str()));
            let problem = self.problem(&place, message);
            self.report(problem.help(help));
        }
    }

    /// Complains of a subject that is another one at each sign-in.
    fn names_for_good(&mut self, saml: &file::Saml, subject: Option<&JsonPointer>, place: &Place) {
        let by_name = subject.is_some_and(|subject| subject.as_str() == "/name_id");
        if by_name
            && saml.name_format.as_ref().is_some_and(|format| format.0.ends_with(":transient"))
        {
            let message = "the subject would be named anew at each sign-in, and nobody let in";
            let problem = self.problem(&place.then("name_format"), message);
            self.report(problem.help(
                "write `persistent`; or point `subject` at an attribute: `/attributes/uid/0`",
            ));
        }
    }

    /// Complains where there is no key that could be encrypted for.
    fn is_encrypted_for(&mut self, encrypted: bool, keys: Option<&OurKeys>, place: &Place) {
        if encrypted && keys.is_some_and(|keys| keys.decryption.is_empty()) {
            let message = "nothing can be encrypted for the key of `client_certificate`";
            let problem = self.key_problem(&place.then("client_certificate"), message);
            self.report(
                problem.help("make it RSA, of at least 2048 bits; or write `encrypted: false`"),
            );
        }
    }

    /// Our key for the provider, and the one to come.
    fn our_keys(
        &mut self,
        saml: &file::Saml,
        provider: &file::Provider,
        place: &Place,
    ) -> Option<OurKeys> {
        let now = place.then("client_certificate");
        let Some(file) = &provider.client_certificate else {
            if self.tree.find(&now).is_none() {
                let problem = self
                    .key_problem(place, "nothing says what this Doorward signs its requests with");
                self.report(problem.help(
                    "add `client_certificate: saml.pem`, as made by `(umask 077; openssl req -x509 -newkey rsa:3072 -noenc -days 3650 -subj /CN=doorward -keyout saml.pem >> saml.pem)`",
                ));
            }
            return None;
        };
        let current = self.our_key(file, &now);
        let next = match &saml.next_certificate {
            None => Some(None),
            Some(file) => {
                self.our_key(file, &place.then("saml").then("next_certificate")).map(Some)
            }
        };
        let (current, next) = (current?, next?);
        let all = || [Some(&current), next.as_ref()].into_iter().flatten();
        let decryption = all()
            .filter_map(|key| Some((key.certificate.clone(), key.decryption.clone()?)))
            .collect();
        let certificates = all().map(|key| key.certificate.clone()).collect();
        Some(OurKeys { certificates, decryption, signing: current.signing })
    }

    fn our_key(&mut self, file: &FilePath, place: &Place) -> Option<OurKey> {
        let path = self.client_certificate(file, place)?;
        let read = self.read_key(&path);
        if read.is_none() {
            let message = format!(
                "the first certificate and the private key in `{}` are not a pair that signs",
                shortened(&file.0)
            );
            let problem = self.problem(place, message);
            self.report(problem.help(
                "expected RSA of at least 2048 bits, or P-256, P-384, P-521, with `-----BEGIN PRIVATE KEY-----`",
            ));
        }
        read
    }

    fn read_key(&self, path: &Path) -> Option<OurKey> {
        let bytes = self.surroundings.read(path, super::MAX_FILE_BYTES).ok()?;
        let certificate = CertificateDer::from_pem_slice(&bytes).ok()?;
        let key = PrivateKeyDer::from_pem_slice(&bytes).ok()?;
        let pkcs8 = match &key {
            PrivateKeyDer::Pkcs8(der) => der.secret_pkcs8_der(),
            _ => return None,
        };
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let signing = provider.key_provider.load_private_key(key.clone_key()).ok()?;
        let pair = rustls::sign::CertifiedKey::new(vec![certificate.clone()], signing);
        pair.keys_match().ok()?;
        let fits = |algorithm: &Algorithm| SigningKey::from_pkcs8(*algorithm, pkcs8).ok();
        Some(OurKey {
            signing: Arc::new(ALGORITHMS.iter().find_map(fits)?),
            decryption: DecryptionKey::from_pkcs8(pkcs8).ok(),
            certificate: certificate.to_vec(),
        })
    }
}

/// A key of ours.
struct OurKey {
    signing: Arc<SigningKey>,
    /// If it is of a kind that is encrypted for.
    decryption: Option<DecryptionKey>,
    certificate: Vec<u8>,
}

/// What is lacking in a document, if anything is, and what to do about it.
fn lacking(
    metadata: &Metadata,
    issuer: &str,
    pinned: Option<&[SignerCertificate]>,
    file: &str,
) -> Option<(String, String)> {
    let Some(found) = metadata.providers.get(issuer) else {
        let some = metadata.providers.keys().take(NAMED);
        let some: Vec<_> = some.map(|one| format!("`{}`", shortened(one))).collect();
        let more = metadata.providers.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        return Some((
            format!("`{file}` says nothing of a provider `{}`", shortened(issuer)),
            format!("write `issuer` as it stands there: it has {}{more}", some.join(", ")),
        ));
    };
    if found.certificates.is_empty() {
        return Some((
            format!("`{file}` has no certificate of the provider that can be used"),
            "expected RSA of at least 2048 bits, or P-256, P-384, P-521".to_owned(),
        ));
    }
    let is_pinned = |one: &SignerCertificate| {
        pinned.is_none_or(|pinned| pinned.iter().any(|it| it.fingerprint() == one.fingerprint()))
    };
    if !found.certificates.iter().any(is_pinned) {
        return Some((
            format!("none of the provider's certificates in `{file}` is one of `certificates`"),
            "put the provider's current certificate there".to_owned(),
        ));
    }
    let place = &found.sign_in;
    (place.redirect.is_none() && place.post.is_none()).then(|| {
        (
            format!("`{file}` does not say where people sign in"),
            "expected a `SingleSignOnService` by HTTP-Redirect or HTTP-POST".to_owned(),
        )
    })
}

/// What presets are called.
const fn name_of(preset: file::SamlPreset) -> &'static str {
    match preset {
        file::SamlPreset::Adfs => "adfs",
        file::SamlPreset::Entra => "entra",
        file::SamlPreset::Google => "google",
        file::SamlPreset::Keycloak => "keycloak",
        file::SamlPreset::Okta => "okta",
        file::SamlPreset::Shibboleth => "shibboleth",
        file::SamlPreset::Simplesamlphp => "simplesamlphp",
    }
}
