//! Single logout ([core] §3.7, [profiles] §4.4): requests and answers, both ways.

use std::time::Duration;

use thiserror::Error;
use tokens::{Excerpt, SignerCertificate, Timestamp};

use crate::binding::Message;
use crate::encryption::{DecryptionKey, covered};
use crate::instant;
use crate::name_id::NameId;
use crate::namespace::{DS, SAML, SAMLP};
use crate::signature::{Signature, SignatureRefusal, no_others};
use crate::status;
use crate::writer::Writer;
use crate::xml::{self, Element, Limits, XmlRefusal};

#[cfg(test)]
#[path = "logout_tests.rs"]
mod tests;

/// What a provider wants: the sessions of a subject to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its ID, which our answer refers to and which comes once.
    pub id: String,
    /// The subject, as the assertion named it.
    pub name_id: String,
    /// The sessions, as assertions named them; empty for all of the subject.
    pub sessions: Vec<String>,
    /// Until when it could be shown again.
    pub usable_until: Timestamp,
}

/// What a message for us must be.
#[derive(Clone, Debug)]
pub struct LogoutExpectations<'a> {
    /// The provider: its entity ID.
    pub issuer: &'a str,
    /// Who we are: our entity ID.
    pub audience: &'a str,
    /// Where the message came in.
    pub recipient: &'a str,
    /// The provider's certificates that count now.
    pub certificates: &'a [SignerCertificate],
    /// Our keys that it may have encrypted for.
    pub keys: &'a [DecryptionKey],
    /// Whether CBC is decrypted too, in what is signed.
    pub danger_cbc: bool,
    /// How far the provider's clock may be from ours.
    pub skew: Duration,
    /// How old a message may be when it comes.
    pub max_age: Duration,
}

/// Reads a request for logout.
///
/// # Errors
/// The first reason not to believe it.
pub fn read_logout_request(
    message: &Message,
    expected: &LogoutExpectations<'_>,
    now: Timestamp,
) -> Result<LogoutRequest, LogoutRefusal> {
    let document = xml::parse(xml::scan(&message.xml, &Limits::MESSAGE)?)?;
    let root = Element(document.root_element());
    let mut rest = believed((root, "LogoutRequest"), message.signed, expected, now)?.into_iter();
    let id = root.id().ok_or(LogoutRefusal::Structure)?;
    let until = match root.attribute("NotOnOrAfter") {
        Some(text) => Some(instant::parse(text).ok_or(LogoutRefusal::Structure)?),
        None => None,
    };
    if until.is_some_and(|until| instant::is_past(until, expected.skew, now)) {
        return Err(LogoutRefusal::Time);
    }
    let name = rest.next().ok_or(LogoutRefusal::Structure)?;
    let named = |name: Element<'_>| NameId::read(name, expected.issuer, expected.audience);
    let name_id = if name.is(SAML, "EncryptedID") {
        // Shibboleth encrypts it by default.
        let name = covered(name, (expected.keys, expected.danger_cbc), named);
        name.ok_or(LogoutRefusal::Undecipherable)?
    } else {
        named(name).ok_or(LogoutRefusal::Structure)?
    };
    let mut sessions = Vec::new();
    for element in rest {
        if !element.is(SAMLP, "SessionIndex") {
            return Err(LogoutRefusal::Structure);
        }
        sessions.push(element.text().ok_or(LogoutRefusal::Structure)?);
    }
    let oldest = issued(root)?.plus(expected.max_age);
    let usable_until = until.map_or(oldest, |until| until.min(oldest)).plus(expected.skew);
    Ok(LogoutRequest { id: id.to_owned(), name_id: name_id.value, sessions, usable_until })
}

/// Reads the answer to the request for logout with this ID.
///
/// # Errors
/// The first reason not to believe it, or what the provider says is why not.
pub fn read_logout_answer(
    message: &Message,
    request: &str,
    expected: &LogoutExpectations<'_>,
    now: Timestamp,
) -> Result<(), LogoutRefusal> {
    let document = xml::parse(xml::scan(&message.xml, &Limits::MESSAGE)?)?;
    let root = Element(document.root_element());
    let rest = believed((root, "LogoutResponse"), message.signed, expected, now)?;
    if root.attribute("InResponseTo") != Some(request) {
        return Err(LogoutRefusal::Request);
    }
    let [status] = *rest.as_slice() else { return Err(LogoutRefusal::Structure) };
    let said = status::read(status).ok_or(LogoutRefusal::Structure)?;
    said.map_err(|code| LogoutRefusal::Declined { code: Excerpt::of(code) })
}

