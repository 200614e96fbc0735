//! Entry points for fuzzing: bytes of any kind go in; a broken invariant panics.

use bytes::Bytes;
use gate::request::{CanonicalRequest, IdentityHeaders, Reading};
use http::header::{HOST, HeaderName, HeaderValue};

use crate::proxy::proxy_protocol::{MAX_HEADER_BYTES, PREFIX_BYTES, Source, read, rest_length};
use crate::relay::ext_authz::{self, Certificates};
use crate::relay::forward_auth::original;
use crate::relay::told::Told;
use crate::relay::{Asking, Caller};

/// Reads bytes as what a decision point is asked.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_authzen(bytes: &[u8]) {
    crate::authzen::fuzz::check(bytes);
}

/// Reads bytes as a connection that begins with the PROXY protocol. What is believed is bounded, stands in the bytes, and
/// is believed with nothing less and nothing more.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_proxy_protocol(bytes: &[u8]) {
    let Some((prefix, after)) = bytes.split_first_chunk::<PREFIX_BYTES>() else { return };
    let Ok(length) = rest_length(prefix) else { return };
    assert!(PREFIX_BYTES + length <= MAX_HEADER_BYTES, "a header is too long");
    let Some((rest, _)) = after.split_at_checked(length) else {
        assert!(read(prefix, after).is_err(), "a part of a header is believed");
        return;
    };
    let Ok(source) = read(prefix, rest) else { return };
    if let Source::Of(address) = source {
        let (ip, port) = (address.ip(), address.port().to_be_bytes());
        let told = match ip {
            std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
            std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let at = told.len() * 2;
        assert!(rest.starts_with(&told), "the address does not stand in the bytes");
        assert_eq!(rest.get(at..at + 2), Some(port.as_slice()), "the port does not either");
    }
    if let Some((_, shorter)) = rest.split_last() {
        assert!(read(prefix, shorter).is_err(), "less than the header is believed");
    }
}

/// Reads bytes as a question of Envoy's, in the encoding of Protocol Buffers; see [`check_told`].
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_ext_authz(bytes: &[u8]) {
    let question = Bytes::copy_from_slice(bytes);
    if let Some(Ok(told)) = ext_authz::told(question, &Certificates::default()) {
        check_told(&told);
    }
}

/// Reads bytes as a question by HTTP: a target, and headers as `name:value`, a line each; see [`check_told`].
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_forward_auth(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut question = http::Request::get(lines.next().unwrap_or_default());
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            question = question.header(name, value);
        }
    }
    let Ok(question) = question.body(()) else { return };
    for caller in [Caller::Caddy, Caller::Nginx] {
        let (parts, ()) = question.clone().into_parts();
        if let Ok(told) = original::read(Asking { caller, takes_cookies: true }, parts) {
            check_told(&told);
        }
    }
}

/// A request that is told of and has a reading is forwarded by somebody else as it came: so its path and host are written
/// as they were read, and nothing in it is ours to write.
fn check_told(told: &Told) {
    let identity_headers = IdentityHeaders::new(["X-Forwarded-User"]);
    let reading = Reading { identity_headers: identity_headers.clone(), ..Reading::default() };
    let raw = told.raw("fuzz");
    let Ok(request) = CanonicalRequest::read(&raw, &reading) else { return };
    assert_eq!(request.path().as_str(), raw.path, "the path is read other than written");
    let mut hosts = raw.headers.get_all(HOST).iter();
    let host = request.host().to_string();
    assert_eq!(hosts.next().map(HeaderValue::as_bytes), Some(host.as_bytes()), "so is the host");
    assert!(hosts.next().is_none(), "there are two hosts");
    let ours = |name: &HeaderName| identity_headers.contains(name.as_str());
    assert!(!raw.headers.keys().any(ours), "an identity header came from outside");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn no_bytes_break_an_invariant(
            command in prop_oneof![Just(0x20_u8), Just(0x21), any::<u8>()],
            family in prop_oneof![Just(0x11_u8), Just(0x21), any::<u8>()],
            length in prop_oneof![Just(12_u16), Just(19), Just(36), any::<u16>()],
            rest in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let [high, low] = length.to_be_bytes();
            let prefix = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family, high, low]].concat();
            fuzz_proxy_protocol(&[prefix, rest].concat());
        }

        #[test]
        fn no_question_breaks_an_invariant(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
            fuzz_ext_authz(&bytes);
            fuzz_forward_auth(&bytes);
        }
    }

    #[test]
    fn the_seeds_are_questions_that_have_a_reading() {
        let question = Bytes::from_static(include_bytes!("../../../fuzz/seeds/ext_authz/get"));
        let told = ext_authz::told(question, &Certificates::default()).unwrap().unwrap();
        assert!(CanonicalRequest::read(&told.raw("fuzz"), &Reading::default()).is_ok());
        fuzz_ext_authz(include_bytes!("../../../fuzz/seeds/ext_authz/get"));
        fuzz_forward_auth(include_bytes!("../../../fuzz/seeds/forward_auth/nginx"));
    }
}
