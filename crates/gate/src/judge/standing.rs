//! Whether a permit that is in use still stands.

use tokens::Timestamp;

use super::{Gate, IssuerKeys, Keys};
use crate::identity::Caller;
use crate::permit::{Standing, Watch};
use crate::route::{Route, Service};

impl Gate {
    /// Whether a permit that is in use still stands. To be asked at least once a second while bytes flow.
    #[must_use]
    pub fn standing(&self, watch: &Watch<Route>, keys: &dyn Keys, now: Timestamp) -> Standing {
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
        let Caller::Known(identity) = &watch.caller else {
            return if route.route.public { Standing::Stands } else { Standing::Revoked };
        };
        let token = identity.token();
        let believed = self
            .accepted(&route.route, token.issuer())
            .is_some_and(|issuer| issuer.profile.revision() == token.profile_revision());
        let vouched = match keys.keys_of(token.issuer()) {
            IssuerKeys::Usable(keys) => token.is_vouched_for_by(&keys),
            IssuerKeys::Unavailable => false,
        };
        if believed && vouched && !self.is_revoked(identity) {
            Standing::Stands
        } else {
            Standing::Revoked
        }
    }
}
