//! Whether a permit that is in use still stands.

use tokens::{Profile, Timestamp};

use super::{Gate, IssuerKeys, Surroundings};
use crate::identity::{Caller, Credential};
use crate::permit::{Shown, Standing, Watch};
use crate::route::{Route, Service};
use crate::spec::IssuerSpec;

impl Gate {
    /// Whether a permit that is in use still stands. To be asked at least once a second while bytes flow.
    #[must_use]
    pub fn standing(&self, watch: &Watch<Route>, around: Surroundings<'_>) -> Standing {
        let Surroundings { now, keys, sessions, .. } = around;
        if now >= watch.ends_at {
            return Standing::Ended;
        }
        let route = self.by_route_name.get(&watch.target.name);
        let route = route.and_then(|index| self.parts.routes.get(*index));
        // A route that was renamed, disabled or given to another service or audience is another route.
        let same = |service: &Service| {
            service.name == watch.target.service.name
                && service.audience == watch.target.service.audience
        };
        let Some(route) =
            route.filter(|runtime| same(&runtime.route.service) && !runtime.route.disabled)
        else {
            return Standing::Revoked;
        };
        if !watch.certificate.as_ref().is_none_or(|shown| self.is_still_theirs(shown, now)) {
            return Standing::Revoked;
        }
        let Caller::Known(identity) = &watch.caller else {
            return if route.route.public { Standing::Stands } else { Standing::Revoked };
        };
        let believed = self.accepted(&route.route, identity.issuer());
        let vouched = match identity.credential() {
            // A client certificate that was shown was asked about above.
            Credential::Certificate(_) => believed.is_some() && watch.certificate.is_some(),
            Credential::Session(session) => {
                self.provides(session, &route.route).is_ok()
                    && sessions.is_some_and(|sessions| sessions.stands(session, now))
            }
            Credential::Token(token) => {
                let same = |profile: &Profile| profile.revision() == token.profile_revision();
                match keys.keys_of(identity.issuer()) {
                    IssuerKeys::Usable(keys) => {
                        believed.and_then(IssuerSpec::tokens).is_some_and(same)
                            && token.is_vouched_for_by(&keys)
                    }
                    IssuerKeys::Unavailable => false,
                }
            }
        };
        if vouched && !self.is_revoked(identity) { Standing::Stands } else { Standing::Revoked }
    }

    /// Whether a client certificate is still whose it was.
    fn is_still_theirs(&self, shown: &Shown, now: Timestamp) -> bool {
        self.whose(&shown.certificate, now).is_ok_and(|identity| {
            let same = identity.issuer() == shown.identity.issuer()
                && identity.subject() == shown.identity.subject();
            same && !self.is_revoked(&identity)
        })
    }
}
