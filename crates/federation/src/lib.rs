//! Federation: how people sign in with providers that others run.
//!
//! [`provider`] is the relying party of OpenID Connect and the client of OAuth 2.0: what is asked of a provider, and what
//! of its answers is believed.

mod form;
#[doc(hidden)]
pub mod fuzz;
pub mod provider;
mod reception;
mod sessions;

pub use reception::{
    CALLS_AT_ONCE, Desk, Household, MAX_FORM_BYTES, PageOptions, Reception, ReceptionOptions,
    SIGN_IN_WITHIN, Visit, run_errands,
};
pub use sessions::{
    AT_HAND, Errand, Kept, OUT_OF_SIGHT, Sessions, SessionsUnavailable, Tokens, follow,
};
