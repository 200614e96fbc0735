//! Requests for authentication ([core] §3.4.1, [profiles] §4.1.4.1).

use tokens::Timestamp;

use crate::instant;
use crate::namespace::{SAML, SAMLP};
use crate::writer::Writer;

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;

/// [bindings] §3.5: how the answer comes.
pub(crate) const HTTP_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// What is asked of a provider.
#[derive(Clone, Debug)]
pub struct AuthnRequest<'a> {
    /// Its ID, which the answer refers to: an NCName that nobody can guess.
    pub id: &'a str,
    /// When it is made.
    pub issued: Timestamp,
    /// Who we are: our entity ID.
    pub issuer: &'a str,
    /// Where it is sent.
    pub destination: &'a str,
    /// Where the answer goes: the URL of our assertion consumer service.
    pub recipient: &'a str,
    /// The format that the subject's name is wanted in; nothing to leave it to the provider.
    pub name_format: Option<&'a str>,
    /// How the subject must have signed in, any of these classes, the best first; empty if that does not matter.
    pub contexts: &'a [String],
    /// Whether the subject must sign in anew.
    pub force: bool,
}

impl AuthnRequest<'_> {
    /// The message.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::default()
            .markup("<samlp:AuthnRequest")
            .attribute("xmlns:samlp", SAMLP)
            .attribute("AssertionConsumerServiceURL", self.recipient)
            .attribute("Destination", self.destination)
            .optional("ForceAuthn", self.force.then_some("true"))
            .attribute("ID", self.id)
            .attribute("IssueInstant", &instant::written(self.issued))
            .attribute("ProtocolBinding", HTTP_POST)
            .attribute("Version", "2.0")
            .markup("><saml:Issuer")
            .attribute("xmlns:saml", SAML)
            .markup(">")
            .text(self.issuer)
            .markup("</saml:Issuer><samlp:NameIDPolicy")
            .attribute("AllowCreate", "true")
            .optional("Format", self.name_format)
            .markup("></samlp:NameIDPolicy>");
        if !self.contexts.is_empty() {
            writer = writer
                .markup("<samlp:RequestedAuthnContext")
                .attribute("Comparison", "exact")
                .markup(">");
            for context in self.contexts {
                writer = writer
                    .markup("<saml:AuthnContextClassRef")
                    .attribute("xmlns:saml", SAML)
                    .markup(">")
                    .text(context)
                    .markup("</saml:AuthnContextClassRef>");
            }
            writer = writer.markup("</samlp:RequestedAuthnContext>");
        }
        writer.markup("</samlp:AuthnRequest>").into_string()
    }
}
