//! A provider that speaks SAML 2.0: people are sent there with a request, and come back with an answer that says all.
//!
//! ```text
//! begin:   Wish, ID, state ─▶ AuthnRequest, signed ─▶ URL or form for the browser
//! finish:  form ─▶ saml::read_response ─▶ mapping ─▶ SignIn
//! assured: the facts, when their browser fetches them ─▶ as surely and as lately as was wished?
//! ```
//!
//! Nothing goes over the network here: the provider's [`SamlMetadata`] is known beforehand.

mod logout;
mod options;
mod presets;
mod refusal;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ::saml::{
    Answers, Assertion, AuthnRequest, Endpoint, Expectations, IdentityProvider, OurMetadata,
    ResponseRefusal, Role, SignError, SignatureRefusal, Signer, read_post,
};
use aws_lc_rs::rand::SecureRandom;
use tokens::json::{Object, Value};
use tokens::{Assurance, Digest, Excerpt, Facts, GroupPlace, Timestamp};

use super::flow::Wish;
use super::sign_in::{Keepsakes, Named, Sent, SignIn};
use crate::metadata::SamlMetadata;

use presets::ENTRA_LINK;

pub use logout::{Brought, SignOut, SignOutMessage};
pub use options::{IdpInitiated, MAX_ANSWER_AGE, OurKeys, SamlOptions};
pub use presets::{SAML_PRESETS, SamlPreset};
pub use refusal::{MetadataLacking, SamlError, SamlRefusal, SignOutRefusal};

#[cfg(test)]
#[path = "saml_tests.rs"]
mod tests;

/// A name that is another one in every session ([core] §8.3.8).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

/// An answer that was believed.
#[derive(Debug)]
pub struct Answered {
    /// Who has signed in.
    pub signed_in: SignIn,
    /// What stands for the assertion, which counts once ([profiles] §4.1.4.5).
    pub once: Digest,
    /// Until when it could be shown again.
    pub until: Timestamp,
}

/// A provider that people sign in with by SAML 2.0.
pub struct SamlProvider {
    options: SamlOptions,
    metadata: SamlMetadata,
    random: Arc<dyn SecureRandom + Send + Sync>,
}

