//! A provider that speaks SAML 2.0: people are sent there with a request, and come back with an answer that says all.
//!
//! ```text
//! begin:  Wish + Flow ─▶ AuthnRequest, signed ─▶ URL for the browser
//! finish: form ─▶ saml::read_response ─▶ assurance ─▶ mapping ─▶ SignIn
//! ```
//!
//! Nothing goes over the network: the provider's metadata is known beforehand.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::saml::{
    Answers, Assertion, AuthnRequest, DecryptionKey, Expectations, IdentityProvider, OurMetadata,
    ResponseRefusal, Role, SignError, Signer,
};
use aws_lc_rs::rand::SecureRandom;
use thiserror::Error;
use tokens::json::{Object, Value};
use tokens::{Assurance, Mapping, MappingRefusal, SigningKey, Timestamp};

use super::flow::{Flow, Wish};
use super::relying_party::SignIn;

#[cfg(test)]
#[path = "saml_tests.rs"]
mod tests;

/// How old an answer may be when it comes, unless an operator says otherwise.
pub const MAX_ANSWER_AGE: Duration = Duration::from_mins(5);

/// A name that is another one in every session ([core] §8.3.8).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

/// A provider with SAML 2.0, as configured.
#[derive(Clone)]
pub struct SamlOptions {
    /// What the configuration calls it.
    pub name: Arc<str>,
    /// Its entity ID.
    pub issuer: String,
    /// What its metadata says of it.
    pub metadata: Arc<IdentityProvider>,
    /// What it calls us: our entity ID.
    pub entity_id: String,
    /// Where the answer goes. One of this provider's own.
    pub recipient: String,
    /// Where it sends people who sign out with it.
    pub logout: String,
    /// What we sign with.
    pub key: Arc<SigningKey>,
    /// Our certificates in DER: that of the key, and then those of keys to come.
    pub certificates: Vec<Vec<u8>>,
    /// The keys that it may encrypt for; the certificates of RSA keys are published for that.
    pub decryption: Vec<DecryptionKey>,
    /// Whether CBC is decrypted where a signature covers it.
    pub danger_cbc: bool,
    /// The format that the subject's name is wanted in.
    pub name_format: Option<String>,
    /// Where the facts stand in what the provider says: `/name_id`, `/name_id_format`, and `/attributes/NAME`, an array of
    /// texts.
    pub mapping: Mapping,
    /// How far its clock may be from ours.
    pub skew: Duration,
    /// How old an answer may be when it comes.
    pub max_age: Duration,
}

/// A provider that people sign in with by SAML 2.0.
pub struct SamlProvider {
    options: SamlOptions,
    random: Arc<dyn SecureRandom + Send + Sync>,
}

