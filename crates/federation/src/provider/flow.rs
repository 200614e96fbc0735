//! One sign-in: what is wished for, and what ties the answer to the request.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// What a sign-in is to establish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How sure the provider must be, the best first (`acr_values`); empty if that does not matter.
    pub acr_values: Vec<String>,
    /// Whether an answer with another `acr` is refused, rather than taken for less.
    pub acr_required: bool,
    /// How long ago the person may have signed in with the provider (`max_age`).
    pub max_age: Option<Duration>,
    /// Who it will probably be (`login_hint`).
    pub login_hint: Option<String>,
}

/// What ties an answer to its request. It is the caller's to keep, bound to the browser that began, and to use once.
#[derive(Clone, PartialEq, Eq)]
pub struct Flow {
    /// What comes back with the answer (RFC 6749 §4.1.1).
    pub state: String,
    /// What comes back in the ID token: of [`unguessable`].
    pub nonce: String,
    /// What only we can show when the code is redeemed (RFC 7636 §4.1): of [`unguessable`].
    pub verifier: String,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flow(…)")
    }
}

/// A new text of 256 random bits in 43 characters: a nonce, a verifier (RFC 7636 §7.1), a `jti`.
///
/// # Errors
/// If the random source fails.
pub fn unguessable(random: &dyn SecureRandom) -> Result<String, RandomFailed> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes).map_err(|_| RandomFailed)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The random source failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the random source failed")]
pub struct RandomFailed;
