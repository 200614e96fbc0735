//! Signing out with a provider, both ways ([profiles] §4.4), by the browser.

use ::saml::{
    DecryptionKey, IdentityProvider, LogoutExpectations, LogoutRefusal, LogoutRequest, Message,
    OurLogoutAnswer, OurLogoutRequest, Role, read_logout_answer, read_logout_request, read_post,
    read_redirect,
};
use tokens::{Digest, Timestamp};

use super::super::sign_in::{Named, Sent};
use super::{SamlProvider, SignOutRefusal, place, session_of};

/// What a provider wants to end: those of these sessions that there are.
#[derive(Debug, PartialEq, Eq)]
pub struct SignOut {
    /// The ID of the request, which our answer refers to and which comes once.
    pub id: String,
    /// What the answer brings back.
    pub relay_state: Option<String>,
    /// The digest of the subject's name.
    pub alias: Digest,
    /// The sessions, as [`super::SignIn::provider_session`] has them; empty for all of the subject.
    pub sessions: Vec<String>,
    /// Until when the request could be shown again.
    pub until: Timestamp,
}

/// What a browser has brought to our place for signing out.
#[derive(Debug)]
pub enum Brought {
    /// The fields of a form.
    Form {
        /// `SAMLRequest`.
        request: Option<String>,
        /// `SAMLResponse`.
        answer: Option<String>,
        /// `RelayState`.
        relay_state: Option<String>,
    },
    /// A query, as it came.
    Query(String),
}

/// What came to our place for signing out.
#[derive(Debug)]
pub enum SignOutMessage {
    /// The provider asks.
    Request(SignOut),
    /// The provider answers: the message, and what it brings back.
    Answer(Message, Option<String>),
}

/// Whether a query carries a message that nobody has signed.
fn is_unsigned(query: &str) -> bool {
    let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
    (has("SAMLRequest=") || has("SAMLResponse=")) && !has("Signature=")
}

impl SamlProvider {
    /// Reads what came to our place for signing out: a query, or the fields of a form with what they bring back.
    ///
    /// # Errors
    /// The first reason not to believe a request. An answer is read by [`SamlProvider::signed_out`].
    pub fn sign_out_message(
        &self,
        brought: Brought,
        now: Timestamp,
    ) -> Result<SignOutMessage, SignOutRefusal> {
        let metadata = self.metadata(now)?;
        let (role, message, relay_state) = match brought {
            // Both messages are signed ([profiles] §4.4.3.1, §4.4.4.1); what is not, is not even inflated.
            Brought::Query(query) if is_unsigned(&query) => {
                return Err(LogoutRefusal::Unsigned.into());
            }
            Brought::Query(query) => {
                let read = read_redirect(&query, &metadata.certificates)?;
                (read.role, read.message, read.relay_state)
            }
            Brought::Form { request: Some(field), answer: None, relay_state } => {
                (Role::Request, read_post(&field)?, relay_state)
            }
            Brought::Form { request: None, answer: Some(field), relay_state } => {
                (Role::Response, read_post(&field)?, relay_state)
            }
            Brought::Form { .. } => return Err(SignOutRefusal::Role),
        };
        match role {
            Role::Response => Ok(SignOutMessage::Answer(message, relay_state)),
            Role::Request => {
                let keys = self.options.keys.for_decryption();
                let expected = self.expected(&metadata, &keys);
                let request = read_logout_request(&message, &expected, now)?;
                let LogoutRequest { id, name_id, sessions, usable_until } = request;
                let sessions = sessions.iter().map(|index| session_of(&name_id, index)).collect();
                let alias = Digest::of(&name_id);
                let until = usable_until;
                Ok(SignOutMessage::Request(SignOut { id, relay_state, alias, sessions, until }))
            }
        }
    }

    /// Whether the provider has signed somebody out, as our request with this ID asked for.
    ///
    /// # Errors
    /// If it has not, or if that is not believed.
    pub fn signed_out(
        &self,
        message: &Message,
        request: &str,
        now: Timestamp,
    ) -> Result<(), SignOutRefusal> {
        let metadata = self.metadata(now)?;
        Ok(read_logout_answer(message, request, &self.expected(&metadata, &[]), now)?)
    }

    /// Where to send the browser to sign `named` out with the provider too; nothing if it has no such place, or none is
    /// known now. `id` is the request's, an NCName.
    #[must_use]
    pub fn end_session(
        &self,
        named: &Named,
        (id, state): (&str, &str),
        now: Timestamp,
    ) -> Option<Sent> {
        let metadata = self.metadata(now).ok()?;
        let destination = place(&metadata.logout)?;
        let request = OurLogoutRequest {
            id,
            issued: now,
            issuer: &self.options.entity_id,
            destination,
            audience: &self.options.issuer,
            name: &named.name,
            session: named.session.as_deref(),
        };
        let message = (Role::Request, request.to_xml());
        self.carried(&metadata.logout, destination, &message, Some(state)).ok()
    }

    /// How the browser carries our answer to a request; nothing if the provider has no place for it. `id` is the answer's.
    #[must_use]
    pub fn answer(&self, request: &SignOut, done: bool, id: &str, now: Timestamp) -> Option<Sent> {
        let metadata = self.metadata(now).ok()?;
        // A place for answers is one only where it says so (saml-metadata-2.0-os §2.2.2).
        let endpoint = [&metadata.logout_answers, &metadata.logout];
        let endpoint = endpoint.into_iter().find(|endpoint| place(endpoint).is_some())?;
        let destination = place(endpoint)?;
        let answer = OurLogoutAnswer {
            id,
            request: &request.id,
            issued: now,
            issuer: &self.options.entity_id,
            destination,
            done,
        };
        let message = (Role::Response, answer.to_xml());
        self.carried(endpoint, destination, &message, request.relay_state.as_deref()).ok()
    }

    fn expected<'a>(
        &'a self,
        metadata: &'a IdentityProvider,
        keys: &'a [DecryptionKey],
    ) -> LogoutExpectations<'a> {
        LogoutExpectations {
            issuer: &self.options.issuer,
            audience: &self.options.entity_id,
            recipient: &self.options.logout,
            certificates: &metadata.certificates,
            keys,
            danger_cbc: self.options.danger_cbc,
            skew: self.options.skew,
            max_age: self.options.max_age,
        }
    }
}
