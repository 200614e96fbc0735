//! The ledger: what must last and be shared.

use ledger::state::{KeyPlace, LedgerPlace};

/// The ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Where it is.
    pub at: LedgerPlace,
    /// What secrets are sealed with.
    pub key: KeyPlace,
}
