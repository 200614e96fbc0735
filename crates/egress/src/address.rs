//! Which addresses belong to the public internet, and which to somebody's inside.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is used for (IANA special-purpose registries, RFC 6890). Only [`AddressKind::Public`] may be reached
/// on a stranger's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// For examples in documents (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// This link only (RFC 3927, RFC 4291 §2.5.6); clouds answer there with credentials.
    LinkLocal,
    /// This machine.
    Loopback,
    /// A cloud's metadata service at an address that would otherwise be public.
    Metadata,
    /// Many receivers.
    Multicast,
    /// An inside network (RFC 1918, RFC 4193, RFC 3879, RFC 8215).
    Private,
    /// The public internet.
    Public,
    /// Not given out for hosts.
    Reserved,
    /// Shared by a carrier's customers (RFC 6598).
    Shared,
    /// No address; many systems take it for this machine.
    Unspecified,
}

impl AddressKind {
    /// What `address` is. An IPv6 address that carries an IPv4 address (mapped, 6to4, NAT64) is what that one is.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0, ..] => Self::Unspecified,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private,
            [100, 64..=127, ..] => Self::Shared,
            [127, ..] => Self::Loopback,
            // Azure's host agent.
            [168, 63, 129, 16] => Self::Metadata,
            [169, 254, ..] => Self::LinkLocal,
            // IETF assignments (RFC 6890), the 6to4 relays (RFC 7526), benchmarks (RFC 2544).
            [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => Self::Reserved,
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Documentation,
            [224..=239, ..] => Self::Multicast,
            [240..=255, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // Mapped (RFC 4291 §2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052 §2.1).
            [0, 0, 0, 0, 0, 0xffff, high, low]
            | [0, 0, 0, 0, 0xffff, 0, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            // 6to4 (RFC 3056 §2).
            | [0x2002, high, low, ..] => Self::of_v4(embedded(high, low)),
            // NAT64 of one's own network (RFC 8215).
            [0x64, 0xff9b, 1, ..] => Self::Private,
            [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Self::Documentation,
            // IETF assignments (RFC 2928), among them Teredo, ORCHID and benchmarks.
            [0x2001, 0..=0x1ff, ..] => Self::Reserved,
            [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0xff00..=0xffff, ..] => Self::Multicast,
            // Global unicast (RFC 4291 §2.4) is given out from 2000::/3 only.
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Documentation => "a documentation address",
            Self::LinkLocal => "a link-local address",
            Self::Loopback => "a loopback address",
            Self::Metadata => "a cloud's metadata address",
            Self::Multicast => "a multicast address",
            Self::Private => "a private address",
            Self::Public => "a public address",
            Self::Reserved => "a reserved address",
            Self::Shared => "a shared (carrier-grade NAT) address",
            Self::Unspecified => "an unspecified address",
        })
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
