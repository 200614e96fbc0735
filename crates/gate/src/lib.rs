//! The gate: who is asking, what they may do, and the [`Permit`] without which nothing is forwarded.
//!
//! Pure: no sockets, no files, no clock, no randomness. Every front door turns its bytes into one
//! [`CanonicalRequest`], hands it to the same [`Gate`], and can forward only with the permit that comes back.

pub mod spec;
