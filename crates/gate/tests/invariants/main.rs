//! The invariants of the design, each with the tests that show it for the gate.

mod caches;
mod doors;
mod identities;
mod permits;
mod requests;
mod routes;
mod rules;
#[expect(dead_code, reason = "the tests inside the crate use what these do not")]
mod support;
