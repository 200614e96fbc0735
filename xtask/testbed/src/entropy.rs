//! The one place here that takes randomness from the machine.

use aws_lc_rs::rand::SystemRandom;

/// The machine's random source.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests of real processes sign with real keys")]
pub fn source() -> SystemRandom {
    SystemRandom::new()
}
