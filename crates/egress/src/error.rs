//! Why a fetch failed.

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use crate::address::AddressKind;

/// A failed fetch: from where, and why. Quotes no query, no header and no body.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{url}` {fault}")]
pub struct EgressError {
    url: String,
    fault: Fault,
}

impl EgressError {
    pub(crate) fn new(url: &impl ToString, fault: Fault) -> Self {
        Self { url: url.to_string(), fault }
    }

    /// What went wrong.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Whether the same request may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        self.fault.retry_may_help()
    }
}

/// What went wrong with a fetch. Each message goes on from the URL.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// A learned host resolves to an address that is not public.
    #[error(
        "was learned from a fetched document and resolves to {address}, {kind}, which only a configured URL may reach; configure the URL itself"
    )]
    AddressForbidden {
        /// The address.
        address: IpAddr,
        /// What it is.
        kind: AddressKind,
    },
    /// The body is too long.
    #[error("answered more than {limit} bytes")]
    BodyTooLarge {
        /// The limit.
        limit: usize,
    },
    /// No address accepted a connection.
    #[error("cannot be connected to: {cause}")]
    Connect {
        /// What the last address said.
        cause: String,
    },
    /// No address accepted a connection in time.
    #[error("did not connect within {limit:?}")]
    ConnectTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The body is compressed, which we said we do not accept.
    #[error("answered with a content-encoding, and only `identity` was accepted")]
    Encoded,
    /// The header section is too long.
    #[error("answered more than {limit} bytes or {fields} fields of header")]
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The limit in fields.
        fields: usize,
    },
    /// The connection ended before the answer did.
    #[error("broke off its answer")]
    Interrupted,
    /// Plain HTTP without `danger_plain_http`, and the name is not this machine's.
    #[error("resolves to {address}, and plain http is accepted only to a loopback address")]
    PlainHttpNotLoopback {
        /// The address.
        address: IpAddr,
    },
    /// The answer is not HTTP/1.1.
    #[error("does not answer valid HTTP/1.1: {cause}")]
    Protocol {
        /// What is wrong with it.
        cause: String,
    },
    /// The answer points elsewhere.
    #[error(
        "answered {status}, a redirect to {to}, and redirects are not followed; configure the final URL"
    )]
    Redirect {
        /// The status.
        status: u16,
        /// The host in backticks, or words for what is there instead of one.
        to: String,
    },
    /// The name has no address.
    #[error("cannot be resolved: {cause}")]
    Resolve {
        /// What the resolver said.
        cause: String,
    },
    /// The answer is not 200.
    #[error("answered {status}; expected 200")]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer took too long.
    #[error("did not answer within {limit:?}")]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// TLS failed: a certificate that is not believed, or no common version.
    #[error("failed the TLS handshake: {cause}")]
    Tls {
        /// What rustls said.
        cause: String,
    },
}

impl Fault {
    /// Whether the same request may succeed later, with nothing changed on our side. A wrong certificate may: the other
    /// side renews it.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Interrupted
            | Self::Resolve { .. }
            | Self::Timeout { .. }
            | Self::Tls { .. } => true,
            // Request Timeout, Too Early, Too Many Requests, and what is the server's own fault (RFC 9110 §15.6).
            Self::Status { status } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::AddressForbidden { .. }
            | Self::BodyTooLarge { .. }
            | Self::Encoded
            | Self::HeadTooLarge { .. }
            | Self::PlainHttpNotLoopback { .. }
            | Self::Protocol { .. }
            | Self::Redirect { .. } => false,
        }
    }
}
