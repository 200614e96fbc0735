//! What lasts: issuers' keys and our own ([`keys`]), the audit log ([`audit`]), and state that replicas share ([`state`]).

pub mod audit;
pub mod keys;
pub mod state;

mod clock;
mod operator_key;
mod sealing;

pub use clock::Clock;
pub use operator_key::{OPERATOR_KEY_BYTES, OperatorKey, OperatorKeyError};
pub use sealing::{SEAL_BYTES, SealError, Sealer};
