//! Of whom an assertion is, and who may bring it ([core] §2.4; [profiles] §3.3, §4.1.4.2).

use tokens::{MAX_IDENTIFIER_BYTES, Timestamp};

use super::assertion::{optional_moment, past};
use super::children::Children;
use super::{Answers, Expectations, NameId, ResponseRefusal};
use crate::namespace::SAML;
use crate::xml::Element;

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// The name of the subject, and until when a confirmation is good.
pub(super) fn read(
    subject: Element<'_>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<(Option<NameId>, Timestamp), ResponseRefusal> {
    let mut children = Children::of(subject, "Subject")?;
    if children.optional(SAML, "EncryptedID").is_some() {
        return Err(ResponseRefusal::Encrypted { what: "the name of the subject" });
    }
    let name_id =
        children.optional(SAML, "NameID").map(|name| name_id(name, expected)).transpose()?;
    let confirmations = children.all(SAML, "SubjectConfirmation");
    children.end()?;
    // Of several that are good, the one that is for longest says how long this can be shown again.
    let mut latest = None;
    for confirmation in confirmations {
        latest = latest.max(confirmed(confirmation, expected, now)?);
    }
    Ok((name_id, latest.ok_or(ResponseRefusal::Confirmation)?))
}

/// §2.2.3. A name that is qualified by others than the provider and us is a name in somebody else's list, where it can
/// be another person's.
fn name_id(name: Element<'_>, expected: &Expectations<'_>) -> Result<NameId, ResponseRefusal> {
    let plain = name.has_only(&["Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"]);
    let by = |attribute, whom| name.attribute(attribute).is_none_or(|qualifier| qualifier == whom);
    let qualified =
        by("NameQualifier", expected.issuer) && by("SPNameQualifier", expected.audience);
    let value = name.text().filter(|value| {
        plain
            && qualified
            && (1..=MAX_IDENTIFIER_BYTES).contains(&value.len())
            && !value.chars().any(char::is_control)
    });
    let value = value.ok_or(ResponseRefusal::NameId)?;
    let format = name.attribute("Format").unwrap_or(UNSPECIFIED).to_owned();
    Ok(NameId { value, format })
}

/// Until when a confirmation is good, if it is one by bearer ([profiles] §3.3) that is for us, for this request and in
/// time (§4.1.4.2). Others, such as that of a key's holder, are not tried: a bearer is no holder of a key.
fn confirmed(
    confirmation: Element<'_>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Option<Timestamp>, ResponseRefusal> {
    if confirmation.attribute("Method") != Some(BEARER) {
        return Ok(None);
    }
    let mut children = Children::of(confirmation, "SubjectConfirmation")?;
    // One with a name is for whoever has that name, which a browser does not show.
    let Some(data) = children.optional(SAML, "SubjectConfirmationData") else { return Ok(None) };
    children.end()?;
    let Some(until) = optional_moment(data, "NotOnOrAfter")? else { return Ok(None) };
    let answers = match expected.answers {
        Answers::Request(id) => Some(id),
        Answers::Nothing => None,
    };
    let fits = data.attribute("Recipient") == Some(expected.recipient)
        && data.attribute("InResponseTo") == answers
        && data.attribute("NotBefore").is_none()
        && !past(until, expected, now);
    Ok(fits.then_some(until))
}
