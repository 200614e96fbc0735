use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// How a provider with SAML is to name subjects: the URI of a format.
#[derive(Clone, Debug)]
pub(in crate::config) struct NameFormat(pub(in crate::config) String);

written! { NameFormat }

/// The formats that have a name of their own here (saml-core-2.0-os §8.3).
const NAMED: [(&str, &str); 4] = [
    ("email", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
    ("persistent", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
    ("transient", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
    ("unspecified", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"),
];

impl Written for NameFormat {
    const TITLE: &'static str = "NameID format";
    const EXPECTED: &'static str = "a NameID format";
    const HELP: &'static str =
        "write `persistent`, `email`, `transient`, `unspecified`, or a URI such as `urn:oid:1.2.3`";
    const MAY_REFER: bool = false;

    fn read(text: &str) -> Result<Self, Complaint> {
        if let Some((_, uri)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(Self((*uri).to_owned()));
        }
        let uri =
            text.contains(':') && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic());
        if uri {
            return Ok(Self(text.to_owned()));
        }
        Err(Complaint::new(format!("`{}` is no NameID format", shortened(text))).help(Self::HELP))
    }
}
