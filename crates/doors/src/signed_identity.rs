//! `Doorward-Identity`: who is calling, signed, short-lived, for one service.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use gate::route::Route;
use gate::{Caller, Identity, Permit};
use http::HeaderValue;
use ledger::keys::signing::SigningKeys;
use quick_cache::sync::Cache;
use serde_json::{Value, json};
use tokens::{Fingerprint, Revision, SubjectKind, Timestamp};

/// The `typ` of a signed identity: no other kind of token can be taken for one, nor one for another kind.
pub const IDENTITY_TYP: &str = "doorward-identity+jwt";

/// Signs identities.
///
/// A signed identity is the same for all requests of one token to one route for half its life, so it is kept: the key
/// holds everything that goes into it but the time.
pub struct IdentitySigner {
    issuer: String,
    lifetime: Duration,
    keys: Arc<SigningKeys>,
    random: Arc<dyn SecureRandom + Send + Sync>,
    signed: Cache<(Fingerprint, Revision, Arc<str>), Signed>,
}

#[derive(Clone)]
struct Signed {
    value: HeaderValue,
    audience: Arc<str>,
    until: Timestamp,
}

impl IdentitySigner {
    /// Signs as `issuer`, for `lifetime` (at most a minute), keeping up to `kept` signed identities.
    #[must_use]
    pub fn new(
        issuer: String,
        lifetime: Duration,
        keys: Arc<SigningKeys>,
        random: Arc<dyn SecureRandom + Send + Sync>,
        kept: usize,
    ) -> Self {
        Self { issuer, lifetime, keys, random, signed: Cache::new(kept) }
    }

    /// The public keys, as a JWK set.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Arc<str> {
        self.keys.jwks(now)
    }

    /// The signed identity for a permit's service; nothing for a caller without a credential.
    ///
    /// # Errors
    /// When it cannot be signed: the request must then not be forwarded.
    pub(crate) fn sign(
        &self,
        permit: &Permit<Route>,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, tokens::SigningError> {
        let Caller::Known(identity) = permit.caller() else {
            return Ok(None);
        };
        let route = permit.target();
        let audience = &route.service().audience;
        let key = (identity.fingerprint(), identity.profile_revision(), Arc::clone(route.name()));
        if let Some(signed) = self.signed.get(&key)
            && now < signed.until
            && signed.audience == *audience
        {
            return Ok(Some(signed.value));
        }
        // Never longer than the credential that it stands for.
        let ends = now.plus(self.lifetime).min(permit.ends_at()).min(identity.usable_until());
        let claims = self.claims(identity, route, now, ends);
        let token = self.keys.current(now).sign(IDENTITY_TYP, &claims, &*self.random)?;
        let mut value = HeaderValue::try_from(token).map_err(|_| tokens::SigningError::Encode)?;
        value.set_sensitive(true);
        let until = now.plus(ends.since(now) / 2);
        self.signed
            .insert(key, Signed { value: value.clone(), audience: Arc::clone(audience), until });
        Ok(Some(value))
    }

    fn claims(&self, identity: &Identity, route: &Route, now: Timestamp, ends: Timestamp) -> Value {
        let kind = match identity.kind() {
            SubjectKind::User => "user",
            SubjectKind::Workload => "workload",
        };
        let mut claims = json!({
            "iss": self.issuer,
            "aud": &*route.service().audience,
            "sub": identity.scoped_subject(),
            "iat": now.as_secs(),
            "exp": ends.as_secs(),
            "kind": kind,
            "idp": &**identity.issuer(),
            "groups": identity.groups().to_vec(),
            "scope": identity.scopes().to_vec().join(" "),
            "route": &**route.name(),
        });
        if let Some(client) = identity.client_id() {
            insert(&mut claims, "client_id", json!(client));
        }
        // RFC 8693 §4.1: the current actor outermost, the ones before it inside.
        let act = identity.actors().iter().rev().fold(None, |inner: Option<Value>, actor| {
            let mut act = json!({ "sub": actor.subject() });
            if let Some(issuer) = actor.issuer() {
                insert(&mut act, "iss", json!(issuer));
            }
            if let Some(inner) = inner {
                insert(&mut act, "act", inner);
            }
            Some(act)
        });
        if let Some(act) = act {
            insert(&mut claims, "act", act);
        }
        claims
    }
}

impl std::fmt::Debug for IdentitySigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentitySigner").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
