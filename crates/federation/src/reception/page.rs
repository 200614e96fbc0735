//! Answers of the reception.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::Reception;
use super::trouble::Trouble;
use crate::pages::Html;
use crate::provider::Sent;

impl Reception {
    /// A page. `id` is the request's, which the reader can quote to an operator.
    pub(super) fn page(
        &self,
        status: StatusCode,
        title: &str,
        content: &Html,
        id: Option<&str>,
    ) -> Response<Bytes> {
        let html = self.pages.html((title, title), content, id);
        let mut response = Response::new(Bytes::from(html));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.extend(self.pages.policy(content).map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        guarded(response)
    }

    /// Sends the browser to a provider; where that takes a form, a person sends it, on a page with this title and text: our
    /// pages have no script.
    pub(super) fn send(
        &self,
        sent: &Sent,
        (title, text): &(&str, String),
    ) -> Result<Response<Bytes>, Trouble> {
        let (to, fields) = match sent {
            Sent::Redirect(to) => {
                return redirect(to).ok_or_else(|| Trouble::ours("no way leads to the provider"));
            }
            Sent::Form { to, fields } => (to, fields),
        };
        let mut content = Html::default()
            .paragraph(text)
            .markup("<form method=\"post\" action=\"")
            .text(to)
            .markup("\">");
        for (name, value) in fields {
            content = content
                .markup("<input type=\"hidden\" name=\"")
                .text(name)
                .markup("\" value=\"")
                .text(value)
                .markup("\">");
        }
        let content = content.markup("<button class=\"first\">Continue</button></form>\n");
        Ok(self.page(StatusCode::OK, title, &content, None))
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
pub(super) fn guarded(mut response: Response<Bytes>) -> Response<Bytes> {
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
