//! ledger

pub mod audit;
pub mod keys;

mod clock;

pub use clock::Clock;
