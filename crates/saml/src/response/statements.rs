//! What an assertion says ([core] §2.7): how the subject signed in, and its attributes.

use std::collections::BTreeMap;

use tokens::Timestamp;

use super::assertion::{moment, optional_moment};
use super::children::Children;
use super::{Expectations, ResponseRefusal};
use crate::instant::{is_past, is_to_come};
use crate::namespace::{SAML, XSI};
use crate::xml::Element;

/// What the statements say together.
pub(super) struct Said {
    pub(super) authenticated_at: Timestamp,
    pub(super) context: Option<String>,
    pub(super) session_index: Option<String>,
    pub(super) session_until: Option<Timestamp>,
    pub(super) attributes: BTreeMap<String, Vec<Option<String>>>,
}

/// Reads the statements that are left. [profiles] §4.1.4.2 wants one on authentication; of two, which is meant is not
/// guessed.
pub(super) fn read(
    mut statements: Children<'_>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Said, ResponseRefusal> {
    let structure = || ResponseRefusal::Structure { of: "the statements" };
    let mut authentication = None;
    let mut attributes = BTreeMap::new();
    while let Some(statement) = statements.any() {
        if statement.is(SAML, "AuthnStatement") {
            if authentication.replace(statement).is_some() {
                return Err(structure());
            }
        } else if statement.is(SAML, "AttributeStatement") {
            read_attributes(statement, &mut attributes)?;
        } else {
            return Err(structure());
        }
    }
    let authentication = authentication.ok_or_else(structure)?;
    let authenticated_at = moment(authentication, "AuthnInstant")?;
    if is_to_come(authenticated_at, expected.skew, now) {
        return Err(ResponseRefusal::Time { name: "AuthnInstant" });
    }
    let session_until = optional_moment(authentication, "SessionNotOnOrAfter")?;
    if session_until.is_some_and(|until| is_past(until, expected.skew, now)) {
        return Err(ResponseRefusal::Time { name: "SessionNotOnOrAfter" });
    }
    let mut children = Children::of(authentication, "AuthnStatement")?;
    children.optional(SAML, "SubjectLocality");
    let context = children.required(SAML, "AuthnContext")?;
    children.end()?;
    let class = Children::of(context, "AuthnContext")?.optional(SAML, "AuthnContextClassRef");
    let class = class.map(|class| class.text().ok_or_else(structure)).transpose()?;
    Ok(Said {
        authenticated_at,
        context: class,
        session_index: authentication.attribute("SessionIndex").map(str::to_owned),
        session_until,
        attributes,
    })
}

/// §2.7.3. Providers write an attribute of several values once, or once for each value.
fn read_attributes(
    statement: Element<'_>,
    attributes: &mut BTreeMap<String, Vec<Option<String>>>,
) -> Result<(), ResponseRefusal> {
    let structure = || ResponseRefusal::Structure { of: "AttributeStatement" };
    let mut children = Children::of(statement, "AttributeStatement")?;
    while let Some(attribute) = children.any() {
        if attribute.is(SAML, "EncryptedAttribute") {
            // What is not read could be the group that is denied.
            return Err(ResponseRefusal::Encrypted { what: "an attribute" });
        }
        let name = attribute.attribute("Name").filter(|name| !name.is_empty());
        let name = name.filter(|_| attribute.is(SAML, "Attribute")).ok_or_else(structure)?;
        let mut parts = Children::of(attribute, "Attribute")?;
        let values = parts.all(SAML, "AttributeValue");
        parts.end()?;
        attributes.entry(name.to_owned()).or_default().extend(values.into_iter().map(value));
    }
    Ok(())
}

/// §2.7.3.1: a text; not a null, and not a structure.
fn value(value: Element<'_>) -> Option<String> {
    let null =
        value.0.attribute((XSI, "nil")).is_some_and(|nil| !matches!(nil.trim(), "false" | "0"));
    if null { None } else { value.text() }
}
