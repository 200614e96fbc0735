//! Certificates from an ACME server (RFC 8555): ordered, kept, shown and renewed.

mod cache;
mod client;
mod error;
mod keeper;
mod order;
mod schedule;
#[cfg(test)]
mod test_server;

pub use error::AcmeError;
pub(super) use keeper::{Acme, DomainStatus};
