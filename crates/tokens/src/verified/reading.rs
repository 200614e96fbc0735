//! From the payload of a token whose signature was verified to facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{SubjectKind, VerifiedToken};
use crate::actor::Actor;
use crate::claim::{Absence, ClaimKind, ClaimSpec, ClaimValue};
use crate::confirmation::Confirmation;
use crate::json::Value;
use crate::pointer::JsonPointer;
use crate::profile::{ClaimTest, Profile, SubjectRule, TokenType};
use crate::refusal::{Part, TokenRefusal};
use crate::registered::{Registered, strings};
use crate::scope::scopes;
use crate::thumbprint::Thumbprint;
use crate::unverified::UnverifiedToken;

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;

impl VerifiedToken {
    /// Reads the claims. The caller has verified the signature with `key`, and the issuer.
    pub(crate) fn read(
        token: &UnverifiedToken<'_>,
        token_type: &TokenType,
        key: Thumbprint,
        profile: &Profile,
    ) -> Result<Self, TokenRefusal> {
        let part = Part::Payload;
        let object = token.claims().ok_or(TokenRefusal::NotAnObject { part })?;
        let registered = Registered::of(object);
        let pointed = Pointed { document: token.document(), registered };
        let options = profile.options();

        let expires_at = registered.required("exp", registered.date("exp")?)?;
        let issued_at = registered.date("iat")?;
        let not_before = registered.date("nbf")?;
        let earliest = issued_at.max(not_before).unwrap_or_default();
        let end = issued_at.zip(options.max_age).map(|(issued_at, age)| issued_at.plus(age));
        let end = end.map_or(expires_at, |end| end.min(expires_at));

        let facts = Self {
            issuer: Arc::clone(&options.name),
            token_type: token_type.clone(),
            subject: registered.required("sub", registered.identifier("sub")?)?,
            kind: pointed.subject_kind(&options.subjects)?,
            audiences: audiences(registered)?,
            scopes: scopes(registered)?,
            groups: pointed.groups(options.groups.as_ref(), options.groups_required)?,
            claims: pointed.claims(&options.claims)?,
            client_id: registered.identifier("client_id")?,
            authorized_party: registered.identifier("azp")?,
            jti: registered.identifier("jti")?,
            issued_at,
            not_before,
            expires_at,
            usable_from: earliest.minus(options.skew),
            usable_until: end.plus(options.skew),
            acr: registered.identifier("acr")?,
            amr: registered.texts("amr")?,
            auth_time: registered.date("auth_time")?,
            actors: Actor::chain(registered)?,
            confirmation: Confirmation::read(registered)?,
            algorithm: token.algorithm(),
            key_id: token.key_id().map(str::to_owned),
            key_thumbprint: key,
            fingerprint: token.fingerprint(),
            presented: token.presented(),
            profile_revision: profile.revision(),
        };
        facts.check_completeness(profile)?;
        facts.check_lifetime(profile)?;
        Ok(facts)
    }

    /// What must be there by the type of the token, and by the profile.
    fn check_completeness(&self, profile: &Profile) -> Result<(), TokenRefusal> {
        let options = profile.options();
        let (aud, iat) = (!self.audiences.is_empty(), self.issued_at.is_some());
        // RFC 9068 §2.2, and OpenID Connect Core §2.
        let required: &[(&str, bool)] = match self.token_type {
            TokenType::AtJwt if options.strict_rfc9068 => &[
                ("aud", aud),
                ("iat", iat),
                ("client_id", self.client_id.is_some()),
                ("jti", self.jti.is_some()),
            ],
            TokenType::IdToken => &[
                ("aud", aud),
                ("iat", iat),
                ("azp", self.audiences.len() < 2 || self.authorized_party.is_some()),
            ],
            _ => &[],
        };
        let aged = options.max_age.is_some() || options.max_lifetime.is_some();
        let mut required = required.iter().copied().chain([("iat", iat || !aged)]);
        match required.find(|(_, there)| !there) {
            Some((name, _)) => Err(TokenRefusal::MissingClaim { name: name.into() }),
            None => Ok(()),
        }
    }

    fn check_lifetime(&self, profile: &Profile) -> Result<(), TokenRefusal> {
        let lifetime = self.issued_at.map(|issued_at| self.expires_at.since(issued_at));
        match (lifetime, profile.options().max_lifetime) {
            (Some(lifetime), Some(limit)) if lifetime > limit => {
                Err(TokenRefusal::Lifetime { lifetime, limit })
            }
            _ => Ok(()),
        }
    }
}

/// RFC 7519 §4.1.3: one string, or several.
fn audiences(token: Registered<'_>) -> Result<Vec<String>, TokenRefusal> {
    let mistyped = || token.mistyped("aud", "a string, or an array of strings, none empty");
    let audiences = match token.get("aud") {
        None => return Ok(Vec::new()),
        Some(Value::String(audience)) => Some(vec![audience.clone()]),
        Some(Value::Array(audiences)) => strings(audiences),
        Some(_) => None,
    };
    let sound = |all: &Vec<String>| !all.is_empty() && all.iter().all(|one| !one.is_empty());
    audiences.filter(sound).ok_or_else(mistyped)
}

