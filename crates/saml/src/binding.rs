//! How messages travel by a browser ([bindings] §3.4 HTTP-Redirect, §3.5 HTTP-POST).

use aws_lc_rs::rand::SecureRandom;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;
use tokens::SignerCertificate;

use crate::signature::{self, SignError, SignatureRefusal, Signer};
use crate::xml::{MAX_BYTES, base64};

#[cfg(test)]
#[path = "binding_tests.rs"]
mod tests;

/// §3.4.4.1: the one encoding.
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// How hard to compress: some servers take URLs of 2 KiB at most.
const BEST: u8 = 9;

/// Everything but the unreserved characters of RFC 3986 §2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whether a message asks or answers: what its parameter is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `SAMLRequest`.
    Request,
    /// `SAMLResponse`.
    Response,
}

impl Role {
    /// The name of the parameter.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// The URL that carries `message` to `destination` (§3.4.4.1), signed by `signer` if there is one.
///
/// # Errors
/// If it cannot be signed.
pub fn redirect(
    destination: &str,
    (role, message): (Role, &str),
    relay_state: Option<&str>,
    signer: Option<&Signer<'_>>,
    random: &dyn SecureRandom,
) -> Result<String, SignError> {
    let mut query = format!(
        "{}={}",
        role.parameter(),
        encoded(&STANDARD.encode(compress_to_vec(message.as_bytes(), BEST)))
    );
    if let Some(state) = relay_state {
        query.push_str(&format!("&RelayState={}", encoded(state)));
    }
    if let Some(signer) = signer {
        query.push_str(&format!("&SigAlg={}", encoded(signer.uri()?)));
        let value = signer.value(query.as_bytes(), random)?;
        query.push_str(&format!("&Signature={}", encoded(&value)));
    }
    let between = if destination.contains('?') { '&' } else { '?' };
    Ok(format!("{destination}{between}{query}"))
}

/// A message as it came. Whether its binding has verified it cannot be taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub(crate) xml: Vec<u8>,
    /// Whether one of the provider's certificates signed the query that it came in. Within it, another signature may stand.
    pub(crate) signed: bool,
}

impl Message {
    /// The XML.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.xml
    }

    /// Whether its binding has verified a signature over it.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.signed
    }
}

/// What came by HTTP-Redirect.
#[derive(Debug, PartialEq, Eq)]
pub struct Redirected {
    /// What the message is.
    pub role: Role,
    /// The message, inflated.
    pub message: Message,
    /// What it brings back.
    pub relay_state: Option<String>,
}

/// Reads the query of a message by HTTP-Redirect. What is signed is the query as it came, byte for byte: how it was
/// encoded is the sender's choice.
///
/// # Errors
/// If it holds no message, or is signed by somebody else.
pub fn read_redirect(
    query: &str,
    certificates: &[SignerCertificate],
) -> Result<Redirected, BindingRefusal> {
    let mut found: [Option<&str>; 6] = [None; 6];
    let names =
        ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A name in another spelling would be found by somebody else.
        if decoded(name).is_some_and(|other| other != name && names.contains(&other.as_str())) {
            return Err(BindingRefusal::Query);
        }
        if let Some(place) =
            names.iter().position(|known| *known == name).and_then(|at| found.get_mut(at))
            && place.replace(value).is_some()
        {
            return Err(BindingRefusal::Query);
        }
    }
    let [request, response, relay_state, algorithm, value, encoding] = found;
    if encoding.is_some_and(|encoding| decoded(encoding).as_deref() != Some(DEFLATE)) {
        return Err(BindingRefusal::Query);
    }
    // A `+` is a blank in a query, which base64 skips; whoever means it writes `%2B`.
    if [request, response, value].into_iter().flatten().any(|text| text.contains('+')) {
        return Err(BindingRefusal::Query);
    }
    let (role, message) = match (request, response) {
        (Some(request), None) => (Role::Request, request),
        (None, Some(response)) => (Role::Response, response),
        _ => return Err(BindingRefusal::Query),
    };
    let signed = match (algorithm, value) {
        (None, None) => false,
        (Some(algorithm), Some(value)) => {
            let mut octets = format!("{}={message}", role.parameter());
            if let Some(state) = relay_state {
                octets.push_str(&format!("&RelayState={state}"));
            }
            octets.push_str(&format!("&SigAlg={algorithm}"));
            let uri = decoded(algorithm).ok_or(BindingRefusal::Query)?;
            let value =
                decoded(value).and_then(|value| base64(&value)).ok_or(BindingRefusal::Query)?;
            signature::verify_octets((&uri, octets.as_bytes(), &value), certificates)?;
            true
        }
        _ => return Err(BindingRefusal::Query),
    };
    let packed =
        decoded(message).and_then(|message| base64(&message)).ok_or(BindingRefusal::Query)?;
    let xml =
        decompress_to_vec_with_limit(&packed, MAX_BYTES).map_err(|_| BindingRefusal::Inflate)?;
    let relay_state =
        relay_state.map(|state| decoded(state).ok_or(BindingRefusal::Query)).transpose()?;
    Ok(Redirected { role, message: Message { xml, signed }, relay_state })
}

/// The message in a field of a form (§3.5.4).
///
/// # Errors
/// If it is not base64, or too long.
pub fn read_post(field: &str) -> Result<Message, BindingRefusal> {
    // Base64 takes four characters for three bytes, and line breaks besides.
    if field.len() > 2 * MAX_BYTES {
        return Err(BindingRefusal::Long);
    }
    let xml = base64(field).ok_or(BindingRefusal::Query)?;
    Ok(Message { xml, signed: false })
}

/// The field of a form that carries `message` (§3.5.4), signed by `signer` if there is one.
///
/// # Errors
/// If it cannot be signed.
pub fn post(
    message: &str,
    signer: Option<&Signer<'_>>,
    random: &dyn SecureRandom,
) -> Result<String, SignError> {
    Ok(match signer {
        Some(signer) => STANDARD.encode(signature::sign(message, signer, random)?),
        None => STANDARD.encode(message),
    })
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// What a text of a query stands for.
fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    Some(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned())
}

/// Why what a browser brings is no message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BindingRefusal {
    /// It cannot be inflated, or not within the limit.
    #[error("the message cannot be inflated to at most {MAX_BYTES} bytes")]
    Inflate,
    /// It is too long.
    #[error("the message has more than {MAX_BYTES} bytes")]
    Long,
    /// The query or the field holds no message, or more than one, or is not encoded as one.
    #[error("there is not one message that is encoded as SAML says")]
    Query,
    /// Its signature is refused.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
}

impl BindingRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Inflate => "saml_inflate",
            Self::Long => "saml_long",
            Self::Query => "saml_unreadable",
            Self::Signature(refusal) => refusal.code(),
        }
    }
}
