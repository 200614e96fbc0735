//! The way to sign in, and back.

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::CanonicalRequest;

/// The most bytes that an address to come back to may have; from a longer one, the way leads back to `/`.
pub const MAX_RETURN_BYTES: usize = 1024;

/// What is escaped in a query parameter: all but the unreserved characters of RFC 3986, and `/`.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Where a caller can sign in: on its own host, from where it is sent on. It needs nothing that a proxy which asks would
/// have to pass on, such as a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInLink {
    /// Path and query.
    pub to: String,
    /// Whether a browser that goes to the answer can be sent there, because it has sent nothing that would be lost.
    pub redirect: bool,
}

impl SignInLink {
    /// The link that leads back to what was asked for.
    pub(crate) fn back_to(request: &CanonicalRequest) -> Self {
        let target = request.target();
        let back = if target.len() > MAX_RETURN_BYTES { "/" } else { target.as_str() };
        let to =
            format!("{}/sign-in?to={}", crate::RESERVED_PREFIX, utf8_percent_encode(back, ESCAPED));
        let redirect = [Method::GET, Method::HEAD].contains(request.method());
        Self { to, redirect }
    }
}