impl SamlProvider {
    /// The provider of these options.
    #[must_use]
    pub fn new(options: SamlOptions, random: Arc<dyn SecureRandom + Send + Sync>) -> Self {
        Self { options, random }
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &SamlOptions {
        &self.options
    }

    /// What the provider is told about us.
    #[must_use]
    pub fn our_metadata(&self) -> String {
        let signing: Vec<_> = self.options.certificates.iter().map(Vec::as_slice).collect();
        let encryption = if self.options.decryption.is_empty() { &[][..] } else { &signing };
        OurMetadata {
            entity_id: &self.options.entity_id,
            recipient: &self.options.recipient,
            logout: &self.options.logout,
            signing: &signing,
            encryption,
            name_format: self.options.name_format.as_deref(),
        }
        .to_xml()
    }

    /// Where to send the browser: the provider's place for signing in, with the request.
    ///
    /// # Errors
    /// If it has no such place by HTTP-Redirect, its metadata is over, or nothing can be signed.
    pub fn begin(&self, wish: &Wish, flow: &Flow, now: Timestamp) -> Result<String, SamlError> {
        let metadata = &self.options.metadata;
        if metadata.valid_until.is_some_and(|until| until <= now) {
            return Err(SamlError::MetadataOver);
        }
        let destination = metadata.sign_in.redirect.as_deref().ok_or(SamlError::NoPlace)?;
        let request = AuthnRequest {
            id: &request_id(flow),
            issued: now,
            issuer: &self.options.entity_id,
            destination,
            recipient: &self.options.recipient,
            name_format: self.options.name_format.as_deref(),
            contexts: &wish.acr_values,
            // Nothing says how long ago would do: whoever is to have signed in lately signs in now.
            force: wish.max_age.is_some(),
        };
        let certificate = self.options.certificates.first().map_or(&[][..], Vec::as_slice);
        let signer = Signer { key: &self.options.key, certificate };
        let (message, state) = (request.to_xml(), Some(flow.state.as_str()));
        let message = (Role::Request, message.as_str());
        Ok(::saml::redirect(destination, message, state, Some(&signer), &*self.random)?)
    }

    /// Signs in whom an answer is about. `flow` and `wish` are those that [`SamlProvider::begin`] was called with.
    ///
    /// # Errors
    /// The first reason not to.
    pub fn finish(
        &self,
        answer: &[u8],
        flow: &Flow,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<SignIn, SamlRefusal> {
        let metadata = &self.options.metadata;
        if metadata.valid_until.is_some_and(|until| until <= now) {
            return Err(SamlRefusal::MetadataOver);
        }
        let expected = Expectations {
            issuer: &self.options.issuer,
            audience: &self.options.entity_id,
            recipient: &self.options.recipient,
            answers: Answers::Request(&request_id(flow)),
            certificates: &metadata.certificates,
            keys: &self.options.decryption,
            danger_cbc: self.options.danger_cbc,
            skew: self.options.skew,
            max_age: self.options.max_age,
        };
        let assertion = ::saml::read_response(answer, &expected, now)?;
        self.assured(&assertion, wish, now)?;
        let by_name = self.options.mapping.subject().as_str() == "/name_id";
        if by_name && assertion.name_id.as_ref().is_some_and(|name| name.format == TRANSIENT) {
            return Err(SamlRefusal::Transient);
        }
        let assurance = Assurance {
            acr: assertion.context.clone(),
            amr: Vec::new(),
            auth_time: Some(assertion.authenticated_at),
        };
        let provider_session = assertion.session_index.clone();
        let facts = self.options.mapping.facts(&document(assertion), assurance)?;
        Ok(SignIn { facts, provider_session, id_token: None, refresh_token: None })
    }

    /// Whether somebody is known as surely and as lately as was wished.
    fn assured(
        &self,
        assertion: &Assertion,
        wish: &Wish,
        now: Timestamp,
    ) -> Result<(), SamlRefusal> {
        let known = |context: &String| wish.acr_values.contains(context);
        if wish.acr_required && !assertion.context.as_ref().is_some_and(known) {
            return Err(SamlRefusal::Context);
        }
        let earliest = wish.max_age.map(|age| now.minus(age).minus(self.options.skew));
        if earliest.is_some_and(|earliest| assertion.authenticated_at < earliest) {
            return Err(SamlRefusal::Old);
        }
        Ok(())
    }
}

impl fmt::Debug for SamlProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlProvider").field("name", &self.options.name).finish_non_exhaustive()
    }
}

/// The ID of the request of a sign-in: an NCName, which may not begin with a digit.
fn request_id(flow: &Flow) -> String {
    format!("_{}", flow.nonce)
}

/// What an assertion says, as a document in which facts are pointed at.
fn document(assertion: Assertion) -> Object {
    let text = |text: Option<String>| text.map_or(Value::Null, Value::String);
    let attributes: BTreeMap<_, _> = assertion
        .attributes
        .into_iter()
        .map(|(name, values)| (name, Value::Array(values.into_iter().map(text).collect())))
        .collect();
    let mut members = BTreeMap::from([("attributes".to_owned(), Value::Object(attributes.into()))]);
    if let Some(name) = assertion.name_id {
        members.insert("name_id".to_owned(), Value::String(name.value));
        members.insert("name_id_format".to_owned(), Value::String(name.format));
    }
    members.into()
}

/// Why nobody can be sent to a provider with SAML now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SamlError {
    /// Its metadata is no longer valid.
    #[error("the provider's metadata is no longer valid (`validUntil`)")]
    MetadataOver,
    /// It has no place that people are sent to.
    #[error("the provider's metadata has no SingleSignOnService by HTTP-Redirect")]
    NoPlace,
    /// The request cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl SamlError {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MetadataOver => "saml_metadata_over",
            Self::NoPlace => "saml_no_place",
            Self::Sign(_) => "saml_unsigned_request",
        }
    }
}

/// Why an answer of a provider with SAML signs nobody in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SamlRefusal {
    /// The subject signed in in another way than was asked for.
    #[error("the subject signed in in another way than was asked for (AuthnContextClassRef)")]
    Context,
    /// There are no facts in it.
    #[error("what the provider says is not mapped: {0}")]
    Mapping(#[from] MappingRefusal),
    /// The provider's metadata is no longer valid.
    #[error("the provider's metadata is no longer valid (`validUntil`)")]
    MetadataOver,
    /// The subject signed in too long ago.
    #[error("the subject signed in longer ago than was asked for (AuthnInstant)")]
    Old,
    /// It is not believed.
    #[error(transparent)]
    Response(#[from] ResponseRefusal),
    /// The name is another one in every session, and names nobody.
    #[error(
        "the subject is named for this session alone (transient): ask for another format, or let `subject` point at an attribute"
    )]
    Transient,
}

impl SamlRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Context => "saml_context",
            Self::Mapping(refusal) => refusal.code(),
            Self::MetadataOver => "saml_metadata_over",
            Self::Old => "saml_old",
            Self::Response(refusal) => refusal.code(),
            Self::Transient => "saml_transient",
        }
    }
}
