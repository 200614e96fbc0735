//! For whom and when an assertion is good ([core] §2.5).

use tokens::Timestamp;

use super::assertion::optional_moment;
use super::children::Children;
use super::{Expectations, ResponseRefusal};
use crate::instant::{is_past, is_to_come};
use crate::namespace::SAML;
use crate::xml::Element;

/// Whether all of them are met. A condition that is not known cannot be (§2.5.1.1, rule 3).
pub(super) fn meet(
    conditions: Element<'_>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<(), ResponseRefusal> {
    if !conditions.has_only(&["NotBefore", "NotOnOrAfter"]) {
        return Err(ResponseRefusal::Structure { of: "Conditions" });
    }
    if optional_moment(conditions, "NotBefore")?
        .is_some_and(|from| is_to_come(from, expected.skew, now))
    {
        return Err(ResponseRefusal::Time { name: "NotBefore" });
    }
    if optional_moment(conditions, "NotOnOrAfter")?
        .is_some_and(|until| is_past(until, expected.skew, now))
    {
        return Err(ResponseRefusal::Time { name: "NotOnOrAfter" });
    }
    let mut children = Children::of(conditions, "Conditions")?;
    let mut restricted = false;
    while let Some(condition) = children.any() {
        if condition.is(SAML, "AudienceRestriction") {
            // §2.5.1.4: of one restriction any audience will do, and every restriction must be met.
            if !audience(condition, expected.audience)? {
                return Err(ResponseRefusal::Audience);
            }
            restricted = true;
        } else if condition.is(SAML, "ProxyRestriction") {
            proxied(condition)?;
        } else if !condition.is(SAML, "OneTimeUse") {
            // §2.5.1.5: one time is all that we ever use an assertion.
            return Err(ResponseRefusal::Condition);
        }
    }
    // [profiles] §4.1.4.2: there must be one that names us.
    if restricted { Ok(()) } else { Err(ResponseRefusal::Audience) }
}

fn audience(restriction: Element<'_>, ours: &str) -> Result<bool, ResponseRefusal> {
    let mut children = Children::of(restriction, "AudienceRestriction")?;
    let audiences = children.all(SAML, "Audience");
    children.end()?;
    Ok(audiences.iter().any(|audience| audience.text().as_deref() == Some(ours)))
}

/// §2.5.1.6: services behind us learn of the subject by what we sign, which is an assertion made on the strength of this
/// one. `Count` says how often that may be done in a row, and audiences say for whom, of whom our services are none.
fn proxied(restriction: Element<'_>) -> Result<(), ResponseRefusal> {
    let count = restriction.attribute("Count").map(str::parse::<u32>);
    let count =
        count.transpose().map_err(|_| ResponseRefusal::Structure { of: "ProxyRestriction" })?;
    let audiences = Children::of(restriction, "ProxyRestriction")?.all(SAML, "Audience");
    if count == Some(0) || !audiences.is_empty() {
        Err(ResponseRefusal::Restricted)
    } else {
        Ok(())
    }
}