impl SamlProvider {
    /// The provider of these options, and what is known about it.
    #[must_use]
    pub fn new(
        options: SamlOptions,
        metadata: SamlMetadata,
        random: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Self {
        Self { options, metadata, random }
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &SamlOptions {
        &self.options
    }

    /// What stands in the way of signing in with it, or soon may.
    #[must_use]
    pub fn trouble(&self, now: Timestamp) -> Option<String> {
        match (self.metadata(now), self.metadata.trouble()) {
            (Err(lacking), _) => Some(lacking.to_string()),
            (Ok(_), last) => {
                last.map(|last| format!("the provider's metadata is not had anew: {last}"))
            }
        }
    }

    /// What the provider is told about us.
    #[must_use]
    pub fn our_metadata(&self) -> String {
        let keys = &self.options.keys;
        let signing: Vec<_> = keys.certificates.iter().map(Vec::as_slice).collect();
        let encryption = keys.decryption.iter().filter(|_| self.options.encrypted);
        let encryption: Vec<_> = encryption.map(|(der, _)| der.as_slice()).collect();
        OurMetadata {
            entity_id: &self.options.entity_id,
            recipient: &self.options.recipient,
            logout: &self.options.logout,
            signing: &signing,
            encryption: &encryption,
            name_format: self.options.name_format.as_deref(),
        }
        .to_xml()
    }

    /// Where to send the browser: the provider's place for signing in, with the request of this ID, an NCName, and a state
    /// of at most 80 bytes ([bindings] §3.4.3).
    ///
    /// # Errors
    /// If it has no such place, nothing is known about it, or nothing can be signed.
    pub fn begin(
        &self,
        wish: &Wish,
        (id, state): (&str, &str),
        now: Timestamp,
    ) -> Result<Sent, SamlError> {
        let metadata = self.metadata(now)?;
        let destination = place(&metadata.sign_in).ok_or(SamlError::NoPlace)?;
        let request = AuthnRequest {
            id,
            issued: now,
            issuer: &self.options.entity_id,
            destination,
            recipient: &self.options.recipient,
            name_format: self.options.name_format.as_deref(),
            contexts: &wish.acr_values,
            // Nothing says how long ago would do: whoever is to have signed in lately signs in now.
            force: wish.max_age.is_some(),
        };
        let message = (Role::Request, request.to_xml());
        Ok(self.carried(&metadata.sign_in, destination, &message, Some(state))?)
    }

    /// Signs in whom an answer, the field of a form, is about, if it answers the request of this ID. Whether they are known
    /// as was wished is for [`SamlProvider::assured`].
    ///
    /// # Errors
    /// The first reason not to.
    pub fn finish(&self, field: &str, id: &str, now: Timestamp) -> Result<Answered, SamlRefusal> {
        let metadata = self.metadata(now)?;
        let keys = self.options.keys.for_decryption();
        let expected = Expectations {
            issuer: &self.options.issuer,
            audience: &self.options.entity_id,
            recipient: &self.options.recipient,
            answers: Answers::Request(id),
            certificates: &metadata.certificates,
            keys: &keys,
            danger_cbc: self.options.danger_cbc,
            skew: self.options.skew,
            max_age: self.options.max_age,
        };
        let answer = read_post(field)?;
        let read = ::saml::read_response(answer.as_bytes(), &expected, now);
        let assertion = read.inspect_err(|refusal| {
            if matches!(refusal, ResponseRefusal::Signature(SignatureRefusal::Forged)) {
                self.metadata.doubt();
            }
        })?;
        let by_name = self.options.mapping.subject().as_str() == "/name_id";
        if by_name && assertion.name_id.as_ref().is_some_and(|name| name.format == TRANSIENT) {
            return Err(SamlRefusal::Transient);
        }
        if assertion.attributes.contains_key(ENTRA_LINK) && self.groups_may_be_too_many() {
            return Err(SamlRefusal::GroupsElsewhere);
        }
        let assurance = Assurance {
            acr: assertion.context.clone(),
            amr: Vec::new(),
            auth_time: Some(assertion.authenticated_at),
        };
        let session = assertion.session_index.clone();
        let name = assertion.name_id.clone();
        let named = name.map(|name| Named { name, session: session.clone() });
        let session = named.as_ref().zip(session);
        let ends_at = assertion.session_until;
        if ends_at.is_some_and(|until| until <= now) {
            return Err(SamlRefusal::SessionOver);
        }
        let once = Digest::of(&format!("{} {}", self.options.name, assertion.id));
        let until = assertion.usable_until;
        let named_attributes: Vec<_> = assertion.attributes.keys().cloned().collect();
        let facts = self.options.mapping.facts(&document(assertion), assurance)?;
        if facts.groups.is_empty() && !self.options.mapping.groups().is_empty() {
            tracing::info!(
                provider = &*self.options.name,
                attributes = %Excerpt::of(&named_attributes.join(", ")),
                "the provider says no groups where `groups` points"
            );
        }
        let signed_in = SignIn {
            provider_session: session.map(|(named, index)| session_of(&named.name.value, &index)),
            ends_at,
            facts,
            keepsakes: Keepsakes { named, ..Keepsakes::default() },
        };
        Ok(Answered { signed_in, once, until })
    }

    /// Whether groups are taken from where Entra ID leaves them out if they are too many. Who is let in without them is not
    /// kept out by them.
    fn groups_may_be_too_many(&self) -> bool {
        let place = presets::entra_groups();
        self.options.mapping.groups().iter().any(
            |source| matches!(&source.place, GroupPlace::At(pointer) if pointer.as_str() == place),
        )
    }

    /// Whether somebody is known as surely and as lately as was wished.
    ///
    /// # Errors
    /// If they are not.
    pub fn assured(&self, facts: &Facts, wish: &Wish, now: Timestamp) -> Result<(), SamlRefusal> {
        let known = |context: &String| wish.acr_values.contains(context);
        if wish.acr_required && !facts.acr.as_ref().is_some_and(known) {
            return Err(SamlRefusal::Context);
        }
        let earliest = wish.max_age.map(|age| now.minus(age).minus(self.options.skew));
        if earliest.is_some_and(|earliest| facts.auth_time.is_none_or(|at| at < earliest)) {
            return Err(SamlRefusal::Old);
        }
        Ok(())
    }

    /// What is known about the provider now.
    fn metadata(&self, now: Timestamp) -> Result<Arc<IdentityProvider>, MetadataLacking> {
        let lacking = || MetadataLacking::Missing {
            why: self.metadata.trouble().unwrap_or_else(|| "it was not had yet".to_owned()),
        };
        let known = self.metadata.current().ok_or_else(lacking)?;
        match known.valid_until {
            Some(until) if until <= now => Err(MetadataLacking::Over),
            _ => Ok(known),
        }
    }

    /// How a browser carries a message of ours to `destination`, one of the places of `endpoint`.
    fn carried(
        &self,
        endpoint: &Endpoint,
        destination: &str,
        (role, message): &(Role, String),
        state: Option<&str>,
    ) -> Result<Sent, SignError> {
        let keys = &self.options.keys;
        let certificate = keys.certificates.first().map_or(&[][..], Vec::as_slice);
        let signer = Signer { key: &keys.signing, certificate };
        if endpoint.redirect.as_deref() == Some(destination) {
            let message = (*role, message.as_str());
            let url = ::saml::redirect(destination, message, state, Some(&signer), &*self.random)?;
            return Ok(Sent::Redirect(url));
        }
        let field = ::saml::post(message, Some(&signer), &*self.random)?;
        let state = state.map(|state| ("RelayState", state.to_owned()));
        let fields = [(role.parameter(), field)].into_iter().chain(state).collect();
        Ok(Sent::Form { to: destination.to_owned(), fields })
    }
}

impl fmt::Debug for SamlProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlProvider").field("name", &self.options.name).finish_non_exhaustive()
    }
}

/// The place of an endpoint that browsers are sent to, by a redirect rather than by a form.
fn place(endpoint: &Endpoint) -> Option<&str> {
    endpoint.redirect.as_deref().or(endpoint.post.as_deref())
}

/// What tells a session from all others of its provider: an index alone may come again with another subject ([core]
/// §2.7.2).
fn session_of(name: &str, index: &str) -> String {
    Digest::of(&format!("{name}\0{index}")).to_string()
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
