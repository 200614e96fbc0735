use tokens::JsonPointer;

use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// Where in a token a claim stands, such as `/realm_access/roles`.
#[derive(Clone, Debug)]
pub(in crate::config) struct Pointer(pub(in crate::config) JsonPointer);

written! { Pointer }

impl Written for Pointer {
    const TITLE: &'static str = "JSON pointer";
    const EXPECTED: &'static str = "a JSON pointer";
    const HELP: &'static str = "write a pointer such as `/realm_access/roles`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some("^/");

    fn read(text: &str) -> Result<Self, Complaint> {
        JsonPointer::parse(text).map(Self).map_err(|_| {
            let help = match text.strip_prefix('$').unwrap_or(text).trim_start_matches('.') {
                claim if !text.starts_with('/') && !claim.is_empty() => {
                    format!("write `/{}`", shortened(&claim.replace('.', "/")))
                }
                _ => "write at most 16 steps, each after a `/`; a `~` is written `~0`".to_owned(),
            };
            Complaint::new(format!("`{}` is not a JSON pointer", shortened(text))).help(help)
        })
    }
}
