//! What policies see of the caller and the request, as Cedar entities.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use cedar_policy::{Context, Entities, Entity, EntityUid, RestrictedExpression as Value};
use http::HeaderMap;
use tokens::{ClaimValue, Timestamp, VerifiedCertificate, VerifiedToken, calendar};

use super::names::{EntityType, scoped};
use super::needs::{ContextMember, Needs};
use super::scope::is_issuer_name;
use crate::identity::{Credential, Identity};
use crate::request::{CanonicalRequest, folded};
use crate::route::Route;
use crate::session::Session;

/// Who a caller is, and what it is in: what policies are found by.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) kind: EntityType,
    pub(crate) uid: EntityUid,
    /// The principal itself, its groups and its issuer.
    pub(crate) keys: Vec<EntityUid>,
}

/// A caller as policies see it.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) membership: Membership,
    /// The principal alone, with everything that it is in, ready for a route to be put beside it.
    pub(crate) entities: Entities,
}

impl Membership {
    /// That of nobody in particular: a caller without a credential.
    fn anonymous() -> Self {
        let kind = EntityType::Anonymous;
        let uid = kind.named("anonymous");
        Self { kind, keys: vec![uid.clone()], uid }
    }

    /// That of a caller with a credential.
    pub(crate) fn of(identity: &Identity) -> Self {
        let (issuer, kind) = (identity.issuer(), EntityType::from(identity.kind()));
        let uid = kind.named(&scoped(issuer, identity.subject()));
        let groups = identity.groups().iter();
        let groups = groups.map(|group| EntityType::Group.named(&scoped(issuer, group)));
        let above = groups.chain([EntityType::Issuer.named(issuer)]);
        let keys = [uid.clone()].into_iter().chain(above).collect();
        Self { kind, uid, keys }
    }

    /// What the caller is in.
    fn above(&self) -> HashSet<EntityUid> {
        self.keys.iter().filter(|key| **key != self.uid).cloned().collect()
    }
}

impl Principal {
    /// Nobody in particular: a caller without a credential.
    pub(crate) fn anonymous() -> Self {
        let attributes = HashMap::from([
            text("issuer", ""),
            text("subject", ""),
            ("scopes".to_owned(), Value::new_set([])),
            ("actors".to_owned(), Value::new_set([])),
            ("amr".to_owned(), Value::new_set([])),
            ("claims".to_owned(), record(Vec::new())),
        ]);
        Self::with(Membership::anonymous(), attributes)
    }

    /// A caller with a credential, of this membership.
    pub(crate) fn of(identity: &Identity, membership: Membership) -> Self {
        let attributes = match identity.credential() {
            Credential::Certificate(certificate) => of_certificate(certificate),
            Credential::Session(session) => of_session(session),
            Credential::Token(token) => of_token(token),
        };
        Self::with(membership, attributes)
    }

    fn with(membership: Membership, attributes: HashMap<String, Value>) -> Self {
        let entities = alone(membership.uid.clone(), attributes, membership.above());
        Self { membership, entities }
    }
}

fn of_session(session: &Session) -> HashMap<String, Value> {
    let facts = &session.facts;
    let claims =
        facts.claims.iter().map(|(name, value)| (name.to_string(), claim(value))).collect();
    let mut attributes = HashMap::from([
        text("issuer", &session.provider),
        text("subject", &facts.subject),
        ("scopes".to_owned(), Value::new_set([])),
        ("actors".to_owned(), Value::new_set([])),
        ("amr".to_owned(), strings(facts.amr.iter().map(AsRef::as_ref))),
        ("claims".to_owned(), record(claims)),
    ]);
    attributes.extend(facts.acr.as_ref().map(|acr| text("acr", acr)));
    attributes.extend(facts.auth_time.map(|at| ("auth_time".to_owned(), datetime(at))));
    attributes
}

