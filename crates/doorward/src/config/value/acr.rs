use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A way of making sure who somebody is, as a provider calls it: an `acr` (OpenID Connect Core 1.0 §2).
#[derive(Clone, Debug)]
pub(in crate::config) struct Acr(pub(in crate::config) String);

written! { Acr }

impl Acr {
    /// How long it may be.
    const MAX_BYTES: usize = 256;
}

impl Written for Acr {
    const TITLE: &'static str = "acr";
    const EXPECTED: &'static str = "an `acr`";
    const HELP: &'static str = "write a value that the provider has, such as `urn:example:mfa`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some(r"^[!#-\[\]-~]{1,256}$");

    fn read(text: &str) -> Result<Self, Complaint> {
        // It stands in a list with spaces between, in quotes (RFC 9470 §3).
        let sound = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(sound) {
            return Ok(Self(text.to_owned()));
        }
        Err(Complaint::new(format!("`{}` is not an `acr`", shortened(text)))
            .help("write 1 to 256 of the printable ASCII characters, without space, `\"` and `\\`"))
    }
}
