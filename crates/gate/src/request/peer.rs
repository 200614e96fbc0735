//! Who is at the other end of the connection, and whom to believe about it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderValue;

use super::forwarded::{self, Hop};
use super::{RequestRefusal, Scheme};

/// An IP network, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network: expected an address and a prefix length, such as `10.0.0.0/8`")]
pub struct NetworkError(String);

impl Network {
    /// Whether the network holds `address`; an IPv4-mapped IPv6 address counts as its IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                let top = |bits: u32| bits.checked_shr(shift).unwrap_or(0);
                top(network.to_bits()) == top(address.to_bits())
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                let top = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
                top(network.to_bits()) == top(address.to_bits())
            }
            _ => false,
        }
    }

    /// Whether this is the network of all addresses.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `address/prefix`, or an address alone as a network of one.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let error = || NetworkError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = match prefix {
            None => longest,
            Some(prefix) => Some(prefix)
                .filter(digits)
                .and_then(|prefix| prefix.parse().ok())
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(error)?,
        };
        // Addresses are compared in their IPv4 form where they have one: a network must be, too, or it holds nothing.
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(address)) => {
                let prefix = prefix.checked_sub(96).ok_or_else(error)?;
                Ok(Self { address: IpAddr::V4(address), prefix })
            }
            _ => Ok(Self { address, prefix }),
        }
    }
}

impl fmt::Display for Network {
    /// `address/prefix`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// What a peer says about where a request came from, in both ways of saying it; to be believed only of a trusted one.
#[derive(Clone, Debug, Default)]
pub(super) struct Hearsay {
    /// `Forwarded` (RFC 7239).
    pub(super) forwarded: Vec<HeaderValue>,
    /// `X-Forwarded-For`.
    pub(super) x_for: Vec<HeaderValue>,
    /// `X-Forwarded-Proto`.
    pub(super) x_proto: Vec<HeaderValue>,
}

/// What is believed about the caller's address and scheme, given who is at the other end of the connection.
///
/// # Errors
/// What a trusted peer says and what does not parse, or says in two ways that do not agree.
pub(super) fn believe(
    peer: IpAddr,
    scheme: Scheme,
    trusted: &[Network],
    hearsay: &Hearsay,
) -> Result<(IpAddr, Scheme), RequestRefusal> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let direct = (peer.to_canonical(), scheme);
    if !is_trusted(peer) {
        return Ok(direct);
    }
    let Hearsay { forwarded, x_for, x_proto } = hearsay;
    let family = (!x_for.is_empty() || !x_proto.is_empty())
        .then(|| by_family(direct, is_trusted, x_for, x_proto))
        .transpose()?;
    let standard =
        (!forwarded.is_empty()).then(|| by_standard(direct, is_trusted, forwarded)).transpose()?;
    match (family, standard) {
        // A proxy that writes one of the two may pass on the other as its caller wrote it.
        (Some(family), Some(standard)) if family != standard => {
            Err(RequestRefusal::ForwardedDisagrees)
        }
        (told, None) | (None, told) | (told, Some(_)) => Ok(told.unwrap_or(direct)),
    }
}

/// By `Forwarded`: the last hop whose client no trusted peer vouches past.
fn by_standard(
    (_, scheme): (IpAddr, Scheme),
    is_trusted: impl Fn(IpAddr) -> bool,
    forwarded: &[HeaderValue],
) -> Result<(IpAddr, Scheme), RequestRefusal> {
    let hops = forwarded::read(forwarded)?;
    let first = hops.first().copied();
    let hop = hops.into_iter().rev().find(|hop| !is_trusted(hop.client)).or(first);
    let Hop { client, scheme: told } = hop.ok_or(RequestRefusal::ForwardedHeader)?;
    Ok((client, told.unwrap_or(scheme)))
}

