//! Cross-origin requests: which pages of other origins may call a route from a browser (Fetch standard, §3.3 "CORS
//! protocol"). It keeps nobody out who is not a browser; who may do what is for the policies to say.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AsHeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::request::CanonicalRequest;

/// What a route says of cross-origin requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cors {
    pub(crate) origins: Origins,
    pub(crate) methods: Vec<Method>,
    pub(crate) headers: Vec<HeaderName>,
    pub(crate) expose: Vec<HeaderName>,
    pub(crate) credentials: bool,
    pub(crate) max_age: Option<Duration>,
}

/// Whose pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// Anyone's, without what the browser keeps for us.
    Any,
    /// Those of exactly these origins, in the spelling of browsers.
    Listed(Vec<HeaderValue>),
}

/// Why a preflight is not answered with leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreflightRefusal {
    /// A header that pages may not set.
    #[error("a page may not set all of these headers here")]
    Header,
    /// A method that pages may not use.
    #[error("a page may not use this method here")]
    Method,
    /// An origin whose pages may not call.
    #[error("a page of this origin may not call here")]
    Origin,
}

impl PreflightRefusal {
    /// A stable label for metrics and records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Header => "preflight_header",
            Self::Method => "preflight_method",
            Self::Origin => "preflight_origin",
        }
    }
}

/// A question of a browser, whether a page may send a request (Fetch standard, "CORS-preflight request").
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    origin: &'a HeaderValue,
    pub(crate) method: Method,
    headers: Vec<&'a HeaderValue>,
}

impl<'a> Asked<'a> {
    /// What the request asks, if it is a preflight.
    pub(crate) fn of(request: &'a CanonicalRequest) -> Option<Self> {
        if request.method() != Method::OPTIONS {
            return None;
        }
        let headers = request.headers();
        let method = only(headers, ACCESS_CONTROL_REQUEST_METHOD)?;
        Some(Self {
            origin: only(headers, ORIGIN)?,
            method: Method::from_bytes(method.as_bytes()).ok()?,
            headers: headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter().collect(),
        })
    }
}

/// What a browser is told about which pages may read an answer. It is ours to say: what a service says is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    fields: Vec<(HeaderName, HeaderValue)>,
    /// Whether another origin would be told something else.
    varies: bool,
}

impl Sharing {
    /// Writes it over what stands there.
    pub fn write(&self, headers: &mut HeaderMap) {
        let named = |name: &&HeaderName| name.as_str().starts_with("access-control-");
        let theirs: Vec<HeaderName> = headers.keys().filter(named).cloned().collect();
        for name in theirs {
            headers.remove(name);
        }
        for (name, value) in &self.fields {
            headers.insert(name, value.clone());
        }
        if self.varies && !names_origin(headers) {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

impl Cors {
    /// Whether a page may send what it asks about.
    ///
    /// # Errors
    /// What it may not.
    pub(crate) fn preflight(&self, asked: &Asked<'_>) -> Result<Sharing, PreflightRefusal> {
        let mut sharing = self.sharing_with(asked.origin).ok_or(PreflightRefusal::Origin)?;
        if !self.methods.contains(&asked.method) {
            return Err(PreflightRefusal::Method);
        }
        if !asked.headers.iter().all(|list| self.may_set(list)) {
            return Err(PreflightRefusal::Header);
        }
        // That one alone: others of this path may be another route's, and what is told here is remembered for the path.
        let method = [asked.method.as_str()];
        sharing.fields.extend(listed(ACCESS_CONTROL_ALLOW_METHODS, method.into_iter()));
        let headers = self.headers.iter().map(HeaderName::as_str);
        sharing.fields.extend(listed(ACCESS_CONTROL_ALLOW_HEADERS, headers));
        let max_age = self.max_age.map(|age| HeaderValue::from(age.as_secs()));
        sharing.fields.extend(max_age.map(|age| (ACCESS_CONTROL_MAX_AGE, age)));
        Ok(sharing)
    }

    /// What is told with the answer to a request, preflights apart.
    pub(crate) fn sharing(&self, request: &CanonicalRequest) -> Sharing {
        let told = only(request.headers(), ORIGIN).and_then(|origin| self.sharing_with(origin));
        let mut sharing =
            told.unwrap_or_else(|| Sharing { fields: Vec::new(), varies: self.varies() });
        if !sharing.fields.is_empty() {
            let exposed = self.expose.iter().map(HeaderName::as_str);
            sharing.fields.extend(listed(ACCESS_CONTROL_EXPOSE_HEADERS, exposed));
        }
        sharing
    }

    fn sharing_with(&self, origin: &HeaderValue) -> Option<Sharing> {
        let told = match &self.origins {
            Origins::Any => HeaderValue::from_static("*"),
            Origins::Listed(origins) => origins.iter().find(|one| *one == origin)?.clone(),
        };
        let mut fields = vec![(ACCESS_CONTROL_ALLOW_ORIGIN, told)];
        if self.credentials {
            fields.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        Some(Sharing { fields, varies: self.varies() })
    }

    /// Whether pages of this origin may call with what the browser keeps for us.
    pub(crate) fn lets_in(&self, origin: &HeaderValue) -> bool {
        self.credentials
            && matches!(&self.origins, Origins::Listed(origins) if origins.contains(origin))
    }

    const fn varies(&self) -> bool {
        matches!(self.origins, Origins::Listed(_))
    }

    fn may_set(&self, list: &HeaderValue) -> bool {
        let names = list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names
            .filter(|name| !name.is_empty())
            .all(|name| HeaderName::from_bytes(name).is_ok_and(|name| self.headers.contains(&name)))
    }
}

/// The one value of a header; none when there are two.
fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn listed<'a>(
    name: HeaderName,
    items: impl Iterator<Item = &'a str>,
) -> Option<(HeaderName, HeaderValue)> {
    let text = items.collect::<Vec<_>>().join(", ");
    // INVARIANT: names of methods and headers can stand in a header.
    let value = HeaderValue::from_str(&text).ok()?;
    (!text.is_empty()).then_some((name, value))
}

/// Whether `Vary` says so already.
fn names_origin(headers: &HeaderMap) -> bool {
    headers.get_all(VARY).iter().any(|value| {
        let mut names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
    })
}
