use std::collections::BTreeMap;

use doors::RouteTimeouts;
use gate::spec::{
    Defaults, EmptySegments, EncodedSlash, Place, RouteMatch, RouteSpec, SegmentParameters,
};

use super::{Lowering, manners, time};
use crate::config::file;

impl Lowering<'_> {
    pub(super) fn defaults(&mut self, defaults: file::Defaults) -> Defaults {
        let place = Place::key("defaults");
        Defaults {
            deny: self.conditions(defaults.deny, &place.then("deny")),
            require: self.conditions(defaults.require, &place.then("require")),
            rates: manners::rates(&defaults.rates),
        }
    }

    pub(super) fn routes(&mut self, routes: Vec<file::Route>) -> Vec<RouteSpec> {
        let placed = routes.into_iter().enumerate();
        placed.map(|(index, route)| self.route(route, &Place::key("routes").at(index))).collect()
    }

    fn route(&mut self, route: file::Route, place: &Place) -> RouteSpec {
        self.resolve_service(&route.service, &place.then("service"));
        for (index, issuer) in route.accept.iter().enumerate() {
            self.resolve_issuer(issuer, &place.then("accept").at(index));
        }
        let open = route.allow.iter().any(|condition| condition.anyone);
        let step_up = self.step_up(route.step_up, open, &place.then("step_up"));
        RouteSpec {
            name: route.name.into(),
            matches: RouteMatch {
                host: route.matches.host.0,
                path: route.matches.path,
                methods: route.matches.methods,
            },
            service: route.service,
            accept: route.accept,
            allow: self.conditions(route.allow, &place.then("allow")),
            deny: self.conditions(route.deny, &place.then("deny")),
            require: self.conditions(route.require, &place.then("require")),
            encoded_slash: match route.encoded_slash {
                file::EncodedSlash::Opaque => EncodedSlash::Opaque,
                file::EncodedSlash::Refuse => EncodedSlash::Refuse,
            },
            empty_segments: match route.empty_segments {
                file::EmptySegments::Keep => EmptySegments::Keep,
                file::EmptySegments::Refuse => EmptySegments::Refuse,
            },
            segment_parameters: match route.segment_parameters {
                file::SegmentParameters::Keep => SegmentParameters::Keep,
                file::SegmentParameters::Refuse => SegmentParameters::Refuse,
            },
            disabled: route.disabled,
            max_permit: route.max_permit.as_ref().map(time),
            websocket: route.websocket,
            slow_body: route.slow_body,
            cors: route.cors.map(manners::cors),
            step_up,
            rates: manners::rates(&route.rates),
        }
    }
}

/// The timeouts of the routes that have some of their own, by name.
pub(super) fn timeouts(routes: &[file::Route]) -> BTreeMap<String, RouteTimeouts> {
    let own = routes.iter().map(|route| {
        let timeouts = RouteTimeouts {
            first_byte: route.timeouts.first_byte.as_ref().map(time),
            idle: route.timeouts.idle.as_ref().map(time),
            total: route.timeouts.total.as_ref().map(time),
        };
        (route.name.to_string(), timeouts)
    });
    own.filter(|(_, timeouts)| *timeouts != RouteTimeouts::default()).collect()
}
