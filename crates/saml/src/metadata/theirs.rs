//! The metadata of providers, one or many in a document (§2.3, §2.4.3), read once and kept as little.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;
use tokens::{SignerCertificate, Timestamp};

use crate::instant;
use crate::namespace::{DS, MD, SAMLP};
use crate::request::HTTP_POST;
use crate::signature::{Signature, SignatureRefusal, only_one_with_its_id};
use crate::xml::{self, Element, Limits, XmlRefusal};

pub(crate) const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// The providers of a document, by entity ID. What is no identity provider of SAML 2.0 is not among them.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The providers.
    pub providers: BTreeMap<String, Arc<IdentityProvider>>,
    /// Until when the document may be used; nothing if it does not say.
    pub valid_until: Option<Timestamp>,
    /// How many entities are left out: those that are not as they must be, and those that are there twice, of which nobody
    /// could say which is meant.
    pub skipped: usize,
}

/// An identity provider, as its metadata has it.
#[derive(Clone, Debug, Default)]
pub struct IdentityProvider {
    /// The certificates that it signs with, in their order. Those whose keys are not used are left out.
    pub certificates: Vec<SignerCertificate>,
    /// How many were left out.
    pub unusable: usize,
    /// Where people sign in.
    pub sign_in: Endpoint,
    /// Where people sign out.
    pub logout: Endpoint,
    /// Where answers to its requests for logout go, if not to `logout`.
    pub logout_answers: Endpoint,
    /// Until when it may be used; nothing if it does not say.
    pub valid_until: Option<Timestamp>,
}

/// A place of a provider, by each binding that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// By HTTP-Redirect.
    pub redirect: Option<String>,
    /// By HTTP-POST.
    pub post: Option<String>,
}

/// Reads metadata. With `certificates`, the root must be signed by one of them; without, whoever could change the document
/// on its way is believed.
///
/// # Errors
/// If it is not metadata, is not signed as it must be, or holds no identity provider.
pub fn read_metadata(
    bytes: &[u8],
    certificates: Option<&[SignerCertificate]>,
) -> Result<Metadata, MetadataRefusal> {
    let document = xml::parse(xml::scan(bytes, &Limits::METADATA)?)?;
    let root = Element(document.root_element());
    if !root.is(MD, "EntityDescriptor") && !root.is(MD, "EntitiesDescriptor") {
        return Err(MetadataRefusal::NotMetadata);
    }
    if let Some(certificates) = certificates {
        signed(root, certificates)?;
    }
    let mut metadata = Metadata { valid_until: until(root)?, ..Metadata::default() };
    let mut twice = BTreeSet::new();
    metadata.collect(root, None, &mut twice);
    // The first of each; the others were counted as they came.
    metadata.skipped += twice.len();
    metadata.providers.retain(|entity, _| !twice.contains(entity));
    if metadata.providers.is_empty() {
        return Err(MetadataRefusal::NoProvider);
    }
    Ok(metadata)
}

/// §3.1: enveloped in the root, over all of it. Those further in are covered by it, and are not looked at.
fn signed(root: Element<'_>, certificates: &[SignerCertificate]) -> Result<(), MetadataRefusal> {
    let children = root.elements().ok_or(MetadataRefusal::NotMetadata)?;
    // Behind nothing: the schema has it first.
    let signature = children.first().filter(|first| first.is(DS, "Signature"));
    let signature = signature.ok_or(MetadataRefusal::Unsigned)?;
    only_one_with_its_id(root)?;
    Ok(Signature::read(root, *signature)?.verify(certificates)?)
}

