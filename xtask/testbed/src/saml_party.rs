//! A provider with SAML that says whatever a test wants said, signed or not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rcgen::{CertificateParams, KeyPair};
use saml::{Role, Signer, read_redirect};
use tokens::{Algorithm, SigningKey, Timestamp};

use crate::browser::value;
use crate::{clock, entropy};

const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

/// Every assertion has an ID of its own.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A party that speaks SAML: a provider, or whoever poses as one.
#[derive(Debug)]
pub struct SamlParty {
    issuer: String,
    key: SigningKey,
    certificate: Vec<u8>,
    pem: String,
}

/// What is said in an answer.
#[derive(Clone, Debug)]
pub struct Said {
    /// The subject.
    pub name: String,
    /// The session.
    pub session: String,
    /// The attribute `groups`.
    pub groups: Vec<String>,
    /// Whom it is for: entity ID.
    pub audience: String,
    /// Where it is sent.
    pub recipient: String,
}

impl SamlParty {
    /// One with a new key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(issuer: &str) -> Result<Self> {
        let pair = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["saml".to_owned()])?.self_signed(&pair)?;
        let key = SigningKey::from_pkcs8(Algorithm::Es256, pair.serialized_der())
            .context("expected a key")?;
        let pem = format!("{}{}", certificate.pem(), pair.serialize_pem());
        Ok(Self { issuer: issuer.to_owned(), key, certificate: certificate.der().to_vec(), pem })
    }

    /// The certificate and the private key.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The entity ID.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its metadata, in which those of `others` stand beside its own certificate.
    #[must_use]
    pub fn metadata(&self, others: &[&Self]) -> String {
        let all = std::iter::once(self).chain(others.iter().copied());
        let keys: String = all
            .map(|party| {
                let text = STANDARD.encode(&party.certificate);
                format!("<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>")
            })
            .collect();
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\"><md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.test/slo\"/><md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.test/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
            self.issuer
        )
    }

    /// An answer to the request that was brought to `url`, as the fields of a form, signed by this party.
    ///
    /// # Errors
    /// When there is no request, or nothing can be signed.
    pub fn answer(&self, url: &str, said: &Said) -> Result<BTreeMap<&'static str, String>> {
        let text = self.response(url, said)?;
        let signer = Signer { key: &self.key, certificate: &self.certificate };
        form(url, saml::post(&text, Some(&signer), &entropy::source())?)
    }

    /// The same, not signed.
    ///
    /// # Errors
    /// When there is no request.
    pub fn unsigned(&self, url: &str, said: &Said) -> Result<BTreeMap<&'static str, String>> {
        form(url, STANDARD.encode(self.response(url, said)?))
    }

    /// An answer that signs nobody in: the person cancelled. Providers do not always sign these.
    ///
    /// # Errors
    /// When there is no request.
    pub fn declined(&self, url: &str, said: &Said) -> Result<BTreeMap<&'static str, String>> {
        let text = self.response(url, said)?;
        let (head, _) = text.split_once("<saml:Assertion").context("expected an assertion")?;
        let status = "status:Success\"/>";
        let no = "status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"/></samlp:StatusCode>";
        form(url, STANDARD.encode(format!("{}</samlp:Response>", head.replace(status, no))))
    }

    fn response(&self, url: &str, said: &Said) -> Result<String> {
        let request = request_id(url)?;
        let now = now();
        let (at, until) = (written(now, 0), written(now, 120));
        let id = format!("_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let Said { name, session, groups, audience, recipient } = said;
        let issuer = &self.issuer;
        let groups: String = groups
            .iter()
            .map(|group| format!("<saml:AttributeValue>{group}</saml:AttributeValue>"))
            .collect();
        Ok(format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r\" Version=\"2.0\" IssueInstant=\"{at}\" Destination=\"{recipient}\" InResponseTo=\"{request}\"><saml:Issuer>{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status><saml:Assertion ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{at}\"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format=\"{PERSISTENT}\">{name}</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData NotOnOrAfter=\"{until}\" Recipient=\"{recipient}\" InResponseTo=\"{request}\"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant=\"{at}\" SessionIndex=\"{session}\"><saml:AuthnContext><saml:AuthnContextClassRef>urn:example:mfa</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name=\"groups\">{groups}</saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"
        ))
    }

    /// Where a browser carries the provider's wish that a subject be signed out: of one session, or of all.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub fn sign_out(&self, id: &str, to: &str, said: &Said, one: bool) -> Result<String> {
        let name = saml::NameId::new(&said.name, PERSISTENT);
        let request = saml::OurLogoutRequest {
            id,
            issued: now(),
            issuer: &self.issuer,
            destination: to,
            audience: &said.audience,
            name: &name,
            session: one.then_some(said.session.as_str()),
        };
        self.carried(to, Role::Request, &request.to_xml(), Some("their-state"))
    }

    /// Where a browser carries the provider's word that it has signed somebody out, as the request at `url` asked for.
    ///
    /// # Errors
    /// When there is no request, or nothing can be signed.
    pub fn signed_out(&self, url: &str, to: &str) -> Result<String> {
        let request = request_id(url)?;
        let answer = saml::OurLogoutAnswer {
            id: "_theirs",
            request: &request,
            issued: now(),
            issuer: &self.issuer,
            destination: to,
            done: true,
        };
        let state = percent_decode_str(&value(url, "RelayState")?).decode_utf8()?.into_owned();
        self.carried(to, Role::Response, &answer.to_xml(), Some(&state))
    }

    fn carried(&self, to: &str, role: Role, message: &str, state: Option<&str>) -> Result<String> {
        let signer = Signer { key: &self.key, certificate: &self.certificate };
        Ok(saml::redirect(to, (role, message), state, Some(&signer), &entropy::source())?)
    }
}

/// The fields of a form, escaped for its body.
#[must_use]
pub fn body(fields: &BTreeMap<&'static str, String>) -> String {
    let pair = |(name, value): (&&str, &String)| {
        format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The message that is carried in `url`, as text.
///
/// # Errors
/// When there is none.
pub fn message(url: &str) -> Result<String> {
    let (_, query) = url.split_once('?').context("expected a query")?;
    // Whether it is signed is not asked here.
    let plain: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.starts_with("SigAlg=") && !pair.starts_with("Signature="))
        .collect();
    let read = read_redirect(&plain.join("&"), &[])?;
    Ok(String::from_utf8(read.message.as_bytes().to_vec())?)
}

fn request_id(url: &str) -> Result<String> {
    let text = message(url)?;
    let id = text.split_once(" ID=\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok(id.context("expected an ID")?.0.to_owned())
}

fn form(url: &str, answer: String) -> Result<BTreeMap<&'static str, String>> {
    let state = percent_decode_str(&value(url, "RelayState")?).decode_utf8()?.into_owned();
    Ok(BTreeMap::from([("SAMLResponse", answer), ("RelayState", state)]))
}

fn now() -> Timestamp {
    Timestamp::from_secs(clock::epoch_seconds())
}

/// A moment so many seconds later, as SAML writes it.
fn written(at: Timestamp, later: u64) -> String {
    saml::instant::written(at.plus(Duration::from_secs(later)))
}
