//! Pages for people: small, in one look, without a script, and without a request to anybody else.

mod html;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;

pub use html::Html;

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
pub struct Pages {
    head: Html,
    style: String,
    /// What a browser may do with a page: show it, in its own style, in no frame.
    policy: String,
}

impl Pages {
    /// Pages that look like this.
    #[must_use]
    pub fn new(options: &PageOptions) -> Self {
        let accent = options.accent.as_ref().map(|accent| format!(":root{{--accent:{accent}}}\n"));
        let style = format!("{STYLE}{}", accent.unwrap_or_default());
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
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
        Self { head, style, policy }
    }

    /// A page. `title` is the window's, `heading` stands above `content`; `id` is the request's, which the reader can
    /// quote to an operator.
    #[must_use]
    pub fn html(&self, (title, heading): (&str, &str), content: &Html, id: Option<&str>) -> String {
        let mut html = Html::default()
            .markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .markup("<meta name=\"viewport\" content=\"width=device-width\">\n")
            .markup("<meta name=\"robots\" content=\"noindex\">\n<title>")
            .text(title)
            .markup("</title>\n<style>")
            .unescaped(&self.style)
            .markup("</style>\n</head>\n<body>\n<main>\n")
            .with(&self.head)
            .markup("<h1>")
            .text(heading)
            .markup("</h1>\n")
            .with(content);
        if let Some(id) = id {
            html = html
                .markup("<p class=\"id\">To ask about this, quote the request <code>")
                .text(id)
                .markup("</code>.</p>\n");
        }
        html.markup("</main>\n</body>\n</html>\n").into_string()
    }

    /// The `Content-Security-Policy` of a page with this content.
    #[must_use]
    pub fn policy(&self, content: &Html) -> Option<HeaderValue> {
        // Browsers hold what a form leads to by redirects to it too, and ours lead to providers.
        let forms = if content.has_form() { "" } else { "; form-action 'none'" };
        HeaderValue::try_from(format!("{}{forms}", self.policy)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_with_a_form_lets_one_be_sent() {
        let pages = Pages::new(&PageOptions::default());
        let policy = |content: Html| pages.policy(&content).unwrap().to_str().unwrap().to_owned();
        assert!(policy(Html::default().paragraph("<form>")).ends_with("; form-action 'none'"));
        assert!(!policy(Html::default().markup("<form></form>")).contains("form-action"));
    }
}
