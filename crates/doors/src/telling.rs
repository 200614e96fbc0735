//! What services are told about where a request came from, and `Via` on the way there and back.

use std::fmt;
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
            if let Some(client) = values.shown(Address(client)) {
                headers.insert(X_FORWARDED_FOR, client);
            }
            headers.insert(X_FORWARDED_HOST, host.clone());
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
        }
        if self.forwarded {
            let host = host.to_str().unwrap_or_default();
            let client = match client {
                IpAddr::V4(_) => Address(client).to_string(),
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

/// An address in words: one of version 4 is put together here, for there is one in every request.
struct Address(IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IpAddr::V4(address) = self.0 else { return self.0.fmt(f) };
        let mut text = [0; "255.255.255.255".len()];
        let mut places = text.iter_mut();
        let mut length = 0;
        for (index, octet) in address.octets().into_iter().enumerate() {
            let digits = [octet / 100, octet / 10 % 10, octet % 10];
            let leading = digits.iter().take(2).take_while(|digit| **digit == 0).count();
            let digits = digits.iter().skip(leading).map(|digit| b'0' + digit);
            for byte in (index > 0).then_some(b'.').into_iter().chain(digits) {
                if let Some(place) = places.next() {
                    *place = byte;
                    length += 1;
                }
            }
        }
        let text = text.get(..length).and_then(|text| std::str::from_utf8(text).ok());
        f.write_str(text.unwrap_or_default())
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
    fn an_address_is_written_as_it_is_read() {
        for octet in 0..=u8::MAX {
            let address = IpAddr::from([octet, 255 - octet, 0, 10]);
            assert_eq!(Address(address).to_string(), address.to_string());
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
