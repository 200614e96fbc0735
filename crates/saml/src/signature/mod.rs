//! Signatures ([xmldsig]) as SAML allows them ([core] §5): enveloped, over the element that they stand in, and over
//! nothing else. What they hold is judged before any of it is verified.

mod algorithm;
mod refusal;
mod sign;
mod structure;

use tokens::{Algorithm, SignerCertificate};

use crate::c14n::canonical;
use crate::namespace::DS;
use crate::xml::Element;

use structure::Parts;

pub use refusal::SignatureRefusal;
pub(crate) use sign::sign;
pub use sign::{SignError, Signer};

/// Whether the octets were signed by one of the certificates, with the algorithm of this URI ([bindings] §3.4.4.1).
pub(crate) fn verify_octets(
    (uri, octets, signature): (&str, &[u8], &[u8]),
    certificates: &[SignerCertificate],
) -> Result<(), SignatureRefusal> {
    by_one_of(certificates, algorithm::signature(uri)?, octets, signature)
}

fn by_one_of(
    certificates: &[SignerCertificate],
    algorithm: Algorithm,
    octets: &[u8],
    signature: &[u8],
) -> Result<(), SignatureRefusal> {
    if certificates.iter().any(|certificate| certificate.verifies(algorithm, octets, signature)) {
        return Ok(());
    }
    // A key on P-256 signs with SHA-256, and so on: XML allows other pairs, and nobody needs them.
    let fits = certificates.iter().any(|certificate| certificate.fits(algorithm));
    Err(if fits { SignatureRefusal::Forged } else { SignatureRefusal::KeyKind { algorithm } })
}

/// A signature that is of the form that we take. It covers `of` once it is verified, and nothing before.
pub(crate) struct Signature<'a> {
    of: Element<'a>,
    node: Element<'a>,
    parts: Parts<'a>,
}

impl<'a> Signature<'a> {
    /// Reads `node`, which stands in `of`.
    pub(crate) fn read(of: Element<'a>, node: Element<'a>) -> Result<Self, SignatureRefusal> {
        let parts = structure::read(node, of.id().ok_or(SignatureRefusal::Reference)?)?;
        Ok(Self { of, node, parts })
    }

    /// Verifies it: the signature over the digest, and then, which costs more, the digest of the element without the
    /// signature.
    pub(crate) fn verify(
        &self,
        certificates: &[SignerCertificate],
    ) -> Result<(), SignatureRefusal> {
        let Parts { digest, signed_info, algorithm, .. } = &self.parts;
        let octets = canonical(signed_info.0, None, &self.parts.signed_info_prefixes);
        by_one_of(certificates, *algorithm, &octets, &self.parts.signature_value)?;
        let octets = canonical(self.of.0, Some(self.node.0), &self.parts.reference_prefixes);
        if digest.of(&octets).as_ref() != self.parts.digest_value {
            return Err(SignatureRefusal::Digest);
        }
        Ok(())
    }
}

/// Whether no other element of the document has the ID of its root, whatever kind of ID it is.
pub(crate) fn only_one_with_its_id(root: Element<'_>) -> Result<(), SignatureRefusal> {
    let id = root.id().ok_or(SignatureRefusal::Reference)?;
    let attributes = root.all().flat_map(|element| element.0.attributes());
    let same = attributes.filter(|attribute| is_id(attribute.name()) && attribute.value() == id);
    if same.count() == 1 { Ok(()) } else { Err(SignatureRefusal::RepeatedId) }
}

fn is_id(name: &str) -> bool {
    ["id", "assertionid", "responseid", "requestid"].iter().any(|id| name.eq_ignore_ascii_case(id))
}

/// [core] §1.3.4, §5.4.2: the document whose root this is has `expected` signatures, all of which stand where they are
/// looked for, and no two elements of it have the same ID, whatever kind of ID it is.
pub(crate) fn no_others(root: Element<'_>, expected: usize) -> Result<(), SignatureRefusal> {
    let signatures = root.all().filter(|element| element.is(DS, "Signature")).count();
    if signatures != expected {
        return Err(SignatureRefusal::Misplaced);
    }
    let mut ids = Vec::new();
    for attribute in root.all().flat_map(|element| element.0.attributes()) {
        match attribute.namespace() {
            None if is_id(attribute.name()) => ids.push(attribute.value()),
            Some(_) if is_id(attribute.name()) => return Err(SignatureRefusal::ForeignId),
            _ => {}
        }
    }
    ids.sort_unstable();
    if ids.array_windows().any(|[one, other]| one == other) {
        return Err(SignatureRefusal::RepeatedId);
    }
    Ok(())
}
