//! What a provider calls a subject ([core] §2.2.3, §8.3).

use tokens::MAX_IDENTIFIER_BYTES;

use crate::xml::Element;

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// The name of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// The identifier.
    pub value: String,
    /// Its format, a URI; unspecified unless it is said.
    pub format: String,
}

impl NameId {
    /// Reads a NameID of this provider, for us. A name that is qualified by others is a name in somebody else's list, where
    /// it can be another person's; it is refused, as is one that is empty, too long, or holds control characters.
    pub(crate) fn read(name: Element<'_>, provider: &str, us: &str) -> Option<Self> {
        let plain = name.has_only(&["Format", "NameQualifier", "SPNameQualifier", "SPProvidedID"]);
        let by =
            |attribute, whom| name.attribute(attribute).is_none_or(|qualifier| qualifier == whom);
        let qualified = by("NameQualifier", provider) && by("SPNameQualifier", us);
        let value = name.text().filter(|value| {
            plain
                && qualified
                && (1..=MAX_IDENTIFIER_BYTES).contains(&value.len())
                && !value.chars().any(char::is_control)
        })?;
        let format = name.attribute("Format").unwrap_or(UNSPECIFIED).to_owned();
        Some(Self { value, format })
    }
}
