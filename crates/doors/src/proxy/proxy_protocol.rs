//! The PROXY protocol, version 2 (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, section 2.2): how a
//! balancer that passes bytes on says whose they are. Bytes in, an address out.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// The bytes before the addresses: signature, version and command, family, length.
pub(crate) const PREFIX_BYTES: usize = 16;
/// The most bytes of a header in whole. Its fields beside the addresses are of no use here.
pub(crate) const MAX_HEADER_BYTES: usize = 4096;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2 with the command LOCAL: the sender speaks for itself.
const LOCAL: u8 = 0x20;
/// Version 2 with the command PROXY: the sender speaks for another.
const PROXY: u8 = 0x21;
/// Streams over IPv4.
const INET_STREAM: u8 = 0x11;
/// Streams over IPv6.
const INET6_STREAM: u8 = 0x21;
/// The field with a checksum of the whole header, its own four bytes taken for zero.
const CRC32C_FIELD: u8 = 0x03;

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Somebody who reached the sender from here.
    Of(SocketAddr),
    /// The sender's own, such as a health check.
    Sender,
}

/// Why a header is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum HeaderError {
    /// The checksum in it is of another header.
    #[error("the checksum is of another header")]
    Checksum,
    /// A command of no meaning.
    #[error("expected the command LOCAL or PROXY, got {0}")]
    Command(u8),
    /// It ends within its addresses or fields, or goes on after them.
    #[error("the addresses and fields do not fill the length that is told")]
    Fields,
    /// Nobody to speak for: no address at all, or none of a stream over IP.
    #[error("expected the address of a stream over IPv4 or IPv6, got the family 0x{0:02x}")]
    NoAddress(u8),
    /// Something else came: version 1, TLS, HTTP.
    #[error("what came does not begin as a header does")]
    Signature,
    /// It is longer than it may be.
    #[error("the header has {0} bytes, and may have {MAX_HEADER_BYTES}")]
    TooLong(usize),
    /// Another version.
    #[error("expected version 2, got version {0}")]
    Version(u8),
}

/// How many bytes follow the prefix.
///
/// # Errors
/// When it is no prefix of a header that is taken.
pub(crate) fn rest_length(prefix: &[u8; PREFIX_BYTES]) -> Result<usize, HeaderError> {
    let [signature @ .., command, _, high, low] = prefix;
    if signature != SIGNATURE {
        return Err(HeaderError::Signature);
    }
    match (*command >> 4, *command) {
        (2, LOCAL | PROXY) => {}
        (2, command) => return Err(HeaderError::Command(command & 15)),
        (version, _) => return Err(HeaderError::Version(version)),
    }
    let rest = usize::from(u16::from_be_bytes([*high, *low]));
    if PREFIX_BYTES + rest > MAX_HEADER_BYTES {
        return Err(HeaderError::TooLong(PREFIX_BYTES + rest));
    }
    Ok(rest)
}

/// Reads a header: its prefix, and the `rest` that its prefix tells of.
///
/// With LOCAL nothing but the length counts, whatever stands in the rest. With PROXY whoever is spoken for must be told:
/// were the sender taken for its caller, the caller would have the sender's address, and its word.
///
/// # Errors
/// When it is not a header to believe.
pub(crate) fn read(prefix: &[u8; PREFIX_BYTES], rest: &[u8]) -> Result<Source, HeaderError> {
    if rest_length(prefix)? != rest.len() {
        return Err(HeaderError::Fields);
    }
    let [.., command, family, _, _] = prefix;
    if *command == LOCAL {
        return Ok(Source::Sender);
    }
    let (source, fields) = match *family {
        INET_STREAM => {
            // Source and destination, then the port of each.
            let (block, fields) = rest.split_first_chunk::<12>().ok_or(HeaderError::Fields)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *block;
            (SocketAddr::from((Ipv4Addr::new(a, b, c, d), port(high, low))), fields)
        }
        INET6_STREAM => {
            let (block, fields) = rest.split_first_chunk::<36>().ok_or(HeaderError::Fields)?;
            let (source, _) = block.split_first_chunk::<16>().ok_or(HeaderError::Fields)?;
            let [.., high, low, _, _] = *block;
            (SocketAddr::from((Ipv6Addr::from(*source), port(high, low))), fields)
        }
        family => return Err(HeaderError::NoAddress(family)),
    };
    check_fields(prefix, rest, fields)?;
    Ok(Source::Of(source))
}

fn port(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

/// Walks the fields after the addresses. They must fill the header; the checksum must be right where there is one.
fn check_fields(
    prefix: &[u8; PREFIX_BYTES],
    rest: &[u8],
    fields: &[u8],
) -> Result<(), HeaderError> {
    let mut left = fields;
    while !left.is_empty() {
        let ([kind, high, low], more) = left.split_first_chunk().ok_or(HeaderError::Fields)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, more) = more.split_at_checked(length).ok_or(HeaderError::Fields)?;
        if *kind == CRC32C_FIELD {
            let told = value.try_into().map(u32::from_be_bytes);
            let told = told.map_err(|_| HeaderError::Fields)?;
            let (before, _) = rest
                .split_at_checked(rest.len() - more.len() - value.len())
                .ok_or(HeaderError::Fields)?;
            if told != crc32c([prefix.as_slice(), before, &[0; 4], more].into_iter().flatten()) {
                return Err(HeaderError::Checksum);
            }
        }
        left = more;
    }
    Ok(())
}

/// The checksum of RFC 3720 §B.4, bit by bit: headers are few and short.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 }
        })
    })
}

#[cfg(test)]
#[path = "proxy_protocol_tests.rs"]
mod tests;
