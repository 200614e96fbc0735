//! The look of the demo's pages.

/// A page with this heading and content, which is markup.
pub(super) fn page(heading: &str, content: &str) -> String {
    format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>{heading}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 30rem; padding: 0 1rem }}
button {{ font: inherit; padding: 0.4rem 1rem }}
</style>
<h1>{heading}</h1>
{content}
</html>
"
    )
}

/// Text as markup.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        assert_eq!(text("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }
}
