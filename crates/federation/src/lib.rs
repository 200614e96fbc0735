//! Federation: how people sign in with providers that others run.
//!
//! [`provider`] is the relying party of OpenID Connect, the client of OAuth 2.0 and the service provider of SAML 2.0: what
//! is asked of a provider, and what of its answers is believed; [`metadata`] is what is known of those with SAML. The reception is our own pages, where people sign in and out; sessions are what comes of it,
//! found without asking anyone.

mod form;
#[doc(hidden)]
pub mod fuzz;
pub mod metadata;
mod pages;
pub mod provider;
mod reception;
mod sessions;

pub use pages::{Html, PageOptions, Pages};
pub use reception::{Household, Offered, Reception, ReceptionOptions, Visit, tend};
pub use sessions::{Due, OUT_OF_SIGHT, Sessions, SessionsUnavailable, follow};
