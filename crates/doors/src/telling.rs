//! What services are told about where a request came from, and `Via` on the way there and back.

use std::net::IpAddr;

use gate::CanonicalRequest;
use http::header::{FORWARDED, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use crate::header_values::HeaderValues;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What services are told about where a request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// `X-Forwarded-For`, `-Host` and `-Proto`.
    pub x_forwarded: bool,
    /// `Forwarded` (RFC 7239).
    pub forwarded: bool,
    /// Our pseudonym in `Via`, added both ways; without one, nothing is added (RFC 9110 §7.6.3).
    pub via: Option<String>,
}

impl Telling {
    /// Writes it into the headers that the service gets, where nothing of the kind stands; `host` is the request's, and
    /// `version` the caller's.
    pub(crate) fn request(
        &self,
        headers: &mut HeaderMap,
        values: &mut HeaderValues,
        request: &CanonicalRequest,
        host: &HeaderValue,
        version: Version,
    ) {
        let (client, scheme) = (request.client(), request.scheme().as_str());
        if self.x_forwarded {
            // INVARIANT: an address can stand in a header.
            if let Some(client) = values.shown(client) {
                headers.insert(X_FORWARDED_FOR, client);
            }
            headers.insert(X_FORWARDED_HOST, host.clone());
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
        }
        if self.forwarded {
            let host = host.to_str().unwrap_or_default();
            let client = match client {
                IpAddr::V4(_) => client.to_string(),
                IpAddr::V6(address) => format!("\"[{address}]\""),
            };
            // A port and an address of IPv6 have a colon, which a token has not (RFC 7239 §4).
            let quote = if host.contains(':') { "\"" } else { "" };
            let forwarded = format_args!("for={client};host={quote}{host}{quote};proto={scheme}");
            if let Some(forwarded) = values.shown(forwarded) {
                headers.insert(FORWARDED, forwarded);
            }
        }
        self.via(headers, version);
    }

    /// Adds that a message came by us; `version` is what it came in.
    pub(crate) fn via(&self, headers: &mut HeaderMap, version: Version) {
        let Some(pseudonym) = &self.via else { return };
        let protocol = match version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2.0",
            _ => "1.1",
        };
        if let Ok(value) = HeaderValue::from_str(&format!("{protocol} {pseudonym}")) {
            headers.append(VIA, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use gate::request::{RawRequest, Reading, Scheme};
    use http::Method;

    use super::*;

    fn told(telling: &Telling, peer: &str, host: &str, version: Version) -> HeaderMap {
        let headers =
            HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_str(host).unwrap())]);
        let raw = RawRequest {
            method: &Method::GET,
            target_authority: None,
            target_scheme: None,
            path: "/",
            query: None,
            headers: &headers,
            peer: peer.parse().unwrap(),
            scheme: Scheme::Https,
            certificate: None,
            door: "proxy",
            relay: None,
        };
        let request = CanonicalRequest::read(&raw, &Reading::default()).unwrap();
        let mut told = HeaderMap::new();
        let host = HeaderValue::from_str(&request.host().to_string()).unwrap();
        telling.request(&mut told, &mut HeaderValues::new(), &request, &host, version);
        told
    }

    #[test]
    fn what_is_no_token_is_quoted_in_forwarded() {
        let telling = Telling { x_forwarded: false, forwarded: true, via: None };
        for (peer, host, expected) in [
            ("192.0.2.7", "app.test", "for=192.0.2.7;host=app.test;proto=https"),
            ("::1", "app.test:8443", "for=\"[::1]\";host=\"app.test:8443\";proto=https"),
            ("::ffff:192.0.2.7", "[::1]", "for=192.0.2.7;host=\"[::1]\";proto=https"),
        ] {
            let told = told(&telling, peer, host, Version::HTTP_11);
            assert_eq!(told, HeaderMap::from_iter([(FORWARDED, expected.parse().unwrap())]));
        }
    }

    #[test]
    fn via_says_what_the_message_came_in() {
        let telling =
            Telling { x_forwarded: false, forwarded: false, via: Some("gate".to_owned()) };
        for (version, expected) in [
            (Version::HTTP_10, "1.0 gate"),
            (Version::HTTP_11, "1.1 gate"),
            (Version::HTTP_2, "2.0 gate"),
        ] {
            let told = told(&telling, "192.0.2.7", "app.test", version);
            assert_eq!(told, HeaderMap::from_iter([(VIA, expected.parse().unwrap())]));
        }
    }
}
