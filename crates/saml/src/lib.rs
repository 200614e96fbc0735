//! SAML 2.0 as a service provider takes it: the Web Browser SSO profile (saml-profiles-2.0-os §4.1) read more strictly
//! than it is written. Pure: bytes, keys and the time go in, an assertion or a reason against it comes out.
//!
//! A message is read in one order, and each step sees only what the one before it let through:
//!
//! 1. [`xml`]: bounded, without DTD, comments, CDATA and processing instructions, parsed once into one tree;
//! 2. [`signature`]: where signatures may stand and what they may hold, before any is verified; then each is verified, and
//!    what it covers is the element that it stands in;
//! 3. [`response`]: what is said, read from the children of the element that a signature covers, and from nothing else.
//!
//! The standards: [xmldsig] XML Signature 1.1, [exc-c14n] Exclusive XML Canonicalization 1.0, [xmlenc] XML Encryption
//! 1.1, and of SAML 2.0 [core], [bindings] and [profiles] with the approved errata.

mod binding;
mod c14n;
mod encryption;
pub mod fuzz;
pub mod instant;
mod logout;
mod metadata;
mod name_id;
mod request;
mod response;
mod signature;
mod status;
mod writer;
mod xml;

#[cfg(test)]
mod test_idp;

pub use binding::{
    BindingRefusal, Message, Redirected, Role, post, read_post, read_redirect, redirect,
};
pub use encryption::{DecryptionKey, DecryptionKeyError};
pub use logout::{
    LogoutExpectations, LogoutRefusal, LogoutRequest, OurLogoutAnswer, OurLogoutRequest,
    read_logout_answer, read_logout_request,
};
pub use metadata::{
    Endpoint, IdentityProvider, Metadata, MetadataRefusal, OurMetadata, read_metadata,
};
pub use name_id::NameId;
pub use request::AuthnRequest;
pub use response::{Answers, Assertion, Expectations, ResponseRefusal, read_response};
pub use signature::{SignError, SignatureRefusal, Signer};
pub use xml::{MAX_BYTES, MAX_DEPTH, MAX_METADATA_BYTES, XmlRefusal};

/// The namespaces, by the prefixes that the standards use.
pub(crate) mod namespace {
    pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
    pub(crate) const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
    pub(crate) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
    pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
    pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    pub(crate) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
    pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
    pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
}
