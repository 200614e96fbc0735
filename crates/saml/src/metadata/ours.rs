//! Our own metadata: an entity with one role, that of a service provider (§2.4.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::namespace::{DS, MD, SAMLP};
use crate::request::HTTP_POST;
use crate::writer::Writer;

use super::theirs::HTTP_REDIRECT;

/// What we decrypt, the best first: whoever heeds it takes nothing else (§2.4.1.1).
const ENCRYPTION_METHODS: [&str; 4] = [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2009/xmlenc11#rsa-oaep",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
];

/// What a provider is told about us.
#[derive(Clone, Debug)]
pub struct OurMetadata<'a> {
    /// Our entity ID.
    pub entity_id: &'a str,
    /// The URL of our assertion consumer service, by HTTP-POST.
    pub recipient: &'a str,
    /// The URL of our single logout service, by HTTP-Redirect and HTTP-POST.
    pub logout: &'a str,
    /// The certificates in DER of the keys that we sign with, present and next.
    pub signing: &'a [&'a [u8]],
    /// The certificates in DER of the keys that may be encrypted for.
    pub encryption: &'a [&'a [u8]],
    /// The format that the subject's name is wanted in.
    pub name_format: Option<&'a str>,
}

impl OurMetadata<'_> {
    /// The document.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::default()
            .markup("<md:EntityDescriptor")
            .attribute("xmlns:md", MD)
            .attribute("entityID", self.entity_id)
            .markup("><md:SPSSODescriptor")
            .attribute("AuthnRequestsSigned", "true")
            .attribute("WantAssertionsSigned", "true")
            .attribute("protocolSupportEnumeration", SAMLP)
            .markup(">");
        for (usage, certificates) in [("signing", self.signing), ("encryption", self.encryption)] {
            for certificate in certificates {
                writer = writer
                    .markup("<md:KeyDescriptor")
                    .attribute("use", usage)
                    .markup("><ds:KeyInfo")
                    .attribute("xmlns:ds", DS)
                    .markup("><ds:X509Data><ds:X509Certificate>")
                    .text(&STANDARD.encode(certificate))
                    .markup("</ds:X509Certificate></ds:X509Data></ds:KeyInfo>");
                if usage == "encryption" {
                    for method in ENCRYPTION_METHODS {
                        writer = writer
                            .markup("<md:EncryptionMethod")
                            .attribute("Algorithm", method)
                            .markup("></md:EncryptionMethod>");
                    }
                }
                writer = writer.markup("</md:KeyDescriptor>");
            }
        }
        for binding in [HTTP_REDIRECT, HTTP_POST] {
            writer = writer
                .markup("<md:SingleLogoutService")
                .attribute("Binding", binding)
                .attribute("Location", self.logout)
                .markup("></md:SingleLogoutService>");
        }
        if let Some(format) = self.name_format {
            writer = writer.markup("<md:NameIDFormat>").text(format).markup("</md:NameIDFormat>");
        }
        writer
            .markup("<md:AssertionConsumerService")
            .attribute("Binding", HTTP_POST)
            .attribute("Location", self.recipient)
            .attribute("index", "0")
            .attribute("isDefault", "true")
            .markup("></md:AssertionConsumerService></md:SPSSODescriptor></md:EntityDescriptor>")
            .into_string()
    }
}
