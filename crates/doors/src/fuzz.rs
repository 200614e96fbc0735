//! Entry points for fuzzing: bytes of any kind go in; a broken invariant panics.

use crate::proxy::proxy_protocol::{MAX_HEADER_BYTES, PREFIX_BYTES, Source, read, rest_length};

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
    }
}
