//! The gate: who is asking, what they may do, and the [`Permit`] without which nothing is forwarded.
//!
//! Pure: no sockets, no files, no clock, no randomness. Every front door turns its bytes into one
//! [`CanonicalRequest`], hands it to the same [`Gate`], and can forward only with the permit
//! that comes back.

#[cfg(test)]
extern crate self as gate;

mod answer;
mod build;
mod by_name;
mod certificate;
mod denial;
mod evaluation;
#[doc(hidden)]
pub mod fuzz;
mod identity;
mod judge;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the invariants use what these do not")]
#[path = "../tests/invariants/support.rs"]
mod minting;
mod permit;
mod policy;
pub mod request;
pub mod route;
mod session;
mod sign_in_link;
pub mod spec;

pub use answer::Answer;
pub use build::BuildError;
pub use certificate::ClientCertificate;
pub use denial::{Denial, DenialKind, Forbidding, RelayRefusal};
pub use evaluation::{Evaluation, Evaluator, Matter, Thing};
pub use identity::{Caller, Credential, Identity};
pub use judge::{
    Counted, Explanation, Gate, IssuerKeys, Keys, Preflight, Surroundings, Verdict, Wanted,
};
pub use permit::{Permit, Standing, Watch};
pub use policy::{ConditionTrace, PolicyTrace, STANDARD_METHODS, TraceResult};
pub use request::CanonicalRequest;
pub use session::{FoundSession, SESSION_COOKIE, Session, SessionCookie, SessionRefusal, Sessions};
pub use sign_in_link::{MAX_RETURN_BYTES, SignInLink};

/// Our own endpoints on every host stand under this path, and no route reaches it.
pub const RESERVED_PREFIX: &str = "/.doorward";
