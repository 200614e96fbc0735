//! ledger

pub mod audit;
