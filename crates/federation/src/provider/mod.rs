//! The relying party: sends people to a provider, and believes what comes back, or says why not.
//!
//! ```text
//! begin:  Wish + Flow ─▶ authorization request (pushed, where that is offered) ─▶ URL for the browser
//! finish: query ─▶ Answer ─▶ whose? ─▶ code ─▶ token answer ─▶ ID token ─▶ userinfo ─▶ mapping ─▶ SignIn
//! ```
//!
//! What is decided is decided in files without I/O; `relying_party.rs` puts them in order, `call.rs` does what goes over
//! the network. Nothing of a sign-in under way is kept here: the caller keeps its [`Flow`].

mod answer;
mod authorization;
mod believed;
mod call;
mod client_auth;
mod connect;
mod endpoints;
mod flow;
mod id_token;
mod logout_token;
mod options;
mod pages;
mod party;
pub mod presets;
mod refusal;
mod relying_party;
mod revision;
mod saml;
mod secret;
mod sign_in;
#[cfg(test)]
pub(crate) mod test_provider;
pub(crate) mod token_answer;
mod userinfo;

pub use answer::{Answer, AnswerError, AuthorizationError, MAX_ANSWER_BYTES, MAX_CODE_BYTES};
pub use believed::Unbelieved;
pub use call::CallError;
pub use client_auth::{ASSERTION_LIFETIME, ClientAuth, ClientAuthError};
pub use endpoints::EndpointsError;
pub use flow::{Flow, RandomFailed, Wish, unguessable};
pub use id_token::IdTokenRefusal;
pub use logout_token::{LogoutRefusal, LogoutToken};
pub use options::{
    MAX_ID_TOKEN_AGE, OAuth, Openid, OwnEndpoints, Protocol, ProviderOptions, ProviderOptionsError,
    Pushed,
};
pub use party::Party;
pub use refusal::{
    GrantRefusal, ProviderError, RefreshEnd, RefreshFailure, RefreshRefusal, SignInRefusal,
};
pub use relying_party::{Provider, Refreshed};
pub use saml::{
    Answered, Brought, IdpInitiated, MAX_ANSWER_AGE, MetadataLacking, OurKeys, SAML_PRESETS,
    SamlError, SamlOptions, SamlPreset, SamlProvider, SamlRefusal, SignOut, SignOutMessage,
    SignOutRefusal,
};
pub use secret::Secret;
pub use sign_in::{Keepsakes, Named, Sent, SignIn};
pub use token_answer::{MAX_TOKEN_ANSWER_BYTES, TokenAnswerError, TokenError};
pub use userinfo::UserinfoRefusal;
