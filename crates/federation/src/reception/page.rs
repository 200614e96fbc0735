//! Our own pages: small, without a script, and without a request to anybody else.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::html::Html;

const STYLE: &str = include_str!("page.css");

/// How our pages look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageOptions {
    /// Whose pages they are, such as `Example Inc.`; stands above every page.
    pub title: Option<String>,
    /// The colour of links and buttons, as `#rrggbb`.
    pub accent: Option<String>,
    /// A picture to stand beside the title: its media type and its bytes.
    pub logo: Option<(String, Bytes)>,
}

/// Writes pages in one look.
#[derive(Debug)]
pub(super) struct Pages {
    head: Html,
    style: String,
    policy: Option<HeaderValue>,
}

impl Pages {
    pub(super) fn new(options: &PageOptions) -> Self {
        let accent = options.accent.as_ref().map(|accent| format!(":root{{--accent:{accent}}}\n"));
        let style = format!("{STYLE}{}", accent.unwrap_or_default());
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        // No `form-action`: browsers hold redirects after a form to it, and ours lead to providers.
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
        );
        let mut head = Html::default();
        if options.title.is_some() || options.logo.is_some() {
            head = head.markup("<header>");
            if let Some((kind, bytes)) = &options.logo {
                let source = format!("data:{kind};base64,{}", STANDARD.encode(bytes));
                head = head.markup("<img alt=\"\" src=\"").text(&source).markup("\">");
            }
            if let Some(title) = &options.title {
                head = head.markup("<span>").text(title).markup("</span>");
            }
            head = head.markup("</header>\n");
        }
        Self { head, style, policy: HeaderValue::try_from(policy).ok() }
    }

    /// A page. `id` is the request's, which the reader can quote to an operator.
    pub(super) fn page(
        &self,
        status: StatusCode,
        title: &str,
        content: &Html,
        id: Option<&str>,
    ) -> Response<Bytes> {
        let mut html = Html::default()
            .markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .markup("<meta name=\"viewport\" content=\"width=device-width\">\n")
            .markup("<meta name=\"robots\" content=\"noindex\">\n<title>")
            .text(title)
            .markup("</title>\n<style>")
            .with(&Html::style(&self.style))
            .markup("</style>\n</head>\n<body>\n<main>\n")
            .with(&self.head)
            .markup("<h1>")
            .text(title)
            .markup("</h1>\n")
            .with(content);
        if let Some(id) = id {
            html = html
                .markup("<p class=\"id\">To ask about this, quote the request <code>")
                .text(id)
                .markup("</code>.</p>\n");
        }
        let html = html.markup("</main>\n</body>\n</html>\n");
        let mut response = Response::new(Bytes::from(html.into_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.extend(self.policy.clone().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        guarded(response)
    }
}

impl Html {
    /// The style of our pages: of ours, but for a colour that was checked.
    fn style(style: &str) -> Self {
        // In a `style` element nothing is escaped, and nothing in a style of ours has to be.
        debug_assert!(!style.contains('<'), "a style has no markup");
        Self::default().unescaped(style)
    }
}

/// Sends the browser on.
pub(super) fn redirect(to: &str) -> Option<Response<Bytes>> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(to).ok()?);
    Some(guarded(response))
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    guarded(response)
}

/// With a cookie, if it is one.
pub(super) fn with_cookie(
    mut response: Response<Bytes>,
    cookie: Option<HeaderValue>,
) -> Response<Bytes> {
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// What stands on every answer of ours: it is for nobody else to keep, to frame or to hear of.
fn guarded(mut response: Response<Bytes>) -> Response<Bytes> {
    let fields: [(HeaderName, &'static str); 3] = [
        (CACHE_CONTROL, "no-store"),
        // Never a path or a query, which hold what is good once. With `no-referrer`, a form of ours would come from
        // nobody (Fetch standard, "`Origin` header").
        (REFERRER_POLICY, "strict-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fields {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
