use super::{FetchUrl, FilePath, Written, written};
use crate::config::decode::Complaint;

/// Where a document is: a path or a URL.
#[derive(Clone, Debug)]
pub(in crate::config) enum MetadataPlace {
    File(FilePath),
    Url(FetchUrl),
}

written! { MetadataPlace }

impl Written for MetadataPlace {
    const TITLE: &'static str = "path or URL";
    const EXPECTED: &'static str = "a path or a URL";
    const HELP: &'static str =
        "write a path such as `idp.xml`, or a URL such as `https://idp.example.com/metadata`";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        if text.contains("://") {
            FetchUrl::read(text).map(Self::Url)
        } else {
            FilePath::read(text).map(Self::File)
        }
    }
}
