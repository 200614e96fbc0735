//! The metadata of providers, one or many in a document (§2.3, §2.4.3), read once and kept as little.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;
use tokens::{SignerCertificate, Timestamp};

use crate::instant;
use crate::namespace::{DS, MD, SAMLP};
use crate::request::HTTP_POST;
use crate::signature::{Signature, SignatureRefusal, no_others};
use crate::xml::{self, Element, Limits, XmlRefusal};

pub(crate) const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// The providers of a document, by entity ID. What is no identity provider of SAML 2.0 is not among them.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The providers.
    pub providers: BTreeMap<String, Arc<IdentityProvider>>,
    /// Until when the document may be used; nothing if it does not say.
    pub valid_until: Option<Timestamp>,
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
    /// Whether it wants requests signed. Ours are.
    pub wants_signed_requests: bool,
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
    let mut providers = BTreeMap::new();
    collect(root, None, &mut providers)?;
    if providers.is_empty() {
        return Err(MetadataRefusal::NoProvider);
    }
    Ok(Metadata { providers, valid_until: until(root)? })
}

/// §3.1: enveloped in the root, over all of it. Those further in are covered by it, and are not looked at.
fn signed(root: Element<'_>, certificates: &[SignerCertificate]) -> Result<(), MetadataRefusal> {
    let children = root.elements().ok_or(MetadataRefusal::NotMetadata)?;
    // Behind nothing: the schema has it first.
    let signature = children.first().filter(|first| first.is(DS, "Signature"));
    let signature = signature.ok_or(MetadataRefusal::Unsigned)?;
    let all = root.all().filter(|element| element.is(DS, "Signature")).count();
    no_others(root, all)?;
    Ok(Signature::read(root, *signature)?.verify(certificates)?)
}

fn collect(
    element: Element<'_>,
    outer: Option<Timestamp>,
    providers: &mut BTreeMap<String, Arc<IdentityProvider>>,
) -> Result<(), MetadataRefusal> {
    let until = earlier(outer, until(element)?);
    let children = element.elements().ok_or(MetadataRefusal::NotMetadata)?;
    if element.is(MD, "EntitiesDescriptor") {
        for child in children {
            if child.is(MD, "EntitiesDescriptor") || child.is(MD, "EntityDescriptor") {
                collect(child, until, providers)?;
            }
        }
        return Ok(());
    }
    let entity = element.attribute("entityID").ok_or(MetadataRefusal::NotMetadata)?;
    let roles = children.into_iter().filter(|child| child.is(MD, "IDPSSODescriptor"));
    // §2.4.1: of the roles, those that speak SAML 2.0.
    let mut roles = roles.filter(|role| {
        let spoken = role.attribute("protocolSupportEnumeration").unwrap_or_default();
        spoken.split_ascii_whitespace().any(|protocol| protocol == SAMLP)
    });
    let (Some(role), None) = (roles.next(), roles.next()) else { return Ok(()) };
    let provider = provider(role, until)?;
    // The same entity twice is two providers that are told apart by nothing.
    if providers.insert(entity.to_owned(), Arc::new(provider)).is_some() {
        return Err(MetadataRefusal::Repeated);
    }
    Ok(())
}

fn provider(
    role: Element<'_>,
    outer: Option<Timestamp>,
) -> Result<IdentityProvider, MetadataRefusal> {
    let mut provider = IdentityProvider {
        wants_signed_requests: matches!(
            role.attribute("WantAuthnRequestsSigned"),
            Some("true" | "1")
        ),
        valid_until: earlier(outer, until(role)?),
        ..IdentityProvider::default()
    };
    for child in role.elements().ok_or(MetadataRefusal::NotMetadata)? {
        // §2.4.1.1: what does not say what it is for is for everything.
        if child.is(MD, "KeyDescriptor")
            && child.attribute("use").is_none_or(|usage| usage == "signing")
        {
            for certificate in certificates(child) {
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
    Ok(provider)
}

/// The certificates of a key, in DER; nothing for one that is not base64.
fn certificates(key: Element<'_>) -> Vec<Option<Vec<u8>>> {
    let info =
        key.elements().unwrap_or_default().into_iter().filter(|child| child.is(DS, "KeyInfo"));
    let data = info
        .flat_map(|info| info.elements().unwrap_or_default())
        .filter(|data| data.is(DS, "X509Data"));
    let certificates = data.flat_map(|data| data.elements().unwrap_or_default());
    certificates
        .filter(|certificate| certificate.is(DS, "X509Certificate"))
        .map(|certificate| xml::base64(&certificate.text()?))
        .collect()
}

impl Endpoint {
    /// Notes the first place of each binding.
    fn add(&mut self, element: Element<'_>, location: Option<&str>) {
        let place = match element.attribute("Binding") {
            Some(HTTP_REDIRECT) => &mut self.redirect,
            Some(HTTP_POST) => &mut self.post,
            _ => return,
        };
        if place.is_none() {
            *place = location.map(str::to_owned);
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
    /// An entity is in it twice.
    #[error("the metadata holds the same entity twice")]
    Repeated,
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
