use super::{count, time};
use crate::config::value::{Bound, Bounded, Size};
use crate::config::{file, model};

/// How many requests may be under way for each data thread, unless the configuration says otherwise.
const REQUESTS_PER_THREAD: usize = 4096;

pub(super) fn lower(limits: &file::Limits, data_threads: usize) -> model::Limits {
    model::Limits {
        header_bytes: size(&limits.header_bytes),
        headers: count(&limits.headers),
        streams: u32::try_from(limits.streams.value().0).unwrap_or(1),
        uri_bytes: size(&limits.uri_bytes),
        body_bytes: match limits.body_bytes {
            file::BodyBytes::Limited(size) => Some(size.get()),
            file::BodyBytes::Unlimited => None,
        },
        body_rate: limits.body_rate.value().get(),
        answer_rate: limits.answer_rate.value().get(),
        connections: count(&limits.connections),
        requests: limits.requests.as_ref().map_or(data_threads * REQUESTS_PER_THREAD, count),
        header_timeout: time(&limits.header_timeout),
        idle_timeout: time(&limits.idle_timeout),
        write_timeout: time(&limits.write_timeout),
        requests_per_connection: count(&limits.requests_per_connection),
        drain: time(&limits.drain),
        rate_keys: count(&limits.rate_keys),
    }
}

fn size<B: Bound<Of = Size>>(bounded: &Bounded<B>) -> usize {
    usize::try_from(bounded.value().get()).unwrap_or(usize::MAX)
}
