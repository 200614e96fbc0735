//! Signing in and out with SAML through the real binary, with a provider that says whatever a test wants: what an attacker
//! may try at our places for it, and what comes of it.

#[path = "saml/answers.rs"]
mod answers;
#[path = "saml/house.rs"]
mod house;
#[path = "saml/rollover.rs"]
mod rollover;
#[path = "saml/signing_out.rs"]
mod signing_out;
