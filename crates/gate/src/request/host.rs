//! The host that a request is for: one name, in one spelling.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::RequestRefusal;

/// The longest host name, in bytes (RFC 1035 §2.3.4).
pub const MAX_HOST_BYTES: usize = 253;

/// How the caller reached us; decides which port is the default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host in one spelling: lower case, no trailing dot, A-labels, and the port only when it is not the default one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalHost {
    name: String,
    port: Option<u16>,
}

impl CanonicalHost {
    /// Reads `host[:port]`.
    ///
    /// # Errors
    /// [`RequestRefusal::MissingHost`] when it is empty, [`RequestRefusal::InvalidHost`] when it is not a DNS name or an
    /// address in its usual form: no userinfo, no `0x7f.1`, no empty label, no junk after the port.
    pub fn parse(raw: &str, scheme: Scheme) -> Result<Self, RequestRefusal> {
        if raw.is_empty() {
            return Err(RequestRefusal::MissingHost);
        }
        let (name, port) = if let Some(rest) = raw.strip_prefix('[') {
            let (address, after) = rest.split_once(']').ok_or(RequestRefusal::InvalidHost)?;
            let address: Ipv6Addr = address.parse().map_err(|_| RequestRefusal::InvalidHost)?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or(RequestRefusal::InvalidHost)?),
            };
            (format!("[{address}]"), port)
        } else {
            let (name, port) = match raw.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (raw, None),
            };
            (canonical_name(name)?, port)
        };
        let port = port.map(parse_port).transpose()?.filter(|port| *port != scheme.default_port());
        Ok(Self { name, port })
    }

    /// The name or address alone; what routes match.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, unless it is the scheme's default.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for CanonicalHost {
    /// As in a `Host` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// A DNS name or IPv4 address in its one spelling; also used for the hosts that routes name.
pub(crate) fn canonical_name(raw: &str) -> Result<String, RequestRefusal> {
    // An A-label has at least a byte for each character, and a character at most four: longer is no name.
    if raw.len() > MAX_HOST_BYTES * 4 {
        return Err(RequestRefusal::InvalidHost);
    }
    let name = raw.strip_suffix('.').unwrap_or(raw);
    let name = if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii_strict(name).map_err(|_| RequestRefusal::InvalidHost)?
    };
    if name.is_empty() || name.len() > MAX_HOST_BYTES {
        return Err(RequestRefusal::InvalidHost);
    }
    let mut last = "";
    for label in name.split('.') {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let bytes = label.as_bytes();
        let edges = bytes.first().zip(bytes.last()).is_some_and(|(a, b)| inner(*a) && inner(*b));
        if !edges || bytes.len() > 63 || !bytes.iter().all(|byte| inner(*byte) || *byte == b'-') {
            return Err(RequestRefusal::InvalidHost);
        }
        last = label;
    }
    if name.contains("xn--")
        && idna::domain_to_ascii_strict(&name).ok().as_deref() != Some(name.as_str())
    {
        return Err(RequestRefusal::InvalidHost);
    }
    // A last label that is a number makes it an address (WHATWG URL §3.5), and then only dotted-quad will do.
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if numeric && name.parse::<Ipv4Addr>().is_err() {
        return Err(RequestRefusal::InvalidHost);
    }
    Ok(name)
}

fn parse_port(raw: &str) -> Result<u16, RequestRefusal> {
    if raw.is_empty() || raw.len() > 5 || !raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RequestRefusal::InvalidHost);
    }
    raw.parse().ok().filter(|port| *port != 0).ok_or(RequestRefusal::InvalidHost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_one_spelling_or_is_refused() {
        use RequestRefusal::{InvalidHost, MissingHost};
        let table = [
            ("orders.example.com", Ok("orders.example.com")),
            ("ORDERS.Example.COM", Ok("orders.example.com")),
            ("orders.example.com.", Ok("orders.example.com")),
            ("orders.example.com:80", Ok("orders.example.com")),
            ("orders.example.com:8080", Ok("orders.example.com:8080")),
            ("bücher.example", Ok("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
            ("my_service", Ok("my_service")),
            ("127.0.0.1:9000", Ok("127.0.0.1:9000")),
            ("[::1]:8080", Ok("[::1]:8080")),
            ("[0:0:0:0:0:0:0:1]", Ok("[::1]")),
            ("", Err(MissingHost)),
            (".", Err(InvalidHost)),
            ("a..b", Err(InvalidHost)),
            ("a.example.com..", Err(InvalidHost)),
            ("user@example.com", Err(InvalidHost)),
            ("exa mple.com", Err(InvalidHost)),
            ("a.example.com,b.example.com", Err(InvalidHost)),
            ("a/b", Err(InvalidHost)),
            ("a%2eb", Err(InvalidHost)),
            ("-a.example", Err(InvalidHost)),
            ("0x7f.1", Err(InvalidHost)),
            ("127.1", Err(InvalidHost)),
            ("2130706433", Err(InvalidHost)),
            ("example.com:", Err(InvalidHost)),
            ("example.com:0", Err(InvalidHost)),
            ("example.com:65536", Err(InvalidHost)),
            ("example.com:80x", Err(InvalidHost)),
            ("example.com:+80", Err(InvalidHost)),
            ("example.com:80:80", Err(InvalidHost)),
            ("::1", Err(InvalidHost)),
            ("[::1", Err(InvalidHost)),
            ("[::1]x", Err(InvalidHost)),
            ("[fe80::1%25eth0]", Err(InvalidHost)),
            ("xn--a", Err(InvalidHost)),
            ("XN--BCHER-KVA.example", Ok("xn--bcher-kva.example")),
            ("ｏrders.example", Ok("orders.example")),
            ("a。example", Ok("a.example")),
            ("a.example。", Err(InvalidHost)),
            ("１２７.0.0.1", Ok("127.0.0.1")),
            ("a\u{ad}b.example", Ok("ab.example")),
            ("a\u{202e}b.example", Err(InvalidHost)),
        ];
        for (raw, expected) in table {
            let read = CanonicalHost::parse(raw, Scheme::Http).map(|host| host.to_string());
            assert_eq!(read.as_deref().map_err(|e| *e), expected, "{raw}");
        }
    }

    #[test]
    fn the_default_port_is_that_of_the_scheme() {
        let host = CanonicalHost::parse("a.example:443", Scheme::Https).unwrap();
        assert_eq!(host.to_string(), "a.example");
        let host = CanonicalHost::parse("a.example:80", Scheme::Https).unwrap();
        assert_eq!(host.to_string(), "a.example:80");
    }

    #[test]
    fn names_and_labels_are_bounded() {
        let name = |labels: usize| vec!["a"; labels].join(".");
        assert!(CanonicalHost::parse(&name(127), Scheme::Http).is_ok());
        assert!(CanonicalHost::parse(&name(128), Scheme::Http).is_err());
        assert!(CanonicalHost::parse(&"a".repeat(63), Scheme::Http).is_ok());
        assert!(CanonicalHost::parse(&"a".repeat(64), Scheme::Http).is_err());
    }
}
