//! Which algorithms are taken, in each place where one is named. SHA-1, MD5, DSA, HMAC, XPath, XSLT and every other
//! canonicalization are not.

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use tokens::{Algorithm, Excerpt};

use super::SignatureRefusal;

/// [exc-c14n] §4, without comments.
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// [xmldsig] §6.6.4.
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// [xmldsig] §6.4 and RFC 9231 §2.3. XML writes an ECDSA signature as JOSE does: two numbers of fixed length.
const SIGNATURES: [(&str, Algorithm); 9] = [
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", Algorithm::Rs256),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", Algorithm::Rs384),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", Algorithm::Rs512),
    ("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", Algorithm::Ps256),
    ("http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1", Algorithm::Ps384),
    ("http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1", Algorithm::Ps512),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", Algorithm::Es256),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", Algorithm::Es384),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", Algorithm::Es512),
];

/// [xmldsig] §6.2 and RFC 9231 §2.1.
const DIGESTS: [(&str, &digest::Algorithm); 3] = [
    ("http://www.w3.org/2001/04/xmlenc#sha256", &SHA256),
    ("http://www.w3.org/2001/04/xmldsig-more#sha384", &SHA384),
    ("http://www.w3.org/2001/04/xmlenc#sha512", &SHA512),
];

/// How what is signed is digested.
#[derive(Clone, Copy)]
pub(super) struct Digest(&'static digest::Algorithm);

impl Digest {
    pub(super) fn named(uri: &str) -> Result<Self, SignatureRefusal> {
        let known = DIGESTS.iter().find(|(name, _)| *name == uri);
        known.map(|(_, algorithm)| Self(algorithm)).ok_or_else(|| unknown(uri))
    }

    pub(super) fn of(self, octets: &[u8]) -> digest::Digest {
        digest::digest(self.0, octets)
    }
}

/// What the algorithm is called here, if it is one of these.
pub(super) fn uri_of(algorithm: Algorithm) -> Option<&'static str> {
    SIGNATURES.iter().find(|(_, known)| *known == algorithm).map(|(uri, _)| *uri)
}

pub(super) fn signature(uri: &str) -> Result<Algorithm, SignatureRefusal> {
    let known = SIGNATURES.iter().find(|(name, _)| *name == uri);
    known.map(|(_, algorithm)| *algorithm).ok_or_else(|| unknown(uri))
}

pub(super) fn unknown(uri: &str) -> SignatureRefusal {
    SignatureRefusal::Algorithm { uri: Excerpt::of(uri) }
}
