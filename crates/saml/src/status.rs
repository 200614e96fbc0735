//! What came of a request ([core] §3.2.2.1).

use crate::namespace::SAMLP;
use crate::xml::Element;

/// It was done.
pub(crate) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
/// It was not, for a reason of whoever answers.
pub(crate) const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";

/// Whether a Status says that it was done; else the code that says why not: the one within, where there is one. `None` if
/// it is no Status.
pub(crate) fn read(status: Element<'_>) -> Option<Result<(), &str>> {
    let outer = code_in(status).filter(|_| status.is(SAMLP, "Status"))?;
    let value = outer.attribute("Value")?;
    if value == SUCCESS {
        return Some(Ok(()));
    }
    let inner = code_in(outer).and_then(|code| code.attribute("Value"));
    Some(Err(inner.unwrap_or(value)))
}

fn code_in(of: Element<'_>) -> Option<Element<'_>> {
    of.elements()?.first().copied().filter(|first| first.is(SAMLP, "StatusCode"))
}
