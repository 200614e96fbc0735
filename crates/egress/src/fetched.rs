//! What came back.

use bytes::Bytes;

use crate::freshness::Freshness;

/// The answer to a successful fetch; its status was 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// How long it stays true.
    pub freshness: Freshness,
    /// Its `ETag`, if that is readable text.
    pub etag: Option<String>,
    /// Its `Content-Type`, if that is readable text.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}
