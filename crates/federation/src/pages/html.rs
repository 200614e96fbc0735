//! Markup that nothing but our own source can add to.

/// A piece of a page. What is put in is text; markup comes from literals alone.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// Adds markup of ours.
    #[must_use]
    pub fn markup(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, as text or as the value of an attribute in double quotes.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds a style, in which nothing is escaped: it is of ours, but for a colour that was checked.
    pub(super) fn unescaped(mut self, style: &str) -> Self {
        self.0.push_str(style);
        self
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn paragraph(self, text: &str) -> Self {
        self.markup("<p>").text(text).markup("</p>\n")
    }

    /// Adds a link.
    #[must_use]
    pub fn link(self, to: &str, text: &str) -> Self {
        self.markup("<p><a href=\"").text(to).markup("\">").text(text).markup("</a></p>\n")
    }

    /// Adds another piece.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// Whether there is a form in it: text cannot look like one.
    pub(super) fn has_form(&self) -> bool {
        self.0.contains("<form")
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        let html = Html::default().link("/?a=1&b=\"><script>", "<b>it's</b>").into_string();
        let expected = "<p><a href=\"/?a=1&amp;b=&quot;&gt;&lt;script&gt;\">&lt;b&gt;it&#39;s&lt;/b&gt;</a></p>\n";
        assert_eq!(html, expected);
    }
}