fn of_token(token: &VerifiedToken) -> HashMap<String, Value> {
    let issuer = token.issuer();
    let claims = token.claims().map(|(name, value)| (name.to_string(), claim(&value))).collect();
    let actors = token.actors().iter().map(|actor| {
        let name = match actor.issuer() {
            Some(issuer) => foreign(issuer, actor.subject()),
            None => scoped(issuer, actor.subject()),
        };
        Value::new_string(name)
    });
    let mut attributes = HashMap::from([
        text("issuer", issuer),
        text("subject", token.subject()),
        ("scopes".to_owned(), strings(token.scopes().iter())),
        ("actors".to_owned(), Value::new_set(actors)),
        ("amr".to_owned(), strings(token.amr().iter().map(AsRef::as_ref))),
        ("claims".to_owned(), record(claims)),
    ]);
    attributes.extend(token.client_id().map(|client| text("client", client)));
    attributes.extend(token.acr().map(|acr| text("acr", acr)));
    attributes.extend(token.auth_time().map(|at| ("auth_time".to_owned(), datetime(at))));
    attributes
}

fn of_certificate(certificate: &VerifiedCertificate) -> HashMap<String, Value> {
    HashMap::from([
        text("issuer", certificate.issuer()),
        text("subject", certificate.subject()),
        ("scopes".to_owned(), Value::new_set([])),
        ("actors".to_owned(), Value::new_set([])),
        ("amr".to_owned(), Value::new_set([])),
        ("claims".to_owned(), record(Vec::new())),
    ])
}

/// An actor that names its issuer itself: `https://idp.example.com alice`. What could pass for another pair of issuer and
/// subject, or for a scoped name such as `corp/alice`, is escaped.
fn foreign(issuer: &str, subject: &str) -> String {
    let issuer = issuer.replace('%', "%25").replace(' ', "%20");
    match issuer.split_once('/') {
        Some((name, rest)) if is_issuer_name(name) => format!("{name}%2F{rest} {subject}"),
        _ => format!("{issuer} {subject}"),
    }
}

/// A route with everything that stands above it.
pub(crate) fn route_entity(uid: EntityUid, above: impl IntoIterator<Item = EntityUid>) -> Entity {
    Entity::new_no_attrs(uid, above.into_iter().collect())
}

/// The facts about a request that a set of policies reads: `context`, and the entities that it points at.
///
/// # Errors
/// When Cedar cannot represent one of them; the decision is then a denial.
pub(crate) fn context(
    request: &CanonicalRequest,
    certificate: Option<&Identity>,
    route: &Route,
    now: Timestamp,
    needs: Needs,
) -> Result<(Context, Vec<Entity>), String> {
    let mut entities = Vec::new();
    let mut pairs = Vec::new();
    for member in ContextMember::ALL.into_iter().filter(|member| needs.has(*member)) {
        let value = match member {
            ContextMember::Certificate => match certificate {
                Some(shown) => {
                    record(vec![text("issuer", shown.issuer()), text("subject", shown.subject())])
                }
                None => continue,
            },
            ContextMember::Client => ip(request.client()),
            ContextMember::Door => Value::new_string(request.door().to_owned()),
            ContextMember::Headers => {
                let uid = EntityType::Names.named("headers");
                entities.push(names(uid.clone(), header_values(request.headers()))?);
                Value::new_entity_uid(uid)
            }
            ContextMember::Host => Value::new_string(request.host().name().to_owned()),
            ContextMember::Method => Value::new_string(request.method().as_str().to_owned()),
            ContextMember::Parameters => {
                let parameters = route.path().parameters(request.path());
                record(
                    parameters
                        .map(|(name, text)| (name.to_owned(), Value::new_string(text)))
                        .collect(),
                )
            }
            ContextMember::Path => Value::new_string(request.path().as_str().to_owned()),
            ContextMember::Peer => ip(request.peer()),
            ContextMember::Query => {
                let uid = EntityType::Names.named("query");
                let values = query_values(request.query().unwrap_or_default());
                entities.push(names(uid.clone(), values)?);
                Value::new_entity_uid(uid)
            }
            ContextMember::Scheme => Value::new_string(request.scheme().as_str().to_owned()),
            ContextMember::Time => datetime(now),
        };
        pairs.push((member.name().to_owned(), value));
    }
    let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
    Ok((context, entities))
}

