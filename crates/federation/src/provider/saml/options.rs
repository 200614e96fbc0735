//! What an operator says about a provider with SAML 2.0.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::saml::DecryptionKey;
use serde_json::json;
use tokens::{Digest, Mapping, SigningKey};

use super::super::revision::of_mapping;

/// How old an answer may be when it comes, unless an operator says otherwise.
pub const MAX_ANSWER_AGE: Duration = Duration::from_mins(5);

/// Changes with what the text says and how, so that no text of one form is one of another.
const FORM: &str = "doorward-saml-1";

/// A provider with SAML 2.0, as configured.
#[derive(Clone, Debug)]
pub struct SamlOptions {
    /// What the configuration calls it.
    pub name: Arc<str>,
    /// Its entity ID.
    pub issuer: String,
    /// What it calls us: our entity ID.
    pub entity_id: String,
    /// Where the answer goes. One of this provider's own.
    pub recipient: String,
    /// Where it sends people who sign out with it.
    pub logout: String,
    /// What we sign and decrypt with.
    pub keys: OurKeys,
    /// Whether it is asked to encrypt: some providers encrypt whenever they know a key, in ways that are not taken.
    pub encrypted: bool,
    /// Whether CBC is decrypted where a signature covers it.
    pub danger_cbc: bool,
    /// The format that the subject's name is wanted in.
    pub name_format: Option<String>,
    /// Where the facts stand in what the provider says: `/name_id`, `/name_id_format`, and `/attributes/NAME`, an array of
    /// texts.
    pub mapping: Mapping,
    /// Whether it may begin (IdP-initiated), and where that leads whom it does not send to a place of ours.
    pub idp_initiated: Option<IdpInitiated>,
    /// How far its clock may be from ours.
    pub skew: Duration,
    /// How old an answer may be when it comes.
    pub max_age: Duration,
}

/// A provider may begin. What it says then is no sign-in, which anybody could have made a browser bring: it makes us ask
/// the provider, which knows the person already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdpInitiated {
    /// Where people are led whom it sends to no place of ours: a URL of a host of ours.
    pub landing: Option<String>,
}

/// Our keys for a provider.
#[derive(Clone)]
pub struct OurKeys {
    /// What we sign with.
    pub signing: Arc<SigningKey>,
    /// Our certificates in DER: that of the key, and then those of keys to come.
    pub certificates: Vec<Vec<u8>>,
    /// The keys that it may encrypt for, with their certificates.
    pub decryption: Vec<(Vec<u8>, DecryptionKey)>,
}

impl OurKeys {
    /// The keys that it may encrypt for.
    #[must_use]
    pub(super) fn for_decryption(&self) -> Vec<DecryptionKey> {
        self.decryption.iter().map(|(_, key)| key.clone()).collect()
    }
}

/// How many there are alone.
impl fmt::Debug for OurKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (certificates, decryption) = (self.certificates.len(), self.decryption.len());
        write!(f, "OurKeys({certificates} certificates, {decryption} for decryption)")
    }
}

impl SamlOptions {
    /// The SHA-256 of everything in the options that shapes facts: whose word is taken, as said to whom, and where the
    /// facts stand. The same in every process.
    #[must_use]
    pub fn revision(&self) -> String {
        let mapping = of_mapping(&self.mapping);
        // Lists alone: the members of an object have no order of their own.
        let shape = json!([FORM, self.issuer, self.entity_id, self.name_format, mapping]);
        Digest::of(&shape.to_string()).to_string()
    }
}
