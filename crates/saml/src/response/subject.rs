//! Of whom an assertion is, and who may bring it ([core] §2.4; [profiles] §3.3, §4.1.4.2).

use tokens::Timestamp;

use super::assertion::optional_moment;
use super::children::Children;
use super::{Expectations, ResponseRefusal};
use crate::encryption::covered;
use crate::instant::is_past;
use crate::name_id::NameId;
use crate::namespace::SAML;
use crate::xml::Element;

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// The name of the subject, and until when a confirmation is good.
pub(super) fn read(
    subject: Element<'_>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<(Option<NameId>, Timestamp), ResponseRefusal> {
    let mut children = Children::of(subject, "Subject")?;
    let named = |name: Element<'_>| NameId::read(name, expected.issuer, expected.audience);
    // The assertion that it stands in is verified.
    let refused = || ResponseRefusal::Encrypted { what: "the name of the subject" };
    let name_id = match children.optional(SAML, "EncryptedID") {
        Some(encrypted) => {
            let keys = (expected.keys, expected.danger_cbc);
            Some(covered(encrypted, keys, named).ok_or_else(refused)?)
        }
        None => {
            let name = children.optional(SAML, "NameID").map(named);
            name.map(|name| name.ok_or(ResponseRefusal::NameId)).transpose()?
        }
    };
    let confirmations = children.all(SAML, "SubjectConfirmation");
    children.end()?;
    // Of several that are good, the one that is for longest says how long this can be shown again.
    let mut latest = None;
    for confirmation in confirmations {
        latest = latest.max(confirmed(confirmation, expected, now)?);
    }
    Ok((name_id, latest.ok_or(ResponseRefusal::Confirmation)?))
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
    let fits = data.attribute("Recipient") == Some(expected.recipient)
        && data.attribute("InResponseTo") == expected.answers.request()
        && data.attribute("NotBefore").is_none()
        && !is_past(until, expected.skew, now);
    Ok(fits.then_some(until))
}
