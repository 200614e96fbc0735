//! Identities that nobody signed: what somebody would send who hopes that a service does not look.

use std::time::Duration;

use doors::IDENTITY_TYP;
use gate::spec::{IdentityField, IdentityForward};
use http::{HeaderMap, HeaderName, HeaderValue};
use ledger::Clock as _;
use serde_json::json;
use tokens::{Algorithm, SigningError, SigningKey, Timestamp};

use super::questions::{Question, Questions};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::entropy::{self, Entropy};

/// Who asks, for whoever reads the service's log.
const SUBJECT: &str = "doorward-doctor";

/// How long a forged identity is good for: as long as a real one may be.
const LIFETIME: Duration = Duration::from_secs(60);

/// As whom somebody comes.
#[derive(Clone, Debug)]
pub(super) enum Guise {
    /// As nobody.
    Nobody,
    /// With plain identity headers, for each question its own.
    PlainHeaders(Vec<HeaderMap>),
    /// With a signed identity in this header, for each question its own.
    Token(HeaderName, Vec<HeaderMap>),
}

impl Guise {
    /// The headers to send with the question of this index.
    pub(super) fn headers(&self, index: usize) -> HeaderMap {
        match self {
            Self::Nobody => HeaderMap::new(),
            Self::PlainHeaders(each) | Self::Token(_, each) => {
                each.get(index).cloned().unwrap_or_default()
            }
        }
    }
}

/// Makes identities up.
pub(super) struct Forger<'a> {
    config: &'a Config,
    key: SigningKey,
    entropy: Entropy,
    now: Timestamp,
}

impl<'a> Forger<'a> {
    pub(super) fn new(config: &'a Config) -> Result<Self, SigningError> {
        let entropy = entropy::system();
        let key = SigningKey::generate(Algorithm::Es256, &*entropy)?;
        Ok(Self { config, key, entropy, now: SystemClock.now() })
    }

    /// All guises in which a service is asked: with what it is told identities by.
    pub(super) fn guises(&self, service: &str, questions: &Questions) -> Vec<Guise> {
        let mut guises = vec![Guise::Nobody];
        let spec = self.config.gate.services.iter().find(|one| one.name == service);
        let Some(spec) = spec else { return guises };
        let each = |headers: &dyn Fn(&Question) -> HeaderMap| {
            questions.asked.iter().map(headers).collect::<Vec<_>>()
        };
        if !spec.identity.headers.is_empty() {
            guises.push(Guise::PlainHeaders(each(&|asked| plain(&spec.identity, asked))));
        }
        let name = spec.identity.token_header.as_ref();
        if let Some(name) = name.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok()) {
            let token = |asked: &Question| {
                let token = self.token(&spec.audience, asked);
                let value = token.and_then(|token| HeaderValue::try_from(token).ok());
                value.map(|value| HeaderMap::from_iter([(name.clone(), value)])).unwrap_or_default()
            };
            guises.push(Guise::Token(name.clone(), each(&token)));
        }
        guises
    }

    /// All that the real one says, signed with a key that nobody knows.
    fn token(&self, audience: &str, asked: &Question) -> Option<String> {
        let claims = json!({
            "iss": self.config.identity.as_ref()?.issuer,
            "aud": audience,
            "sub": format!("{}/{SUBJECT}", asked.issuer),
            "iat": self.now.as_secs(),
            "exp": self.now.plus(LIFETIME).as_secs(),
            "kind": "user",
            "idp": asked.issuer,
            "groups": asked.groups,
            "scope": asked.scopes.join(" "),
            "route": asked.route,
        });
        self.key.sign(IDENTITY_TYP, &claims, &*self.entropy).ok()
    }
}

/// The plain headers that the service is told identities by.
fn plain(identity: &IdentityForward, asked: &Question) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, field) in &identity.headers {
        let text = match field {
            IdentityField::Claim(_) | IdentityField::Subject => SUBJECT.to_owned(),
            IdentityField::Groups => asked.groups.join(","),
            IdentityField::Issuer => asked.issuer.clone(),
            IdentityField::Kind => "user".to_owned(),
            IdentityField::Scopes => asked.scopes.join(" "),
        };
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&text)) {
            headers.insert(name, value);
        }
    }
    headers
}