impl Metadata {
    /// Takes up an entity, or all of a group.
    fn collect(
        &mut self,
        element: Element<'_>,
        outer: Option<Timestamp>,
        twice: &mut BTreeSet<String>,
    ) {
        let Ok(until) = until(element) else {
            self.skipped += 1;
            return;
        };
        let until = earlier(outer, until);
        let Some(children) = element.elements() else {
            self.skipped += 1;
            return;
        };
        if element.is(MD, "EntitiesDescriptor") {
            for child in children {
                if child.is(MD, "EntitiesDescriptor") || child.is(MD, "EntityDescriptor") {
                    self.collect(child, until, twice);
                }
            }
            return;
        }
        // §2.4.1: of the roles, the one that speaks SAML 2.0.
        let mut roles = children.into_iter().filter(|role| {
            let spoken = role.attribute("protocolSupportEnumeration").unwrap_or_default();
            role.is(MD, "IDPSSODescriptor") && spoken.split_ascii_whitespace().any(|it| it == SAMLP)
        });
        let (Some(role), None) = (roles.next(), roles.next()) else { return };
        let entity = element.attribute("entityID").filter(|entity| !entity.is_empty());
        match (entity, provider(role, until)) {
            (Some(entity), Some(provider)) => {
                if self.providers.insert(entity.to_owned(), Arc::new(provider)).is_some() {
                    twice.insert(entity.to_owned());
                    self.skipped += 1;
                }
            }
            _ => self.skipped += 1,
        }
    }
}

fn provider(role: Element<'_>, outer: Option<Timestamp>) -> Option<IdentityProvider> {
    let mut provider = IdentityProvider {
        valid_until: earlier(outer, until(role).ok()?),
        ..IdentityProvider::default()
    };
    for child in role.elements()? {
        // §2.4.1.1: what does not say what it is for is for everything.
        if child.is(MD, "KeyDescriptor")
            && child.attribute("use").is_none_or(|usage| usage == "signing")
        {
            let found = certificates(child);
            // One that is a key alone, without a certificate, is none that we use.
            provider.unusable += usize::from(found.is_empty());
            for certificate in found {
                match certificate.and_then(|der| SignerCertificate::from_der(&der).ok()) {
                    Some(certificate) => provider.certificates.push(certificate),
                    None => provider.unusable += 1,
                }
            }
        } else if child.is(MD, "SingleSignOnService") {
            provider.sign_in.add(child, child.attribute("Location"));
        } else if child.is(MD, "SingleLogoutService") {
            provider.logout.add(child, child.attribute("Location"));
            provider.logout_answers.add(child, child.attribute("ResponseLocation"));
        }
    }
    Some(provider)
}

/// The certificates of a key, in DER; nothing for one that is not base64. Of several that belong together, the first has
/// the key, and the rest are those of whoever has signed it.
fn certificates(key: Element<'_>) -> Vec<Option<Vec<u8>>> {
    let mut certificates = Vec::new();
    for info in named(key, "KeyInfo") {
        for data in named(info, "X509Data") {
            if let Some(first) = named(data, "X509Certificate").first() {
                certificates.push(first.text().and_then(|text| xml::base64(&text)));
            }
        }
    }
    certificates
}

/// The children of this name, of XML Signature.
fn named<'a>(of: Element<'a>, name: &str) -> Vec<Element<'a>> {
    let children = of.elements().unwrap_or_default();
    children.into_iter().filter(|child| child.is(DS, name)).collect()
}

impl Endpoint {
    /// Notes the first place of each binding.
    fn add(&mut self, element: Element<'_>, location: Option<&str>) {
        let place = match element.attribute("Binding") {
            Some(HTTP_REDIRECT) => &mut self.redirect,
            Some(HTTP_POST) => &mut self.post,
            _ => return,
        };
        // A browser is sent there: to a page, and not to a script.
        let page = |url: &&str| {
            (url.starts_with("https://") || url.starts_with("http://")) && !url.contains('#')
        };
        if place.is_none() {
            *place = location.filter(page).map(str::to_owned);
        }
    }
}

fn until(element: Element<'_>) -> Result<Option<Timestamp>, MetadataRefusal> {
    let Some(text) = element.attribute("validUntil") else { return Ok(None) };
    instant::parse(text).map(Some).ok_or(MetadataRefusal::ValidUntil)
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Why a document is not the metadata of providers.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MetadataRefusal {
    /// It holds no identity provider of SAML 2.0.
    #[error("the metadata holds no identity provider of SAML 2.0")]
    NoProvider,
    /// It is another document.
    #[error("the document is not SAML metadata")]
    NotMetadata,
    /// Its signature is refused.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
    /// It is not signed.
    #[error("the metadata is not signed")]
    Unsigned,
    /// A time is not written as one.
    #[error("`validUntil` is not a moment in UTC")]
    ValidUntil,
    /// It is not a document that is read.
    #[error(transparent)]
    Xml(#[from] XmlRefusal),
}
