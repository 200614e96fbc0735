use super::{Written, written};
use crate::config::decode::Complaint;

/// A path to a file or a directory; relative to the directory of the configuration file.
#[derive(Clone, Debug)]
pub(in crate::config) struct FilePath(pub(in crate::config) String);

written! { FilePath }

impl Written for FilePath {
    const TITLE: &'static str = "path";
    const EXPECTED: &'static str = "a path";
    const HELP: &'static str = "write a path such as `keys/corp.json`";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        match text {
            "" => Err(Complaint::new("expected a path, found an empty text").help(Self::HELP)),
            text if text.contains('\0') => {
                Err(Complaint::new("expected a path, found a zero byte in it").help(Self::HELP))
            }
            text if text.starts_with("~/") => Err(Complaint::new(format!(
                "`{}`: `~` means nothing here",
                crate::config::tree::shortened(text)
            ))
            .help("write the whole path, or `${env:HOME}` in place of `~`")),
            text => Ok(Self(text.to_owned())),
        }
    }
}
