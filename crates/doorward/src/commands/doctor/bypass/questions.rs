//! What a service is asked: what its routes lead to, and nothing that has an effect.

use std::net::{IpAddr, Ipv4Addr};

use gate::request::{RawRequest, Reading, Scheme};
use gate::spec::{GateSpec, RouteSpec};
use gate::{CanonicalRequest, Gate, IssuerKeys, Keys, Surroundings};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method};
use tokens::Timestamp;

/// The most routes of one service that are asked for.
const MAX_ASKED: usize = 8;

/// What stands for a segment that a route leaves open: it is a number and a name.
const ANY_SEGMENT: &str = "0";

/// What a service is asked.
#[derive(Debug)]
pub(super) struct Questions {
    /// At least one, at most [`MAX_ASKED`].
    pub(super) asked: Vec<Question>,
    /// How many there would have been.
    pub(super) known: usize,
}

/// A request without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// GET, or HEAD for a route that takes no GET.
    pub(super) method: Method,
    /// The host; none for that of the endpoint.
    pub(super) host: Option<String>,
    pub(super) path: String,
    /// The route whose request it would be.
    pub(super) route: String,
    /// The first issuer that the route accepts.
    pub(super) issuer: String,
    /// All groups that the route's `allow` names.
    pub(super) groups: Vec<String>,
    /// All scopes that it names.
    pub(super) scopes: Vec<String>,
}

/// What the service `name` is asked: nothing if all its routes are open to anyone, `/` if there is no route to it.
pub(super) fn of_service(gate: &Gate, spec: &GateSpec, name: &str) -> Option<Questions> {
    let routes: Vec<_> = spec.routes.iter().filter(|route| route.service == name).collect();
    if routes.is_empty() {
        return Some(Questions { asked: vec![Question::root()], known: 1 });
    }
    let guarded: Vec<_> = routes.into_iter().filter(|route| !is_public(route)).collect();
    let mut asked: Vec<Question> = Vec::new();
    // GET, and HEAD where there is no GET. What a route for POST alone answers to a GET says little: it is asked for only
    // when there is nothing better.
    for (method, of_its_own) in [(Method::GET, true), (Method::HEAD, true), (Method::GET, false)] {
        let better = asked.len();
        for route in &guarded {
            let known = asked.iter().any(|question| question.route == route.name);
            let takes =
                route.matches.methods.iter().find(|one| **one == *method.as_str() || *one == "*");
            let judged = match (takes, of_its_own) {
                (Some(_), true) => method.as_str(),
                (None, false) if better == 0 => {
                    route.matches.methods.first().map_or("GET", String::as_str)
                }
                _ => continue,
            };
            if !known {
                asked.extend(Question::of(gate, route, &method, judged));
            }
        }
    }
    let known = asked.len();
    asked.truncate(MAX_ASKED);
    (known > 0).then_some(Questions { asked, known })
}

fn is_public(route: &RouteSpec) -> bool {
    route.allow.iter().any(|condition| condition.anyone)
}

impl Question {
    fn root() -> Self {
        Self {
            method: Method::GET,
            host: None,
            path: "/".to_owned(),
            route: String::new(),
            issuer: String::new(),
            groups: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// For a path that is this route's and no narrower one's, if there is one.
    fn of(gate: &Gate, route: &RouteSpec, method: &Method, judged: &str) -> Option<Self> {
        let host = match route.matches.host.as_str() {
            "*" => None,
            host => Some(host.replacen('*', ANY_SEGMENT, 1)),
        };
        let path = ["", ANY_SEGMENT].into_iter().find_map(|rest| {
            let segments = route.matches.path.split('/').map(|segment| match segment {
                "**" => rest,
                open if open.starts_with('{') => ANY_SEGMENT,
                literal => literal,
            });
            let path = segments.collect::<Vec<_>>().join("/");
            let taker = taker(gate, judged, host.as_deref().unwrap_or("localhost"), &path)?;
            (taker == route.name).then_some(path)
        })?;
        // A group is told to a service without the issuer that it is scoped by.
        let bare = |group: &String| {
            let (issuer, rest) = group.split_once('/').unwrap_or(("", group));
            let scoped = route.accept.iter().any(|accepted| accepted == issuer);
            if scoped { rest.to_owned() } else { group.clone() }
        };
        Some(Self {
            method: method.clone(),
            host,
            path,
            route: route.name.clone(),
            issuer: route.accept.first().cloned().unwrap_or_default(),
            groups: route.allow.iter().flat_map(|rule| &rule.groups).map(bare).collect(),
            scopes: route.allow.iter().flat_map(|rule| rule.scopes.clone()).collect(),
        })
    }
}

/// The name of the route that takes a request: the gate says.
fn taker(gate: &Gate, method: &str, host: &str, path: &str) -> Option<String> {
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).ok()?)]);
    let raw = RawRequest {
        method: &method,
        target_authority: None,
        target_scheme: None,
        path,
        query: None,
        headers: &headers,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        scheme: Scheme::Https,
        certificate: None,
        door: "proxy",
        relay: None,
    };
    let request = CanonicalRequest::read(&raw, &Reading::default()).ok()?;
    let around =
        Surroundings { now: Timestamp::from_secs(0), keys: &NoKeys, cache: None, sessions: None };
    Some(gate.explain(request, around).route?.name().to_string())
}

/// Nobody is known: which route takes a request does not depend on who asks.
struct NoKeys;

impl Keys for NoKeys {
    fn keys_of(&self, _: &str) -> IssuerKeys {
        IssuerKeys::Unavailable
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{} {}`", self.method, self.path)?;
        self.host.as_ref().map_or(Ok(()), |host| write!(f, " at `{host}`"))
    }
}

#[cfg(test)]
#[path = "questions_tests.rs"]
mod tests;
