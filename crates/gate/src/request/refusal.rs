//! Why a request was refused before anything about it was judged: it could be read in more than one way.

/// Why a request is not one unambiguous request. Always the caller's fault; the answer is 400, or 414 and 431 for
/// what is too large, or 508 for what goes in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// `Connection` names a header that must reach the gate or the service.
    #[error("the connection header names a header that is not hop-by-hop")]
    ConnectionNamesEndToEnd,
    /// A control byte, raw or escaped, in the path.
    #[error("the path contains a control byte")]
    ControlInPath,
    /// More than one `Authorization` header.
    #[error("the request carries more than one authorization header")]
    DoubledAuthorization,
    /// Two session cookies with different values.
    #[error("the request carries more than one session cookie")]
    DoubledSession,
    /// A `.` or `..` segment, raw, escaped (once or twice), or in front of `;`.
    #[error("the path contains a dot segment")]
    DotSegment,
    /// `\`, `%5C` or `%255C` in the path.
    #[error("the path contains a backslash")]
    Backslash,
    /// `//` on a route that does not keep empty segments.
    #[error("the path contains an empty segment, and no route here keeps them")]
    EmptySegment,
    /// `%2F` or `%252F` on a route that does not keep encoded slashes opaque.
    #[error("the path contains an encoded slash, and no route here keeps them opaque")]
    EncodedSlash,
    /// `#` in the request target.
    #[error("the request target contains a fragment")]
    Fragment,
    /// `Forwarded` and the `X-Forwarded` headers of a trusted peer that say different things.
    #[error("a trusted peer sent forwarded headers that disagree")]
    ForwardedDisagrees,
    /// Forwarded headers of a trusted peer that do not parse.
    #[error("a trusted peer sent a forwarded header that does not parse")]
    ForwardedHeader,
    /// More than one host, or an absolute target that names another host.
    #[error("the request names more than one host")]
    HostDisagrees,
    /// A header that tells identity to services; those are written by the gate alone.
    #[error("the request carries an identity header of ours")]
    IdentityHeader,
    /// The host is not a name or an address.
    #[error("the host is not a valid name or address")]
    InvalidHost,
    /// The head has more bytes than it may.
    #[error("the request's head has more than {most} bytes")]
    HeadTooLarge {
        /// The most that it may have.
        most: usize,
    },
    /// A `%` that is not followed by two hexadecimal digits.
    #[error("the path contains an invalid escape")]
    InvalidEscape,
    /// Bytes that RFC 3986 does not allow in a path, or escapes that are not UTF-8.
    #[error("the path contains bytes that are not valid in a path")]
    InvalidPath,
    /// Bytes that do not belong in a query.
    #[error("the query contains bytes that are not valid in a query")]
    InvalidQuery,
    /// `Via` has our pseudonym already: RFC 9110 §7.6.3.
    #[error("the request has been here before")]
    Loop,
    /// No host at all.
    #[error("the request names no host")]
    MissingHost,
    /// `;` in a segment on a route that does not keep segment parameters.
    #[error("the path contains segment parameters, and no route here keeps them")]
    SegmentParameters,
    /// It cannot be forwarded as it came, and whoever asks about it forwards it so.
    #[error(
        "the request is not written in its normal form, and whoever asks would forward it unchanged"
    )]
    NotCanonical,
    /// The target is not a path (`*`, or `host:port` of CONNECT).
    #[error("the request target is not a path")]
    TargetForm,
    /// An absolute target of another scheme than the connection's.
    #[error("the request target names another scheme than the connection has")]
    TargetScheme,
    /// Path and query together have more bytes than they may.
    #[error("the request target has more than {most} bytes")]
    TargetTooLong {
        /// The most that they may have.
        most: usize,
    },
    /// More header lines than there may be.
    #[error("the request has more than {most} header lines")]
    TooManyHeaders {
        /// The most that there may be.
        most: usize,
    },
    /// More than [`MAX_SEGMENTS`](crate::request::MAX_SEGMENTS) segments.
    #[error("the path has too many segments")]
    TooManySegments,
    /// `Upgrade` to something that nobody could judge.
    #[error("the request asks for an upgrade that is not a WebSocket")]
    Upgrade,
    /// A WebSocket on a route that has none.
    #[error("the request asks for a WebSocket, and no route here has them")]
    WebSocket,
    /// A `Transfer-Encoding` that is not `chunked`, once.
    #[error("the transfer encoding is not `chunked` alone")]
    TransferEncoding,
}

impl RequestRefusal {
    /// A stable label for metrics and records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Backslash => "backslash",
            Self::ConnectionNamesEndToEnd => "connection_names_end_to_end",
            Self::ControlInPath => "control_in_path",
            Self::DoubledSession => "doubled_session",
            Self::DotSegment => "dot_segment",
            Self::DoubledAuthorization => "doubled_authorization",
            Self::EmptySegment => "empty_segment",
            Self::EncodedSlash => "encoded_slash",
            Self::ForwardedDisagrees => "forwarded_disagrees",
            Self::ForwardedHeader => "forwarded_header",
            Self::Fragment => "fragment",
            Self::HeadTooLarge { .. } => "head_too_large",
            Self::HostDisagrees => "host_disagrees",
            Self::IdentityHeader => "identity_header",
            Self::InvalidEscape => "invalid_escape",
            Self::InvalidHost => "invalid_host",
            Self::InvalidPath => "invalid_path",
            Self::InvalidQuery => "invalid_query",
            Self::Loop => "loop",
            Self::MissingHost => "missing_host",
            Self::NotCanonical => "not_canonical",
            Self::SegmentParameters => "segment_parameters",
            Self::TargetForm => "target_form",
            Self::TargetScheme => "target_scheme",
            Self::TargetTooLong { .. } => "target_too_long",
            Self::TooManyHeaders { .. } => "too_many_headers",
            Self::TooManySegments => "too_many_segments",
            Self::TransferEncoding => "transfer_encoding",
            Self::Upgrade => "upgrade",
            Self::WebSocket => "websocket",
        }
    }
}
