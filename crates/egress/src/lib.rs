//! Egress: the one outbound HTTP client, with one policy.
//!
//! Whatever Doorward fetches (key sets, discovery documents) goes through [`Egress::get`], and what it asks of an ACME
//! server or an identity provider through [`Egress::send`]: HTTP/1.1 over TLS, bounded in time and size, never redirected, never compressed, one
//! connection each. What an operator wrote in the
//! configuration is a [`Destination::configured`] and may lie anywhere; what a fetched document named is a
//! [`Destination::learned`] and may lie only on the public internet, judged by the very address connected to.
//!
//! The proxy variables of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) are ignored: they
//! would move the check of the address to somebody else.

mod address;
mod client;
mod client_certificate;
mod connect;
mod destination;
mod error;
mod fetched;
mod freshness;
mod options;
mod resolve;
#[cfg(test)]
mod test_server;
mod trust;
mod url;

pub use address::AddressKind;
pub use client::Egress;
pub use client_certificate::ClientCertificate;
pub use destination::Destination;
pub use error::{EgressError, Fault};
pub use fetched::Fetched;
pub use freshness::Freshness;
pub use options::EgressOptions;
pub use resolve::{Resolve, Resolving, SystemResolver};
pub use trust::{TrustError, TrustRoots};
pub use url::UrlError;
