use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// The name of an HTTP header that Doorward writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct HeaderName(String);

written! { HeaderName }

impl HeaderName {
    /// How long a name may be.
    const MAX_BYTES: usize = 64;
    /// Headers that mean something to HTTP or to Doorward; an identity in one of them would change the request, and a
    /// caller could not send them any more.
    const TAKEN: [&'static str; 36] = [
        "accept",
        "age",
        "allow",
        "authorization",
        "baggage",
        "cache-control",
        "connection",
        "cookie",
        "date",
        "dpop",
        "etag",
        "expect",
        "forwarded",
        "from",
        "host",
        "http2-settings",
        "keep-alive",
        "last-modified",
        "location",
        "max-forwards",
        "origin",
        "pragma",
        "range",
        "referer",
        "server",
        "set-cookie",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "vary",
        "via",
        "x-real-ip",
    ];
    /// Families of such headers.
    const TAKEN_FAMILIES: [&'static str; 18] = [
        "accept-",
        "access-control-",
        "content-",
        "grpc-",
        "if-",
        "proxy-",
        "sec-",
        "www-",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-http-method",
        "x-original-",
        "x-request-id",
        "x-rewrite-",
    ];

    /// The name as it was written.
    pub(in crate::config) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in the spelling that all spellings of it share: an application may not tell `_` from `-`.
    pub(in crate::config) fn folded(&self) -> String {
        self.0.to_ascii_lowercase().replace('_', "-")
    }
}

impl Written for HeaderName {
    const TITLE: &'static str = "header name";
    const EXPECTED: &'static str = "the name of a header";
    const HELP: &'static str = "write a name such as `X-Forwarded-User`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some("^[A-Za-z][A-Za-z0-9-]{0,63}$");

    fn read(text: &str) -> Result<Self, Complaint> {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if text.len() > Self::MAX_BYTES || !letters || !begins {
            let message = format!("`{}` is not a name for an identity header", shortened(text));
            let help = "write up to 64 letters, digits and `-`, a letter first: `X-Forwarded-User`";
            return Err(Complaint::new(message).help(help));
        }
        let name = Self(text.to_owned());
        let folded = name.folded();
        let family = |family: &&str| folded.starts_with(*family);
        if Self::TAKEN.contains(&folded.as_str()) || Self::TAKEN_FAMILIES.iter().any(family) {
            return Err(Complaint::new(format!("the header `{text}` has a meaning of its own"))
                .help("choose a name for the identity alone, such as `X-Forwarded-User`"));
        }
        Ok(name)
    }
}
