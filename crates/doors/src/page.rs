//! An answer of ours as a page, for who comes with a browser. It asks for nothing else, runs nothing, and says nothing
//! that the caller sent.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gate::Answer;
use http::{HeaderValue, StatusCode};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// What a browser may do with a page: show it, in its own style, in no frame.
static SECURITY_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

/// The `Content-Security-Policy` of every page.
pub(crate) fn security_policy() -> Option<HeaderValue> {
    SECURITY_POLICY.clone()
}

/// The page.
pub(crate) fn page(answer: &Answer, id: &str) -> String {
    let detail = sentence(&answer.detail);
    let advice =
        advice(answer).map_or_else(String::new, |advice| format!("<p>{}</p>", escaped(&advice)));
    let link = answer.sign_in.as_ref().map(|link| escaped(&link.to));
    let link = link.map(|to| format!("<p><a href=\"{to}\">Sign in</a></p>"));
    let advice = advice + &link.unwrap_or_default();
    let status = answer.status.as_u16().to_string();
    // Each part is put in once, from the end to the beginning of the template, so that no part is searched for another.
    [
        ("{id}", escaped(id)),
        ("{advice}", advice),
        ("{detail}", escaped(&detail)),
        ("{style}", STYLE.to_owned()),
    ]
    .iter()
    .fold(head(&status, answer.title), |page, (name, text)| page.replacen(name, text, 1))
}

fn head(status: &str, title: &str) -> String {
    TEMPLATE.replace("{status}", status).replace("{title}", &escaped(title))
}

/// What the reader can do.
fn advice(answer: &Answer) -> Option<String> {
    let advice = match answer.status {
        StatusCode::UNAUTHORIZED => "You have to be signed in to see this.",
        StatusCode::FORBIDDEN => "If you think that you should see this, ask who runs it.",
        StatusCode::NOT_FOUND => "Check the address for mistakes.",
        _ => {
            let seconds = answer.retry_after?;
            let unit = if seconds == 1 { "second" } else { "seconds" };
            return Some(format!("Try again in {seconds} {unit}."));
        }
    };
    Some(advice.to_owned())
}

/// A detail with a capital and a full stop, as people read it.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_an_answer_is_markup() {
        let detail = "a <script>alert('x')</script> & \"{id}\" {advice}";
        let page = page(&Answer::new(StatusCode::NOT_FOUND, "Not Found", detail), "01<J");
        assert!(
            page.contains("A &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;"),
            "{page}"
        );
        assert!(
            page.contains("<title>404 Not Found</title>") && page.contains("<code>01&lt;J</code>"),
            "{page}"
        );
        assert_eq!(page.matches("<script").count(), 0);
    }

    #[test]
    fn a_page_asks_for_nothing_and_its_style_is_the_one_that_the_policy_names() {
        let page = page(&Answer::new(StatusCode::FORBIDDEN, "Forbidden", "no"), "01J");
        for part in ["src=", "href=", "url(", "@import", "//", "style=", "<script", " on"] {
            assert!(!page.contains(part), "expected no {part:?} in {page}");
        }
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        let policy = security_policy().unwrap();
        assert!(policy.to_str().unwrap().contains(&format!("'sha256-{hash}'")));
        assert_eq!(
            page.matches('{').count(),
            style.matches('{').count(),
            "every part was filled in"
        );
    }
}
