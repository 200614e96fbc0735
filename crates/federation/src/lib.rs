//! Federation: how people sign in with providers that others run.
//!
//! [`provider`] is the relying party of OpenID Connect and the client of OAuth 2.0: what is asked of a provider, and what
//! of its answers is believed.

#[doc(hidden)]
pub mod fuzz;
pub mod provider;
