//! An answer of ours as a page, for who comes with a browser. It asks for nothing else, runs nothing, and says nothing
//! that the caller sent.

use std::sync::LazyLock;

use federation::{Html, PageOptions, Pages};
use gate::Answer;
use http::{HeaderValue, StatusCode};

static PAGES: LazyLock<Pages> = LazyLock::new(|| Pages::new(&PageOptions::default()));

/// The page, and its `Content-Security-Policy`.
pub(crate) fn page(answer: &Answer, id: &str) -> (String, Option<HeaderValue>) {
    let mut content = Html::default().paragraph(&sentence(&answer.detail));
    if let Some(advice) = advice(answer) {
        content = content.paragraph(&advice);
    }
    if let Some(link) = &answer.sign_in {
        content = content.link(&link.to, "Sign in");
    }
    let title = format!("{} {}", answer.status.as_str(), answer.title);
    (PAGES.html((&title, answer.title), &content, Some(id)), PAGES.policy(&content))
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

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn no_text_of_an_answer_is_markup() {
        let detail = "a <script>alert('x')</script> & \"{id}\" {advice}";
        let (page, _) = page(&Answer::new(StatusCode::NOT_FOUND, "Not Found", detail), "01<J");
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
        let (page, policy) = page(&Answer::new(StatusCode::FORBIDDEN, "Forbidden", "no"), "01J");
        for part in ["src=", "href=", "url(", "@import", "//", "style=", "<script", " on"] {
            assert!(!page.contains(part), "expected no {part:?} in {page}");
        }
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        let policy = policy.unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
        assert!(policy.ends_with("; form-action 'none'"), "{policy}");
    }
}
