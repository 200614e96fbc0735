//! A URL that can be fetched, read strictly: what two parsers could read in two ways is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::uri::PathAndQuery;
use thiserror::Error;

/// How many bytes a URL may have.
const MAX_URL_BYTES: usize = 2048;
/// How many bytes a host name may have (RFC 1035 §2.3.4, in text).
const MAX_NAME_BYTES: usize = 253;
/// How many bytes one label of a host name may have (RFC 1035 §2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// An absolute `http` or `https` URL (RFC 3986) without userinfo and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) origin: Origin,
    pub(crate) target: PathAndQuery,
}

/// Scheme, host and port (RFC 6454 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// How the other side is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// Where the other side is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Ip(IpAddr),
    /// In lower case.
    Name(Box<str>),
}

impl Url {
    /// Reads a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_URL_BYTES {
            return Err(UrlError::TooLong { limit: MAX_URL_BYTES });
        }
        let unfit = |byte: u8| !byte.is_ascii_graphic() || b"\\\"<>^`{|}".contains(&byte);
        if text.bytes().any(unfit) {
            return Err(UrlError::Character);
        }
        if text.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(UrlError::Scheme);
        };
        let (authority, target) = match rest.find(['/', '?']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(UrlError::Userinfo);
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let target = PathAndQuery::try_from(target).map_err(|_| UrlError::Character)?;
        Ok(Self { origin: Origin::parse(scheme, authority)?, target })
    }
}

impl fmt::Display for Url {
    /// Without the query, which may hold what a log must not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target.path())
    }
}

impl Origin {
    fn parse(scheme: Scheme, authority: &str) -> Result<Self, UrlError> {
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or(UrlError::Host)?;
                let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Host)?;
                (Host::Ip(address.into()), port)
            }
            None => {
                let (name, port) =
                    authority.split_at(authority.find(':').unwrap_or(authority.len()));
                (Host::parse(name)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => scheme.default_port(),
            None => return Err(UrlError::Host),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port)?
            }
            Some(_) => return Err(UrlError::Port),
        };
        Ok(Self { scheme, host, port })
    }

    /// The value of the `Host` field.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Host {
    /// Reads a name, or an IPv4 address. A name whose last label is a number is an address in an odd notation
    /// (`127.1`, `0x7f000001`), which resolvers read in their own ways.
    fn parse(name: &str) -> Result<Self, UrlError> {
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(address.into()));
        }
        let label_is_fit = |label: &str| {
            (1..=MAX_LABEL_BYTES).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = last.starts_with(|first: char| first.is_ascii_digit());
        if name.len() > MAX_NAME_BYTES || is_number || !name.split('.').all(label_is_fit) {
            return Err(UrlError::Host);
        }
        Ok(Self::Name(name.to_ascii_lowercase().into()))
    }

    /// Whether it is this machine by its very spelling.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(address) => address.to_canonical().is_loopback(),
            Self::Name(name) => &**name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Why a text is not a URL that may be fetched.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UrlError {
    /// It has a character that no URL has.
    #[error(
        "expected a URL of printable ASCII characters, without `\\`, `\"`, `<`, `>`, `^`, `{{`, `|`, `}}` and backtick"
    )]
    Character,
    /// It has a fragment.
    #[error("expected a URL without a fragment (`#`)")]
    Fragment,
    /// Its host is not a name or an address.
    #[error(
        "expected a host: a name of ASCII labels, an IPv4 address, or an IPv6 address in brackets"
    )]
    Host,
    /// It is plain HTTP to somewhere else than this machine.
    #[error(
        "expected https: plain http is accepted only to a loopback address that is configured, or with `danger_plain_http`"
    )]
    PlainHttp,
    /// Its port is not one.
    #[error("expected a port from 1 to 65535")]
    Port,
    /// It is of another scheme, or not absolute.
    #[error("expected an absolute URL that begins with `https://`")]
    Scheme,
    /// It is too long.
    #[error("expected a URL of at most {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// It holds a user's name or password.
    #[error("expected a URL without userinfo (`user:password@`)")]
    Userinfo,
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
