//! The machine's source of randomness: the only place that makes one.

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Randomness as it is handed around.
pub type Entropy = Arc<dyn SecureRandom + Send + Sync>;

/// The machine's source of randomness.
#[must_use]
pub fn system() -> Entropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that makes a source of randomness"
    )]
    let source = SystemRandom::new();
    Arc::new(source)
}

/// A random number, for seeds.
#[must_use]
pub fn number(source: &Entropy) -> u64 {
    let mut bytes = [0; 8];
    // A seed spreads ids and timers; if the source fails, they are spread less, and nothing else is.
    let _ = source.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
