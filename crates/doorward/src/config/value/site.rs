use egress::{Destination, UrlError};
use http::Uri;

use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// The origin of a site that browsers come to, such as `https://id.example.com`: its scheme, its host, and its port
/// where that is not the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Site(String);

written! { Site }

impl Site {
    /// The origin as browsers write it.
    pub(in crate::config) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Written for Site {
    const TITLE: &'static str = "origin";
    const EXPECTED: &'static str = "an origin";
    const HELP: &'static str = "write an origin such as `https://id.example.com`";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        let shown = shortened(text);
        let refused = || Complaint::new(format!("`{shown}` is not an origin")).help(Self::HELP);
        if text.contains('@') || text.contains('#') {
            return Err(refused());
        }
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(refused());
        };
        let default = if scheme == "https" { 443 } else { 80 };
        let port = uri.port_u16().filter(|port| *port != default);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let origin = format!("{scheme}://{}{port}", host.to_ascii_lowercase());
        // As strictly as whoever comes back to it.
        match Destination::configured(&origin) {
            Ok(_) => {}
            Err(UrlError::PlainHttp) => {
                let https = origin.replacen("http:", "https:", 1);
                return Err(Complaint::new(format!("`{shown}` is plain HTTP"))
                    .help(format!("write `{https}`; plain HTTP is for `localhost` alone")));
            }
            Err(_) => return Err(refused()),
        }
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        if target != "/" {
            return Err(Complaint::new(format!("`{shown}` has a path or a query"))
                .help(format!("write `{origin}`")));
        }
        Ok(Self(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (written, origin) in [
            ("https://id.example.com", "https://id.example.com"),
            ("https://ID.Example.com:443/", "https://id.example.com"),
            ("https://id.example.com:8443", "https://id.example.com:8443"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://id.localhost", "http://id.localhost"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(Site::read(written).unwrap().as_str(), origin, "{written}");
        }
    }

    #[test]
    fn what_is_no_origin_of_a_safe_site_is_refused() {
        for text in [
            "",
            "id.example.com",
            "/x",
            "http://id.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "https://a@b.example",
            "https://b.example/x",
            "https://b.example/?x",
            "https://b.example#x",
            "https://b.example:0",
            "https://b_\u{e4}.example",
            "ftp://b.example",
        ] {
            assert!(Site::read(text).is_err(), "{text}");
        }
    }
}
