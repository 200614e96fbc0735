//! Signing in and out through the real binary, with the demo's provider: what an attacker may try on our own endpoints,
//! one row for each way, and what comes of it.

#[path = "sign_in/callbacks.rs"]
mod callbacks;
#[path = "sign_in/ended.rs"]
mod ended;
#[path = "sign_in/house.rs"]
mod house;
#[path = "sign_in/logouts.rs"]
mod logouts;
#[path = "sign_in/pages.rs"]
mod pages;
#[path = "sign_in/passes.rs"]
mod passes;
#[path = "sign_in/refused.rs"]
mod refused;
#[path = "sign_in/returns.rs"]
mod returns;
#[path = "sign_in/sessions.rs"]
mod sessions;
#[path = "sign_in/signing_out.rs"]
mod signing_out;
