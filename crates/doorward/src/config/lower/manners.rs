use gate::spec::{CorsSpec, RateBy, RateSpec};

use super::{count, time};
use crate::config::{file, model};

pub(super) fn forwarding(forwarding: file::Forwarding) -> model::Forwarding {
    use file::ForwardedHeaders::{Both, Forwarded, XForwarded};
    model::Forwarding {
        x_forwarded: matches!(forwarding.headers, XForwarded | Both),
        forwarded: matches!(forwarding.headers, Forwarded | Both),
        via: forwarding.via.map(String::from),
    }
}

pub(super) fn cors(cors: file::Cors) -> CorsSpec {
    CorsSpec {
        origins: cors.origins,
        methods: cors.methods,
        headers: cors.headers,
        expose: cors.expose,
        credentials: cors.credentials,
        max_age: cors.max_age.as_ref().map(time),
    }
}

pub(super) fn rates(rates: &[file::Rate]) -> Vec<RateSpec> {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    rates
        .iter()
        .map(|rate| {
            let requests = count(&rate.requests);
            RateSpec {
                by: match rate.by {
                    file::RateBy::Address => RateBy::Address,
                    file::RateBy::Identity => RateBy::Identity,
                    file::RateBy::Route => RateBy::Route,
                },
                requests: number(requests),
                per: time(&rate.per),
                burst: number(rate.burst.as_ref().map_or(requests, count)),
            }
        })
        .collect()
}