/// Header names with all their values, as any reader might find them, so that a `forbid` cannot be dodged by spelling:
/// each line whole, and each part of it between commas; under the name as it was sent, and with `-` for `_`. A value
/// that is not UTF-8 is told with its other bytes replaced.
fn header_values(headers: &HeaderMap) -> HashMap<String, Vec<String>> {
    let mut values: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let parts = value.split(',').map(str::trim).filter(|part| *part != value);
        let readings: Vec<_> = [&*value].into_iter().chain(parts).map(ToOwned::to_owned).collect();
        let name = name.as_str();
        let twin = folded(name);
        if twin != name {
            values.entry(twin.into_owned()).or_default().extend(readings.iter().cloned());
        }
        values.entry(name.to_owned()).or_default().extend(readings);
    }
    values
}

/// Query parameters by name with all their values, decoded as HTML forms are (`+` is a space). A pair that holds `;` is
/// told whole and in its parts, because some readers take `;` for `&`.
fn query_values(query: &str) -> HashMap<String, Vec<String>> {
    let mut values: HashMap<String, Vec<String>> = HashMap::new();
    for pair in query.split('&') {
        let parts = pair.split(';').filter(|part| *part != pair);
        for pair in [pair].into_iter().chain(parts).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            values.entry(decode_form(name)).or_default().push(decode_form(value));
        }
    }
    values
}

fn decode_form(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                match (char::from(*high).to_digit(16), char::from(*low).to_digit(16)) {
                    (Some(high), Some(low)) => {
                        bytes.push(u8::try_from(high << 4 | low).unwrap_or_default());
                        rest = after;
                    }
                    _ => bytes.push(b'%'),
                }
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn names(uid: EntityUid, values: HashMap<String, Vec<String>>) -> Result<Entity, String> {
    let tags =
        values.into_iter().map(|(name, values)| (name, strings(values.iter().map(String::as_str))));
    Entity::new_with_tags(uid, [], [], tags).map_err(|error| error.to_string())
}

fn alone(
    uid: EntityUid,
    attributes: HashMap<String, Value>,
    parents: HashSet<EntityUid>,
) -> Entities {
    #[expect(
        clippy::expect_used,
        reason = "INVARIANT: no attribute here is built by an extension call that can fail"
    )]
    let entity = Entity::new(uid, attributes, parents).expect("plain attributes evaluate");
    #[expect(
        clippy::expect_used,
        reason = "INVARIANT: one entity is no duplicate, and is in groups and an issuer, never in itself"
    )]
    // To put one in costs a third of what it costs to begin with one.
    Entities::empty().add_entities([entity], None).expect("one entity is a hierarchy")
}

pub(crate) fn claim(value: &ClaimValue) -> Value {
    match value {
        ClaimValue::Bool(value) => Value::new_bool(*value),
        ClaimValue::Long(value) => Value::new_long(*value),
        ClaimValue::String(value) => Value::new_string(value.to_string()),
        ClaimValue::Strings(values) => strings(values.iter().map(AsRef::as_ref)),
    }
}

pub(crate) fn record(pairs: Vec<(String, Value)>) -> Value {
    // INVARIANT: no name stands twice, for none is declared twice; an empty record would fail the schema and deny.
    Value::new_record(pairs).unwrap_or_else(|_| Value::new_set([]))
}

fn strings<'a>(values: impl Iterator<Item = &'a str>) -> Value {
    Value::new_set(values.map(|value| Value::new_string(value.to_owned())))
}

pub(crate) fn text(name: &str, value: &str) -> (String, Value) {
    (name.to_owned(), Value::new_string(value.to_owned()))
}

fn ip(address: IpAddr) -> Value {
    Value::new_ip(address.to_canonical().to_string())
}

/// A moment as Cedar's `datetime`; the year 9999 is its last.
pub(crate) fn datetime(at: Timestamp) -> Value {
    Value::new_datetime(datetime_text(at))
}

fn datetime_text(at: Timestamp) -> String {
    const LAST_MILLIS: i64 = 253_402_300_799_999;
    let millis =
        i64::try_from(at.as_millis()).map_or(LAST_MILLIS, |millis| millis.min(LAST_MILLIS));
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = calendar::date(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1_000 % 60, rest % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
#[path = "entities_tests.rs"]
mod tests;
