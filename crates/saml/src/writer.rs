//! XML as we write it: every value escaped, nothing that canonicalization would write otherwise.

/// A document that is being written.
#[derive(Debug, Default)]
pub(crate) struct Writer(String);

impl Writer {
    /// Text that is markup; a literal, so that no value gets in as markup.
    pub(crate) fn markup(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// An attribute, with the space before it. The name is one that needs no escaping.
    pub(crate) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.0.extend([" ", name, "=\""]);
        self = self.escaped(value);
        self.0.push('"');
        self
    }

    /// An attribute that may be left out.
    pub(crate) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.attribute(name, value),
            None => self,
        }
    }

    /// Text within an element.
    pub(crate) fn text(self, text: &str) -> Self {
        self.escaped(text)
    }

    /// What another writer has written.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// Escaped for an attribute and for text alike.
    fn escaped(mut self, text: &str) -> Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\t' => self.0.push_str("&#x9;"),
                '\n' => self.0.push_str("&#xA;"),
                '\r' => self.0.push_str("&#xD;"),
                // XML 1.0 has no way to write these.
                other if other < ' ' || matches!(other, '\u{fffe}' | '\u{ffff}') => {}
                other => self.0.push(other),
            }
        }
        self
    }
}
