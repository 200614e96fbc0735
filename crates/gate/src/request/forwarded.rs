//! `Forwarded` (RFC 7239), as strictly as `X-Forwarded-For` is read: what is not an address is no way to go on from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderValue;

use super::{RequestRefusal, Scheme};

/// What one proxy says about who is at the other end of its connection (RFC 7239 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) client: IpAddr,
    pub(super) scheme: Option<Scheme>,
}

/// The hops, the nearest proxy's last.
///
/// # Errors
/// What does not parse, a hop without `for`, and one whose `for` is hidden (`unknown`, `_name`).
pub(super) fn read(values: &[HeaderValue]) -> Result<Vec<Hop>, RequestRefusal> {
    let mut hops = Vec::new();
    for value in values {
        let text = value.to_str().map_err(|_| RequestRefusal::ForwardedHeader)?;
        for element in outside_quotes(text, ',') {
            hops.push(hop(element).ok_or(RequestRefusal::ForwardedHeader)?);
        }
    }
    Ok(hops)
}

fn hop(element: &str) -> Option<Hop> {
    let mut seen: Vec<String> = Vec::new();
    let (mut client, mut scheme) = (None, None);
    for pair in outside_quotes(element, ';') {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (token(name)?.to_ascii_lowercase(), value_of(value)?);
        match name.as_str() {
            "for" => client = Some(address(&value)?),
            "proto" => {
                scheme = Some(match value.to_ascii_lowercase().as_str() {
                    "http" | "ws" => Scheme::Http,
                    "https" | "wss" => Scheme::Https,
                    _ => return None,
                });
            }
            _ => {}
        }
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(Hop { client: client?, scheme })
}

/// The parts of a text between separators that stand outside quoted strings, without the blanks around them.
fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return !quoted && c == separator,
        }
        false
    });
    parts.map(|part| part.trim_matches([' ', '\t']))
}

fn token(text: &str) -> Option<&str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    Some(text).filter(|text| !text.is_empty() && text.bytes().all(is_token))
}

fn value_of(text: &str) -> Option<String> {
    let Some(rest) = text.strip_prefix('"') else { return token(text).map(str::to_owned) };
    let (mut value, mut rest) = (String::new(), rest.chars());
    loop {
        match rest.next()? {
            '"' => return rest.as_str().is_empty().then_some(value),
            '\\' => value.push(rest.next()?),
            c => value.push(c),
        }
    }
}

/// An address, with or without a port; IPv6 in brackets (RFC 7239 §6).
fn address(node: &str) -> Option<IpAddr> {
    let (address, port): (IpAddr, _) = match node.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            (address.parse::<Ipv6Addr>().ok()?.into(), port)
        }
        None => match node.split_once(':') {
            Some((address, port)) => (address.parse::<Ipv4Addr>().ok()?.into(), Some(port)),
            None => (node.parse::<Ipv4Addr>().ok()?.into(), None),
        },
    };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    port.is_none_or(is_port).then_some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Vec<(String, Option<Scheme>)>;

    fn clients(text: &str) -> Result<Read, RequestRefusal> {
        let hops = read(&[HeaderValue::from_str(text).unwrap()])?;
        Ok(hops.into_iter().map(|hop| (hop.client.to_string(), hop.scheme)).collect())
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        let table = [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", vec![("192.0.2.60", http)]),
            ("For=\"[2001:db8:cafe::17]:4711\"", vec![("2001:db8:cafe::17", None)]),
            (
                "for=192.0.2.43, for=198.51.100.17",
                vec![("192.0.2.43", None), ("198.51.100.17", None)],
            ),
            ("for=192.0.2.43;host=\"a,b;c=\\\"d\\\"\";proto=HTTPS", vec![("192.0.2.43", https)]),
            ("for=\"192.0.2.43:80\"; proto=wss", vec![("192.0.2.43", https)]),
            ("for=\"[::ffff:1.2.3.4]\"", vec![("1.2.3.4", None)]),
        ];
        for (text, expected) in table {
            let expected = expected.into_iter().map(|(client, scheme)| (client.to_owned(), scheme));
            assert_eq!(clients(text), Ok(expected.collect()), "{text}");
        }
    }

    #[test]
    fn what_hides_or_blurs_who_is_asking_is_refused() {
        for text in [
            "",
            ",",
            "for=1.2.3.4,",
            "for=1.2.3.4;",
            "for=unknown",
            "for=_hidden",
            "proto=https",
            "for=1.2.3.4;for=5.6.7.8",
            "for=1.2.3.4;FOR=1.2.3.4",
            "for=1.2.3.4;proto=ftp",
            "for=1.2.3.4;proto=",
            "for = 1.2.3.4",
            "for=1.2.3.4:80",
            "for=\"1.2.3.4:\"",
            "for=\"1.2.3.4:65536\"",
            "for=\"1.2.3.4:_p\"",
            "for=[::1]",
            "for=\"[::1\"",
            "for=\"[::1]x\"",
            "for=\"::1\"",
            "for=\"::ffff:1.2.3.4\"",
            "for=\"1.2.3.4",
            "for=\"1.2.3.4\"x",
            "for=1.2.3",
            "for=0x7f.0.0.1",
            "1.2.3.4",
            "for=1.2.3.4 for=5.6.7.8",
        ] {
            assert_eq!(clients(text), Err(RequestRefusal::ForwardedHeader), "{text:?}");
        }
    }
}
