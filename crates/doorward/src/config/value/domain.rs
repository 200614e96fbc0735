use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// The domain of e-mail addresses, such as `example.com`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Domain(pub(in crate::config) String);

written! { Domain }

impl Domain {
    /// How long it may be (RFC 1035 §2.3.4, in text).
    const MAX_BYTES: usize = 253;
    /// How long one label of it may be (RFC 1035 §2.3.4).
    const MAX_LABEL_BYTES: usize = 63;
}

impl Written for Domain {
    const TITLE: &'static str = "domain";
    const EXPECTED: &'static str = "a domain";
    const HELP: &'static str = "write a domain such as `example.com`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some("^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*$");

    fn read(text: &str) -> Result<Self, Complaint> {
        let sound = |label: &str| {
            (1..=Self::MAX_LABEL_BYTES).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if text.len() <= Self::MAX_BYTES && text.split('.').all(sound) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let help = match text.rsplit_once('@') {
            Some((_, domain)) if domain.split('.').all(sound) => format!("write `{domain}`"),
            _ => "write a domain such as `example.com`; other alphabets in their `xn--` form"
                .to_owned(),
        };
        Err(Complaint::new(format!("`{}` is not a domain", shortened(text))).help(help))
    }
}
