//! Tokens: bytes in, facts out. JOSE parsing, verification, typed claims, signing and key sets.
//!
//! Pure: no sockets, no files, no clock, no randomness. What comes out of [`verify`](crate) is a fact that the gate
//! may judge by; what has not been verified is another type, and offers nothing to judge by.

mod time;

pub use time::Timestamp;
