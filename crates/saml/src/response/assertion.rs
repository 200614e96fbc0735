//! The assertion ([core] §2.3.3), of which nothing is read before a signature covers it.

use tokens::Timestamp;

use super::children::Children;
use super::{Assertion, Expectations, ResponseRefusal, conditions, statements, subject};
use crate::instant;
use crate::namespace::{DS, SAML};
use crate::signature::Signature;
use crate::xml::Element;

const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// Its signature, if it has one: behind the issuer, as its schema says.
pub(super) fn signature(assertion: Element<'_>) -> Result<Option<Signature<'_>>, ResponseRefusal> {
    let mut children = Children::of(assertion, "the assertion")?;
    children.required(SAML, "Issuer")?;
    let signature = children.optional(DS, "Signature");
    Ok(signature.map(|signature| Signature::read(assertion, signature)).transpose()?)
}

/// What it says, whether it says it of somebody who is to be believed to us, and now.
pub(super) fn read(
    assertion: Element<'_>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Assertion, ResponseRefusal> {
    let of = "assertion";
    if assertion.attribute("Version") != Some("2.0") {
        return Err(ResponseRefusal::Version { of });
    }
    let known = assertion.has_only(&["ID", "IssueInstant", "Version"]);
    let id = assertion.id().filter(|_| known);
    let id = id.ok_or(ResponseRefusal::Structure { of: "the assertion" })?;
    let issued = moment(assertion, "IssueInstant")?;
    if !instant::is_recent(issued, expected.max_age, expected.skew, now) {
        return Err(ResponseRefusal::Time { name: "IssueInstant" });
    }
    let mut children = Children::of(assertion, "the assertion")?;
    if !is_issuer(children.required(SAML, "Issuer")?, expected.issuer) {
        return Err(ResponseRefusal::Issuer { of });
    }
    children.optional(DS, "Signature");
    let (name_id, confirmed_until) =
        subject::read(children.required(SAML, "Subject")?, expected, now)?;
    conditions::meet(children.required(SAML, "Conditions")?, expected, now)?;
    children.optional(SAML, "Advice");
    let said = statements::read(children, expected, now)?;
    Ok(Assertion {
        id: id.to_owned(),
        // Whichever comes first is past then, whatever the clocks differ by.
        usable_until: confirmed_until.min(issued.plus(expected.max_age)).plus(expected.skew),
        name_id,
        authenticated_at: said.authenticated_at,
        context: said.context,
        session_index: said.session_index,
        session_until: said.session_until,
        attributes: said.attributes,
    })
}

/// [core] §2.2.5: an entity, and this one.
pub(super) fn is_issuer(issuer: Element<'_>, expected: &str) -> bool {
    let plain = issuer.has_only(&["Format"]);
    plain
        && issuer.attribute("Format").is_none_or(|format| format == ENTITY)
        && issuer.text().as_deref() == Some(expected)
}

/// The moment in an attribute that must be there.
pub(super) fn moment(of: Element<'_>, name: &'static str) -> Result<Timestamp, ResponseRefusal> {
    optional_moment(of, name)?.ok_or(ResponseRefusal::Moment { name })
}

/// The moment in an attribute that may be there.
pub(super) fn optional_moment(
    of: Element<'_>,
    name: &'static str,
) -> Result<Option<Timestamp>, ResponseRefusal> {
    let Some(text) = of.attribute(name) else { return Ok(None) };
    instant::parse(text).map(Some).ok_or(ResponseRefusal::Moment { name })
}
