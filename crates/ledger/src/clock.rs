//! What time it is, for the tasks that run by themselves.

use std::fmt;

use tokens::Timestamp;

/// Tells the time. The binary hands in the machine's clock, a test its own.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}
