//! A service that checks `Doorward-Identity` by itself, without asking anybody: what to copy into yours.
//!
//! [`Verifier`] is the check, [`Keys`] the keys that it checks with, [`service`] a service whose handlers cannot be
//! reached without a [`Caller`].

mod keys;
mod service;
mod verifier;

pub use keys::{Keys, KeysError};
pub use service::service;
pub use verifier::{Caller, Refusal, Verifier};
