//! A request that a proxy asks about: judged and recorded like all others. What it may tell its service comes back, and the
//! proxy forwards.

use std::sync::Arc;

use gate::request::RawRequest;
use gate::{Answer, Caller};
use http::HeaderMap;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use ledger::audit::Ended;

use crate::answer::{X_REQUEST_ID, unavailable};
use crate::header_values::HeaderValues;
use crate::identity_headers::identity_headers;
use crate::in_flight::InFlight;
use crate::judge::{RequestFacts, judge};
use crate::model::Doorway;

/// A permit, in the words in which a proxy is told of it.
#[derive(Debug)]
pub(super) struct Granted {
    /// Headers that the service gets, in place of all of their name.
    pub(super) set: Vec<(HeaderName, HeaderValue)>,
    /// Headers of the request that the service must not get.
    pub(super) remove: Vec<HeaderName>,
    /// Headers of the answer, in place of all of their name.
    pub(super) answer: Vec<(HeaderName, HeaderValue)>,
    /// What its logs and rate limits may know.
    pub(super) told: Vec<(&'static str, String)>,
}

/// Judges a request that a proxy asks about.
///
/// # Errors
/// The answer for the caller, when it does not go on.
pub(super) async fn ask(
    doorway: &Arc<Doorway>,
    raw: &RawRequest<'_>,
    facts: RequestFacts,
) -> Result<Granted, Answer> {
    let Some(_place) = doorway.crowd.enter() else {
        doorway.metrics.requests_shed.inc();
        return Err(unavailable("too many requests are under way"));
    };
    let model = doorway.model.load_full();
    let admitted = judge(doorway, Arc::clone(&model), raw, facts).await?;
    let sharing = admitted.sharing();
    let signed = admitted.signed_identity(doorway);
    let policies = admitted.permit.policies().join(",");
    let (request, watch) = admitted.permit.redeem();
    let route = Arc::clone(watch.target());
    let forward = &route.service().identity;
    let signed = match signed {
        Ok(signed) => signed,
        Err(detail) => {
            // It is on record that it may go on, and it does not.
            let answer = unavailable(detail);
            let method = request.method().clone();
            let doorway = Arc::clone(doorway);
            let unforwarded = InFlight::new(doorway, watch, facts, request.door(), method, None);
            unforwarded.answered(answer.status.as_u16());
            unforwarded.end(Ended::UpstreamFailed);
            return Err(answer.shared(sharing));
        }
    };
    let mut values = HeaderValues::new();
    let mut set = identity_headers(watch.caller(), forward, signed, &mut values);
    set.extend(values.text(facts.id.as_str()).map(|id| (X_REQUEST_ID, id)));
    let mut way = HeaderMap::new();
    // INVARIANT: a canonical host can stand in a header.
    if let Some(host) = values.shown(request.host()) {
        model.telling.request(&mut way, &mut values, &request, &host, facts.version);
    }
    set.extend(way.iter().map(|(name, value)| (name.clone(), value.clone())));
    let told_always = raw.relay.is_some_and(|relay| relay.takes_cookies && !relay.removes_headers);
    set.extend(cookies(raw.headers, request.headers(), told_always));
    let mut remove = not_passed_on(raw.headers, request.headers());
    if !forward.forward_credential {
        remove.push(AUTHORIZATION);
    }
    // What the service knows its callers by and is not told of this one, it is not told by anybody.
    let names = forward.headers.iter().map(|(name, _)| name).chain(&forward.token_header);
    remove.extend(names.cloned());
    remove.retain(|name| set.iter().all(|(set, _)| set != name));
    let mut told = vec![
        ("request_id", facts.id.as_str().to_owned()),
        ("route", route.name().to_string()),
        ("service", route.service().name.to_string()),
        ("policies", policies),
    ];
    if let Caller::Known(identity) = watch.caller() {
        told.push(("subject", identity.scoped_subject()));
    }
    let mut answer = HeaderMap::new();
    if let Some(sharing) = sharing {
        sharing.write(&mut answer);
    }
    let answer = answer.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(Granted { set, remove, answer, told })
}

/// The caller's cookies without ours. A proxy that can be told to take `Cookie` out is told the rest where ours were among
/// them; any other always, in one line, which is empty where nothing is left: to it, no line says "as they came".
fn cookies(
    came: &HeaderMap,
    passed_on: &HeaderMap,
    told_always: bool,
) -> Option<(HeaderName, HeaderValue)> {
    let lines =
        |headers: &HeaderMap| -> Vec<_> { headers.get_all(COOKIE).iter().cloned().collect() };
    let rest = lines(passed_on);
    let tells = told_always || (rest != lines(came) && !rest.is_empty());
    let joined = rest.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(b"; ".as_slice());
    // INVARIANT: what stood in headers can stand in one.
    HeaderValue::from_bytes(&joined).ok().filter(|_| tells).map(|joined| (COOKIE, joined))
}

/// What came and is not passed on, but for what a proxy writes anew or takes out by itself.
fn not_passed_on(came: &HeaderMap, passed_on: &HeaderMap) -> Vec<HeaderName> {
    let own =
        [AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let its = |name: &HeaderName| {
        let text = name.as_str();
        own.contains(name)
            || [
                "http2-settings",
                "keep-alive",
                "x-envoy-external-address",
                "x-envoy-internal",
                "x-forwarded-client-cert",
                "x-forwarded-proto",
            ]
            .contains(&text)
    };
    came.keys().filter(|name| !passed_on.contains_key(*name) && !its(name)).cloned().collect()
}