/// Whether a message, which its binding may have verified ([bindings] §3.4.4.1), is the provider's, to us and of now; what it holds behind issuer, signature and extensions.
fn believed<'a>(
    (root, name): (Element<'a>, &str),
    signed: bool,
    expected: &LogoutExpectations<'_>,
    now: Timestamp,
) -> Result<Vec<Element<'a>>, LogoutRefusal> {
    if !root.is(SAMLP, name) || root.attribute("Version") != Some("2.0") {
        return Err(LogoutRefusal::Structure);
    }
    let mut children = root.elements().ok_or(LogoutRefusal::Structure)?.into_iter().peekable();
    let issuer =
        children.next_if(|child| child.is(SAML, "Issuer")).ok_or(LogoutRefusal::Structure)?;
    let signature = children.next_if(|child| child.is(DS, "Signature"));
    children.next_if(|child| child.is(SAMLP, "Extensions"));
    no_others(root, usize::from(signature.is_some()))?;
    // [profiles] §4.4.3.1, §4.4.4.1: by a browser, both are signed.
    match signature {
        Some(signature) => Signature::read(root, signature)?.verify(expected.certificates)?,
        None if signed => {}
        None => return Err(LogoutRefusal::Unsigned),
    }
    if issuer.text().as_deref() != Some(expected.issuer) {
        return Err(LogoutRefusal::Issuer);
    }
    if root.attribute("Destination") != Some(expected.recipient) {
        return Err(LogoutRefusal::Destination);
    }
    if !instant::is_recent(issued(root)?, expected.max_age, expected.skew, now) {
        return Err(LogoutRefusal::Time);
    }
    Ok(children.collect())
}

fn issued(root: Element<'_>) -> Result<Timestamp, LogoutRefusal> {
    root.attribute("IssueInstant").and_then(instant::parse).ok_or(LogoutRefusal::Structure)
}

/// A request of ours.
#[derive(Clone, Debug)]
pub struct OurLogoutRequest<'a> {
    /// Its ID: an NCName that nobody can guess.
    pub id: &'a str,
    /// When it is made.
    pub issued: Timestamp,
    /// Who we are: our entity ID.
    pub issuer: &'a str,
    /// Where it is sent.
    pub destination: &'a str,
    /// Whom it is for: the provider's entity ID.
    pub audience: &'a str,
    /// The subject's name, as the assertion had it.
    pub name: &'a NameId,
    /// The session, as the assertion named it.
    pub session: Option<&'a str>,
}

impl OurLogoutRequest<'_> {
    /// The message.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let writer = message(
            "<samlp:LogoutRequest",
            (self.id, None),
            self.destination,
            self.issued,
            self.issuer,
        );
        let writer = self.name.write(writer, self.audience, self.issuer);
        let writer = match self.session {
            Some(session) => {
                writer.markup("<samlp:SessionIndex>").text(session).markup("</samlp:SessionIndex>")
            }
            None => writer,
        };
        writer.markup("</samlp:LogoutRequest>").into_string()
    }
}

/// An answer of ours to a provider's request.
#[derive(Clone, Debug)]
pub struct OurLogoutAnswer<'a> {
    /// Its ID.
    pub id: &'a str,
    /// What it answers.
    pub request: &'a str,
    /// When it is made.
    pub issued: Timestamp,
    /// Who we are: our entity ID.
    pub issuer: &'a str,
    /// Where it is sent.
    pub destination: &'a str,
    /// Whether the sessions have ended.
    pub done: bool,
}

impl OurLogoutAnswer<'_> {
    /// The message.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let code = if self.done { status::SUCCESS } else { status::RESPONDER };
        let ids = (self.id, Some(self.request));
        message("<samlp:LogoutResponse", ids, self.destination, self.issued, self.issuer)
            .markup("<samlp:Status><samlp:StatusCode")
            .attribute("Value", code)
            .markup("></samlp:StatusCode></samlp:Status></samlp:LogoutResponse>")
            .into_string()
    }
}

fn message(
    open: &'static str,
    (id, request): (&str, Option<&str>),
    destination: &str,
    issued: Timestamp,
    issuer: &str,
) -> Writer {
    Writer::default()
        .markup(open)
        .attribute("xmlns:samlp", SAMLP)
        .attribute("Destination", destination)
        .attribute("ID", id)
        .optional("InResponseTo", request)
        .attribute("IssueInstant", &instant::written(issued))
        .attribute("Version", "2.0")
        .markup("><saml:Issuer")
        .attribute("xmlns:saml", SAML)
        .markup(">")
        .text(issuer)
        .markup("</saml:Issuer>")
}

/// Why a message about logout is not believed. The message is for the operator's records.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LogoutRefusal {
    /// The provider says no.
    #[error("the provider answers `{code}`")]
    Declined {
        /// The status code.
        code: Excerpt,
    },
    /// It was sent to somebody else.
    #[error("the message is not addressed to this place")]
    Destination,
    /// It is of another provider.
    #[error("the message is of another issuer")]
    Issuer,
    /// It answers another request.
    #[error("the message does not answer our request")]
    Request,
    /// Its signature is refused.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
    /// It is not of the form that the standard gives it.
    #[error("the message is not of the form that SAML gives it")]
    Structure,
    /// It is too old, or not yet made.
    #[error("the message is too old, or of a time to come")]
    Time,
    /// The subject's name is encrypted, and cannot be decrypted.
    #[error("the name of the subject is encrypted, and not with AES-GCM for a key of ours")]
    Undecipherable,
    /// It is not signed.
    #[error("the message about logout is not signed: let the provider sign these too")]
    Unsigned,
    /// It is not a document that is read.
    #[error(transparent)]
    Xml(#[from] XmlRefusal),
}

impl LogoutRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Declined { .. } => "saml_declined",
            Self::Destination => "saml_destination",
            Self::Issuer => "saml_issuer",
            Self::Request => "saml_request",
            Self::Signature(refusal) => refusal.code(),
            Self::Structure => "saml_structure",
            Self::Time => "saml_time",
            Self::Undecipherable => "saml_undecipherable",
            Self::Unsigned => "saml_unsigned",
            Self::Xml(refusal) => refusal.code(),
        }
    }
}
