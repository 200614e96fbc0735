//! The response itself ([core] §3.2.2, §3.3.3; [profiles] §4.1.4.2, §4.1.4.3).

use tokens::{Excerpt, Timestamp};

use super::assertion::{self, moment};
use super::children::Children;
use super::{Assertion, Expectations, ResponseRefusal};
use crate::encryption::{Content, Encrypted};
use crate::instant::is_recent;
use crate::namespace::{DS, SAML, SAMLP};
use crate::signature::{Signature, no_others};
use crate::status;
use crate::writer::Writer;
use crate::xml::{self, Element, Limits};

const ATTRIBUTES: [&str; 6] =
    ["ID", "InResponseTo", "Version", "IssueInstant", "Destination", "Consent"];

/// Reads an answer that came in, as it is after base64.
///
/// # Errors
/// The first reason not to believe it.
pub fn read_response(
    bytes: &[u8],
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Assertion, ResponseRefusal> {
    let document = xml::parse(xml::scan(bytes, &Limits::MESSAGE)?)?;
    let root = Element(document.root_element());
    if !root.is(SAMLP, "Response") || !root.has_only(&ATTRIBUTES) {
        return Err(ResponseRefusal::Structure { of: "the response" });
    }
    let mut children = Children::of(root, "the response")?;
    let issuer = children.optional(SAML, "Issuer");
    let signature = children.optional(DS, "Signature");
    children.optional(SAMLP, "Extensions");
    let status = children.required(SAMLP, "Status")?;
    // Before anything is counted or verified, so that anybody can have said it.
    succeeded(status)?;
    let plain = children.all(SAML, "Assertion");
    let encrypted = children.all(SAML, "EncryptedAssertion");
    children.end()?;
    let everywhere = |name| root.all().filter(|element| element.is(SAML, name)).count();
    let found = everywhere("Assertion") + everywhere("EncryptedAssertion");
    if found != 1 || plain.len() + encrypted.len() != 1 {
        return Err(ResponseRefusal::Number { found });
    }

    let outer = signature.map(|signature| Signature::read(root, signature)).transpose()?;
    let inner = plain.first().map(|plain| assertion::signature(*plain)).transpose()?.flatten();
    no_others(root, usize::from(outer.is_some()) + usize::from(inner.is_some()))?;
    for signature in [&outer, &inner].into_iter().flatten() {
        signature.verify(expected.certificates)?;
    }
    addressed(root, issuer, outer.is_some(), expected, now)?;
    match (plain.first(), encrypted.first()) {
        (Some(plain), _) if outer.is_some() || inner.is_some() => {
            assertion::read(*plain, expected, now)
        }
        (None, Some(encrypted)) => decrypted(*encrypted, outer.is_some(), expected, now),
        _ => Err(ResponseRefusal::Unsigned),
    }
}

/// An assertion that is encrypted. `covered` says whether a signature that was verified covers it as it came; otherwise
/// one within must.
fn decrypted(
    encrypted: Element<'_>,
    covered: bool,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Assertion, ResponseRefusal> {
    let data = Encrypted::read(encrypted).ok_or(ResponseRefusal::Undecipherable)?;
    if matches!(data.content, Content::Cbc { .. }) && !(covered && expected.danger_cbc) {
        return Err(ResponseRefusal::Cbc);
    }
    let plain = data.decrypt(expected.keys).ok_or(ResponseRefusal::Undecipherable)?;
    let plain = xml::scan_fragment(&plain).map_err(|_| ResponseRefusal::Undecipherable)?;
    // It is read as a document of its own: nothing of it can reach into the response. It may lean on prefixes that are
    // declared around it ([xmlenc] §4.4 and its note on namespaces); a signature within says that they are the same as
    // they were, and one around it does not, for what no octet uses is in no octet that is signed.
    let text =
        if covered { format!("<decrypted>{plain}</decrypted>") } else { within(encrypted, plain) };
    let text = xml::scan(text.as_bytes(), &Limits::MESSAGE);
    let text = text.map_err(|_| ResponseRefusal::Undecipherable)?;
    let document = xml::parse(text).map_err(|_| ResponseRefusal::Undecipherable)?;
    let root = Element(document.root_element());
    let one = root.elements().unwrap_or_default();
    let is_assertion =
        |it: &Element<'_>| it.is(SAML, "Assertion") || it.is(SAML, "EncryptedAssertion");
    let everywhere = root.all().filter(is_assertion).count();
    let [one] = *one.as_slice() else { return Err(ResponseRefusal::Undecipherable) };
    if !one.is(SAML, "Assertion") || everywhere != 1 {
        return Err(ResponseRefusal::Undecipherable);
    }
    let signature = assertion::signature(one)?;
    no_others(root, usize::from(signature.is_some()))?;
    match &signature {
        Some(signature) => signature.verify(expected.certificates)?,
        None if covered => {}
        None => return Err(ResponseRefusal::Unsigned),
    }
    assertion::read(one, expected, now)
}

/// `plain` in an element that declares what is in scope at `around`.
fn within(around: Element<'_>, plain: &str) -> String {
    let mut open = Writer::default().markup("<decrypted");
    for space in around.0.namespaces() {
        let prefixed = space.name().map(|prefix| format!("xmlns:{prefix}"));
        open = open.attribute(prefixed.as_deref().unwrap_or("xmlns"), space.uri());
    }
    format!("{}>{plain}</decrypted>", open.into_string())
}

/// [core] §3.2.2.1: who says no has no assertion to say it with.
fn succeeded(status: Element<'_>) -> Result<(), ResponseRefusal> {
    let said = status::read(status).ok_or(ResponseRefusal::Structure { of: "the status" })?;
    said.map_err(|code| ResponseRefusal::Declined { code: Excerpt::of(code) })
}

/// Whose it is, whom it is for, what it answers and when it was made.
fn addressed(
    root: Element<'_>,
    issuer: Option<Element<'_>>,
    signed: bool,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<(), ResponseRefusal> {
    let of = "response";
    if root.attribute("Version") != Some("2.0") {
        return Err(ResponseRefusal::Version { of });
    }
    if issuer.is_some_and(|issuer| !assertion::is_issuer(issuer, expected.issuer)) {
        return Err(ResponseRefusal::Issuer { of });
    }
    // [bindings] §3.5.5.2: what is signed says where it was sent.
    match root.attribute("Destination") {
        Some(destination) if destination == expected.recipient => {}
        None if !signed => {}
        _ => return Err(ResponseRefusal::Destination),
    }
    if root.attribute("InResponseTo") != expected.answers.request() {
        return Err(ResponseRefusal::Request);
    }
    let issued = moment(root, "IssueInstant")?;
    if !is_recent(issued, expected.max_age, expected.skew, now) {
        return Err(ResponseRefusal::Time { name: "IssueInstant" });
    }
    Ok(())
}
