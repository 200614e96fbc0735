//! What a provider calls a subject ([core] §2.2.3, §8.3).

use tokens::MAX_IDENTIFIER_BYTES;

use crate::namespace::SAML;
use crate::writer::Writer;
use crate::xml::Element;

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// The name of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// The identifier.
    pub value: String,
    /// Its format, a URI; unspecified unless it is said.
    pub format: String,
    /// Whether it says that it is a name in the provider's list (`NameQualifier`).
    pub by_provider: bool,
    /// Whether it says that it is a name for us (`SPNameQualifier`).
    pub for_us: bool,
}

impl NameId {
    /// A name of this format, in nobody's list.
    #[must_use]
    pub fn new(value: impl Into<String>, format: impl Into<String>) -> Self {
        Self { value: value.into(), format: format.into(), by_provider: false, for_us: false }
    }

    /// Reads a NameID of this provider, for us. A name that is qualified by others is a name in somebody else's list, where
    /// it can be another person's; it is refused, as is one that is empty, too long, or holds control characters.
    pub(crate) fn read(name: Element<'_>, provider: &str, us: &str) -> Option<Self> {
        let plain = name.is(SAML, "NameID")
            && name.has_only(&["Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"]);
        let by =
            |attribute, whom| name.attribute(attribute).is_none_or(|qualifier| qualifier == whom);
        let qualified = by("NameQualifier", provider) && by("SPNameQualifier", us);
        let value = name.text().filter(|value| {
            plain
                && qualified
                && (1..=MAX_IDENTIFIER_BYTES).contains(&value.len())
                && !value.chars().any(char::is_control)
        })?;
        Some(Self {
            value,
            format: name.attribute("Format").unwrap_or(UNSPECIFIED).to_owned(),
            by_provider: name.attribute("NameQualifier").is_some(),
            for_us: name.attribute("SPNameQualifier").is_some(),
        })
    }

    /// Writes the element, as it was: whoever gave the name looks for it so ([core] §3.3.4).
    pub(crate) fn write(&self, writer: Writer, provider: &str, us: &str) -> Writer {
        writer
            .markup("<saml:NameID")
            .attribute("xmlns:saml", SAML)
            .attribute("Format", &self.format)
            .optional("NameQualifier", self.by_provider.then_some(provider))
            .optional("SPNameQualifier", self.for_us.then_some(us))
            .markup(">")
            .text(&self.value)
            .markup("</saml:NameID>")
    }
}
