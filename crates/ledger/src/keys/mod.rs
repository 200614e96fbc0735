//! Keys: those of the pinned issuers, fetched and kept fresh ([`KeyRings`]), and the gate's own ([`signing`]).
//!
//! Every decision is made by a state machine without I/O (`schedule.rs`, `ring.rs`, `signing/rotation.rs`); a task does
//! what it says.

mod error;
mod issuer;
mod metadata;
mod options;
mod ring;
mod rings;
mod schedule;
pub mod signing;
mod snapshot;
mod source;
mod status;
#[cfg(test)]
mod test_issuer;
mod timing;

pub use error::{KeyFetchError, KeyOptionsError};
pub use issuer::{IssuerKeys, RefetchOutcome, UNKNOWN_KID_WAIT};
pub use metadata::{EndpointAliases, IssuerMetadata, well_known};
pub use options::{IssuerKeyOptions, KeySource};
pub use rings::KeyRings;
pub use schedule::{DEFAULT_LIFETIME, FILE_POLL, FIRST_RETRY, LAST_RETRY};
pub use snapshot::{KeySnapshot, KeysUnavailable};
pub use source::MAX_FILE_BYTES;
pub use status::{IssuerState, IssuerStatus};
pub use timing::{KeyTiming, TimingError};