/// Claims that stand where the configuration says.
struct Pointed<'a> {
    document: &'a Value,
    registered: Registered<'a>,
}

impl Pointed<'_> {
    fn claims(&self, specs: &[ClaimSpec]) -> Result<BTreeMap<Arc<str>, ClaimValue>, TokenRefusal> {
        let mut claims = BTreeMap::new();
        for spec in specs {
            if let Some(value) = spec.value(self.find(&spec.from)?)? {
                claims.insert(Arc::clone(&spec.name), value);
            }
        }
        Ok(claims)
    }

    fn groups(
        &self,
        from: Option<&JsonPointer>,
        required: bool,
    ) -> Result<Vec<String>, TokenRefusal> {
        let Some(from) = from else { return Ok(Vec::new()) };
        match self.find(from)? {
            Some(value) => texts(value).ok_or_else(|| mistyped(from, ClaimKind::Strings)),
            None if required => Err(missing(from)),
            None => Ok(Vec::new()),
        }
    }

    fn subject_kind(&self, rule: &SubjectRule) -> Result<SubjectKind, TokenRefusal> {
        let is_workload = match rule {
            SubjectRule::User => false,
            SubjectRule::Workload => true,
            SubjectRule::WorkloadWhen(test) => self.holds(test)?,
        };
        Ok(if is_workload { SubjectKind::Workload } else { SubjectKind::User })
    }

    fn holds(&self, test: &ClaimTest) -> Result<bool, TokenRefusal> {
        let text = |from: &JsonPointer| {
            let value = self.find(from)?;
            let text = |value: &Value| value.as_str().map(str::to_owned);
            value
                .map(|value| text(value).ok_or_else(|| mistyped(from, ClaimKind::String)))
                .transpose()
        };
        match test {
            ClaimTest::Equals(from, expected) => Ok(text(from)?.as_ref() == Some(expected)),
            ClaimTest::Present(from) => match self.find(from)? {
                Some(Value::Null) => Err(TokenRefusal::MistypedClaim {
                    name: from.as_str().into(),
                    expected: "anything but null",
                }),
                found => Ok(found.is_some()),
            },
            ClaimTest::Same(left, right) => {
                let (left, right) = (text(left)?, text(right)?);
                Ok(left.is_some() && left == right)
            }
        }
    }

    /// The claim at this place. One that the issuer keeps elsewhere is not absent: to take it for absent would let a
    /// subject in too many groups shed the one that is denied.
    fn find(&self, from: &JsonPointer) -> Result<Option<&Value>, TokenRefusal> {
        let found = from.apply(self.document);
        if found.is_none()
            && let Some(elsewhere) = self.registered.get("_claim_names")
        {
            let names = elsewhere
                .as_object()
                .ok_or_else(|| self.registered.mistyped("_claim_names", "an object"))?;
            if names.contains(from.first_step()) {
                return Err(TokenRefusal::DistributedClaim { name: from.as_str().into() });
            }
        }
        Ok(found)
    }
}

impl ClaimSpec {
    /// What stands in `document` where this says, as its type; `None` if it is absent and may be.
    ///
    /// # Errors
    /// If it is of another type, or absent where it must not be.
    pub fn read(&self, document: &Value) -> Result<Option<ClaimValue>, TokenRefusal> {
        self.value(self.from.apply(document))
    }

    fn value(&self, found: Option<&Value>) -> Result<Option<ClaimValue>, TokenRefusal> {
        match (found, &self.absent) {
            (Some(value), _) => typed(value, self.kind, &self.from).map(Some),
            (None, Absence::Default(value)) => Ok(Some(value.clone())),
            (None, Absence::Ignore) => Ok(None),
            (None, Absence::Required) => Err(missing(&self.from)),
        }
    }
}

fn typed(value: &Value, kind: ClaimKind, from: &JsonPointer) -> Result<ClaimValue, TokenRefusal> {
    let typed = match kind {
        ClaimKind::Bool => value.as_bool().map(ClaimValue::Bool),
        ClaimKind::Long => value.as_i64().map(ClaimValue::Long),
        ClaimKind::String => value.as_str().map(|text| ClaimValue::String(text.to_owned())),
        ClaimKind::Strings => texts(value).map(ClaimValue::Strings),
    };
    typed.ok_or_else(|| mistyped(from, kind))
}

/// An array of strings, or one string.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(elements) => strings(elements),
        _ => None,
    }
}

fn mistyped(from: &JsonPointer, kind: ClaimKind) -> TokenRefusal {
    TokenRefusal::MistypedClaim { name: from.as_str().into(), expected: kind.expected() }
}

fn missing(from: &JsonPointer) -> TokenRefusal {
    TokenRefusal::MissingClaim { name: from.as_str().into() }
}
