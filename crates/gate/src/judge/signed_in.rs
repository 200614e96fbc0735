//! Sessions: whose a cookie is, and whether it counts here.

use std::sync::Arc;

use http::Method;
use http::header::ORIGIN;

use super::{Gate, Surroundings};
use crate::denial::DenialKind;
use crate::identity::Identity;
use crate::request::CanonicalRequest;
use crate::route::Route;
use crate::session::{FoundSession, Session, SessionRefusal};
use crate::spec::IssuerSpec;

/// What a request's session cookie says of its caller.
pub(super) enum SignedIn {
    /// Nothing: there is none, or the route takes no provider.
    Nobody,
    /// That of this person.
    Known(Arc<Identity>),
    /// It does not count here. A cookie is sent unasked, so that this is as if there were none.
    Refused(SessionRefusal),
}

impl Gate {
    /// Whose session the request shows.
    ///
    /// # Errors
    /// When the ledger has to be asked first, or when another site may have sent the request in its owner's name.
    pub(super) fn signed_in(
        &self,
        request: &CanonicalRequest,
        route: &Route,
        around: Surroundings<'_>,
    ) -> Result<SignedIn, DenialKind> {
        let Some(cookie) = request.session().filter(|_| route.credentials.sessions) else {
            return Ok(SignedIn::Nobody);
        };
        let sessions = around.sessions.map(|sessions| sessions.find(cookie.digest(), around.now));
        let identity = match sessions {
            None | Some(FoundSession::Ended) => {
                return Ok(SignedIn::Refused(SessionRefusal::Ended));
            }
            Some(FoundSession::NotAtHand) => {
                return Err(DenialKind::SessionNotAtHand);
            }
            Some(FoundSession::Unavailable) => return Err(DenialKind::SessionsUnavailable),
            Some(FoundSession::Known(identity)) => identity,
        };
        let Some(session) =
            identity.session().filter(|session| around.now < session.usable_until())
        else {
            return Ok(SignedIn::Refused(SessionRefusal::Ended));
        };
        if *session.host != *request.host().name() {
            return Ok(SignedIn::Refused(SessionRefusal::OtherHost));
        }
        if let Err(refusal) = self.provides(session, route) {
            return Ok(SignedIn::Refused(refusal));
        }
        if is_foreign(request, route) {
            return Err(DenialKind::CrossOrigin);
        }
        Ok(SignedIn::Known(identity))
    }

    /// Whether the route takes the session's provider, as it is set up now.
    pub(super) fn provides(&self, session: &Session, route: &Route) -> Result<(), SessionRefusal> {
        let accepted = self.accepted(route, &session.provider).and_then(IssuerSpec::sessions);
        let provider = accepted.ok_or(SessionRefusal::ProviderNotAccepted)?;
        if provider.revision == session.revision {
            Ok(())
        } else {
            Err(SessionRefusal::ProviderChanged)
        }
    }
}

/// Whether a page of another origin may have sent the request in the name of the session's owner, to whom browsers add
/// the cookie by themselves. `SameSite=Lax` keeps out other sites; this keeps out other hosts of the same one, and
/// WebSockets, which no browser asks about before.
fn is_foreign(request: &CanonicalRequest, route: &Route) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    // Browsers say where a WebSocket comes from, and not where a page's link does.
    let only_reads = reads && !(route.websocket && request.headers().contains_key(ORIGIN));
    if only_reads || request.is_from_own_page() != Some(false) {
        return false;
    }
    let shared = |origin| route.cors.as_ref().is_some_and(|cors| cors.lets_in(origin));
    let mut origins = request.headers().get_all(ORIGIN).iter().peekable();
    origins.peek().is_none() || !origins.all(shared)
}
