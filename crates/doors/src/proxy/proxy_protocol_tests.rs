use proptest::prelude::*;

use super::*;

/// A header with this version and command, family, and what follows.
fn header(command: u8, family: u8, rest: &[u8]) -> ([u8; PREFIX_BYTES], Vec<u8>) {
    let length = u16::try_from(rest.len()).unwrap_or(u16::MAX).to_be_bytes();
    let prefix = [SIGNATURE, &[command, family], &length].concat();
    (prefix.try_into().expect("sixteen bytes"), rest.to_vec())
}

fn told(command: u8, family: u8, rest: &[u8]) -> Result<Source, HeaderError> {
    let (prefix, rest) = header(command, family, rest);
    read(&prefix, &rest)
}

const V4: [u8; 12] = [203, 0, 113, 9, 192, 0, 2, 1, 0xC3, 0x50, 1, 0xBB];

fn v6() -> Vec<u8> {
    let (source, target): (Ipv6Addr, Ipv6Addr) =
        ("2001:db8::9".parse().unwrap(), "2001:db8::1".parse().unwrap());
    [&source.octets()[..], &target.octets(), &[0xC3, 0x50, 1, 0xBB]].concat()
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

/// The addresses of `V4` with `fields` and their right checksum.
fn with_checksum(fields: &[u8]) -> Vec<u8> {
    let mut rest = [&V4, fields, &field(CRC32C_FIELD, &[0; 4])].concat();
    let (prefix, _) = header(PROXY, INET_STREAM, &rest);
    let sum = crc32c(prefix.iter().chain(&rest)).to_be_bytes();
    let at = rest.len() - 4;
    rest[at..].copy_from_slice(&sum);
    rest
}

#[test]
fn whose_connection_it_is_is_told_by_its_source() {
    let of = |address: &str| Ok(Source::Of(address.parse().unwrap()));
    assert_eq!(told(PROXY, INET_STREAM, &V4), of("203.0.113.9:50000"));
    assert_eq!(told(PROXY, INET6_STREAM, &v6()), of("[2001:db8::9]:50000"));
    let fields = [field(0x01, b"h2"), field(0xEA, b""), field(0x04, &[0; 40])].concat();
    assert_eq!(told(PROXY, INET_STREAM, &[&V4, &fields[..]].concat()), of("203.0.113.9:50000"));
}

#[test]
fn a_sender_that_speaks_for_itself_is_its_own_caller_whatever_it_says() {
    for (family, rest) in [(0, &b""[..]), (INET_STREAM, &V4), (INET_STREAM, b"x"), (0xFF, b"junk")]
    {
        assert_eq!(told(LOCAL, family, rest), Ok(Source::Sender), "{family} {rest:?}");
    }
}

#[test]
fn a_checksum_must_be_right_where_there_is_one() {
    let good = with_checksum(&field(0x01, b"h2"));
    assert!(told(PROXY, INET_STREAM, &good).is_ok());
    // The kind of the checksum's field alone may: then there is none.
    let kind = V4.len() + 5;
    for at in (0..good.len()).filter(|at| *at != kind) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(told(PROXY, INET_STREAM, &bad).is_err(), "byte {at} may not change");
    }
    let short = [&V4[..], &field(CRC32C_FIELD, &[0; 3])].concat();
    assert_eq!(told(PROXY, INET_STREAM, &short), Err(HeaderError::Fields));
    // RFC 3720 §B.4.
    assert_eq!(crc32c([0; 32].iter()), 0x8A91_36AA);
    assert_eq!(crc32c((0..32).collect::<Vec<u8>>().iter()), 0x46DD_794E);
}

#[test]
fn what_is_no_header_to_believe_is_refused_with_its_reason() {
    use HeaderError::{Command, Fields, NoAddress, Signature, Version};
    for (command, family, rest, why) in [
        (0x11, INET_STREAM, &V4[..], Version(1)),
        (0x31, INET_STREAM, &V4, Version(3)),
        (0x22, INET_STREAM, &V4, Command(2)),
        (PROXY, 0x00, b"", NoAddress(0x00)),
        (PROXY, 0x10, &V4, NoAddress(0x10)),
        (PROXY, 0x12, &V4, NoAddress(0x12)),
        (PROXY, 0x22, &[0; 36], NoAddress(0x22)),
        (PROXY, 0x31, &[0; 216], NoAddress(0x31)),
        (PROXY, INET_STREAM, &V4[..11], Fields),
        (PROXY, INET6_STREAM, &[0; 35], Fields),
        (PROXY, INET_STREAM, &[&V4[..], &[4]].concat(), Fields),
        (PROXY, INET_STREAM, &[&V4[..], &[4, 0, 1]].concat(), Fields),
    ] {
        assert_eq!(told(command, family, rest), Err(why), "{command:02x} {family:02x} {rest:?}");
    }
    for other in [b"PROXY TCP4 203.0", b"GET / HTTP/1.1\r\n", b"\r\n\r\n\0\r\nQUIT\r\x21\x11\0\0"] {
        assert_eq!(rest_length(other), Err(Signature));
    }
}

#[test]
fn a_header_is_at_most_four_kibibytes_in_whole() {
    let rest = |length: usize| {
        let fields = field(0x04, &vec![0; length - V4.len() - 3]);
        told(PROXY, INET_STREAM, &[&V4[..], &fields].concat())
    };
    assert!(rest(MAX_HEADER_BYTES - PREFIX_BYTES).is_ok());
    let refused = Err(HeaderError::TooLong(MAX_HEADER_BYTES + 1));
    assert_eq!(rest(MAX_HEADER_BYTES - PREFIX_BYTES + 1), refused);
}

proptest! {
    #[test]
    fn what_is_told_is_what_stands_in_the_bytes(
        address in any::<u128>(),
        short in any::<u32>(),
        port in any::<u16>(),
        kinds in prop::collection::vec((4_u8.., prop::collection::vec(any::<u8>(), 0..32)), 0..4),
    ) {
        let fields: Vec<u8> = kinds.iter().flat_map(|(kind, value)| field(*kind, value)).collect();
        let ports = [port.to_be_bytes(), [0, 80]].concat();
        let v4 = [&short.to_be_bytes()[..], &[0; 4], &ports, &fields].concat();
        let v6 = [&address.to_be_bytes()[..], &[0; 16], &ports, &fields].concat();
        let of = |address| Ok(Source::Of(address));
        prop_assert_eq!(told(PROXY, INET_STREAM, &v4), of((Ipv4Addr::from_bits(short), port).into()));
        prop_assert_eq!(told(PROXY, INET6_STREAM, &v6), of((Ipv6Addr::from_bits(address), port).into()));
        prop_assert!(told(PROXY, INET_STREAM, &with_checksum(&fields)).is_ok());
    }
}