/// By `X-Forwarded-For` and `X-Forwarded-Proto`.
fn by_family(
    (peer, scheme): (IpAddr, Scheme),
    is_trusted: impl Fn(IpAddr) -> bool,
    forwarded_for: &[HeaderValue],
    forwarded_proto: &[HeaderValue],
) -> Result<(IpAddr, Scheme), RequestRefusal> {
    let mut client = peer;
    'values: for value in forwarded_for.iter().rev() {
        let value = value.to_str().map_err(|_| RequestRefusal::ForwardedHeader)?;
        for address in value.rsplit(',') {
            let address: IpAddr =
                address.trim().parse().map_err(|_| RequestRefusal::ForwardedHeader)?;
            client = address.to_canonical();
            if !is_trusted(client) {
                break 'values;
            }
        }
    }
    let scheme = match forwarded_proto {
        [] => scheme,
        // Traefik says `ws` and `wss` of WebSockets.
        [value] if value == "http" || value == "ws" => Scheme::Http,
        [value] if value == "https" || value == "wss" => Scheme::Https,
        _ => return Err(RequestRefusal::ForwardedHeader),
    };
    Ok((client, scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn believed(
        peer: &str,
        xff: &[&str],
        proto: &[&str],
    ) -> Result<(String, Scheme), RequestRefusal> {
        let values = |texts: &[&str]| -> Vec<HeaderValue> {
            texts.iter().map(|text| HeaderValue::from_str(text).unwrap()).collect()
        };
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let hearsay = Hearsay { x_for: values(xff), x_proto: values(proto), ..Hearsay::default() };
        believe(peer.parse().unwrap(), Scheme::Http, &trusted, &hearsay)
            .map(|(address, scheme)| (address.to_string(), scheme))
    }

    fn believed_by_both(
        forwarded: &[&str],
        xff: &[&str],
        proto: &[&str],
    ) -> Result<(String, Scheme), RequestRefusal> {
        let values = |texts: &[&str]| -> Vec<HeaderValue> {
            texts.iter().map(|text| HeaderValue::from_str(text).unwrap()).collect()
        };
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let hearsay =
            Hearsay { forwarded: values(forwarded), x_for: values(xff), x_proto: values(proto) };
        let peer = "10.0.0.1".parse().unwrap();
        believe(peer, Scheme::Http, &trusted, &hearsay)
            .map(|(address, scheme)| (address.to_string(), scheme))
    }

    #[test]
    fn forwarded_is_believed_as_its_elder_is() {
        let ok = |address: &str, scheme| Ok((address.to_owned(), scheme));
        let table = [
            (&["for=1.2.3.4;proto=https"][..], ok("1.2.3.4", Scheme::Https)),
            (&["for=6.6.6.6;proto=https, for=1.2.3.4, for=10.0.0.2"], ok("1.2.3.4", Scheme::Http)),
            (
                &["for=6.6.6.6, for=1.2.3.4;proto=https", "for=10.0.0.2;proto=http"],
                ok("1.2.3.4", Scheme::Https),
            ),
            (&["for=10.0.0.3;proto=https, for=10.0.0.2"], ok("10.0.0.3", Scheme::Https)),
            (&["for=1.2.3.4, for=unknown"], Err(RequestRefusal::ForwardedHeader)),
            // Junk that no trusted peer vouches for is junk all the same.
            (&["for=unknown, for=1.2.3.4"], Err(RequestRefusal::ForwardedHeader)),
        ];
        for (forwarded, expected) in table {
            assert_eq!(believed_by_both(forwarded, &[], &[]), expected, "{forwarded:?}");
        }
        let hearsay = Hearsay {
            forwarded: vec![HeaderValue::from_static("for=1.2.3.4;proto=https")],
            ..Hearsay::default()
        };
        let stranger: IpAddr = "203.0.113.9".parse().unwrap();
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let believed = believe(stranger, Scheme::Http, &trusted, &hearsay);
        assert_eq!(believed, Ok((stranger, Scheme::Http)));
    }

    #[test]
    fn two_ways_of_saying_it_must_say_the_same() {
        let ok = |address: &str, scheme| Ok((address.to_owned(), scheme));
        let differ = || Err(RequestRefusal::ForwardedDisagrees);
        let table = [
            ("for=1.2.3.4", &["1.2.3.4"][..], &[][..], ok("1.2.3.4", Scheme::Http)),
            ("for=1.2.3.4;proto=https", &["1.2.3.4"], &["https"], ok("1.2.3.4", Scheme::Https)),
            ("for=6.6.6.6", &["1.2.3.4"], &[], differ()),
            ("for=1.2.3.4;proto=https", &["1.2.3.4"], &["http"], differ()),
            // What a caller adds where its proxy says nothing.
            ("for=1.2.3.4;proto=https", &["1.2.3.4"], &[], differ()),
            ("for=6.6.6.6;proto=https", &[], &["https"], differ()),
            ("for=1.2.3.4", &["1.2.3.4"], &["https"], differ()),
        ];
        for (forwarded, xff, proto, expected) in table {
            assert_eq!(believed_by_both(&[forwarded], xff, proto), expected, "{forwarded}");
        }
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        let ok = |address: &str, scheme| Ok((address.to_owned(), scheme));
        assert_eq!(
            believed("203.0.113.9", &["1.2.3.4"], &["https"]),
            ok("203.0.113.9", Scheme::Http)
        );
        assert_eq!(believed("203.0.113.9", &["junk"], &["junk"]), ok("203.0.113.9", Scheme::Http));
        assert_eq!(believed("10.0.0.1", &["1.2.3.4"], &["https"]), ok("1.2.3.4", Scheme::Https));
        assert_eq!(believed("::ffff:10.0.0.1", &["1.2.3.4"], &[]), ok("1.2.3.4", Scheme::Http));
        assert_eq!(believed("10.0.0.1", &[], &["wss"]), ok("10.0.0.1", Scheme::Https));
        assert_eq!(believed("10.0.0.1", &[], &[]), ok("10.0.0.1", Scheme::Http));
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_peer_vouches_past() {
        let ok = |address: &str| Ok((address.to_owned(), Scheme::Http));
        assert_eq!(believed("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"], &[]), ok("1.2.3.4"));
        assert_eq!(believed("10.0.0.1", &["6.6.6.6, 1.2.3.4", "10.0.0.2"], &[]), ok("1.2.3.4"));
        assert_eq!(believed("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &[]), ok("10.0.0.3"));
    }

    #[test]
    fn a_trusted_peer_that_sends_junk_is_refused_and_not_guessed_at() {
        let refused = Err(RequestRefusal::ForwardedHeader);
        assert_eq!(believed("10.0.0.1", &["1.2.3.4, unknown"], &[]), refused);
        assert_eq!(believed("10.0.0.1", &[""], &[]), refused);
        assert_eq!(believed("10.0.0.1", &[], &["ftp"]), refused);
        assert_eq!(believed("10.0.0.1", &[], &["https", "https"]), refused);
        assert_eq!(believed("10.0.0.1", &[], &["https,http"]), refused);
    }

    #[test]
    fn an_ipv4_address_is_one_address_in_both_its_forms() {
        let mapped: Network = "::ffff:10.0.0.0/104".parse().unwrap();
        assert_eq!(mapped, "10.0.0.0/8".parse().unwrap());
        assert!(mapped.contains("10.1.2.3".parse().unwrap()));
        assert!(mapped.contains("::ffff:10.1.2.3".parse().unwrap()));
        let (client, _) = believed("10.0.0.1", &["::ffff:1.2.3.4"], &[]).unwrap();
        assert_eq!(client, "1.2.3.4");
        let (client, _) = believed("::ffff:203.0.113.9", &[], &[]).unwrap();
        assert_eq!(client, "203.0.113.9");
    }

    #[test]
    fn networks_are_read_strictly() {
        for text in [
            "10.0.0.0/+8",
            "::ffff:10.0.0.0/95",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "a/8",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let everything: Network = "0.0.0.0/0".parse().unwrap();
        assert!(everything.is_everything() && everything.contains("8.8.8.8".parse().unwrap()));
        assert!(!everything.contains("::1".parse().unwrap()));
    }
}
