//! A small world for tests: issuers that mint real tokens, a gate in front of two services, and requests to it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use gate::request::{RawRequest, Reading, Relay, Scheme};
use gate::spec::{
    Condition, GateSpec, IdentityForward, IssuerSpec, RouteMatch, RouteSpec, ServiceSpec,
};
use gate::{
    CanonicalRequest, ClientCertificate, Gate, Identity, IssuerKeys, Keys, Surroundings, Verdict,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tokens::{
    Absence, Algorithm, ClaimKind, ClaimSpec, ClaimValue, JsonPointer, KeySet, Profile,
    ProfileOptions, SigningKey, Timestamp, TokenCache, TokenType,
};

/// The moment around which tests play, in seconds.
pub(crate) const NOW: u64 = 1_700_000_000;

/// [`NOW`], and so many seconds.
pub(crate) fn after(seconds: u64) -> Timestamp {
    Timestamp::from_secs(NOW + seconds)
}

#[expect(clippy::disallowed_methods, reason = "signatures under test need real randomness")]
fn rng() -> SystemRandom {
    SystemRandom::new()
}

/// The signing key of this name; the same each time.
pub(crate) fn key(name: &str) -> &'static SigningKey {
    static KEYS: Mutex<Option<HashMap<String, &'static SigningKey>>> = Mutex::new(None);
    let mut keys = KEYS.lock().unwrap();
    let make = || Box::leak(Box::new(SigningKey::generate(Algorithm::Es256, &rng()).unwrap()));
    keys.get_or_insert_default().entry(name.to_owned()).or_insert_with(|| make())
}

/// The options of the issuer of this name: it tells groups and four claims, and its subjects are workloads when they
/// say so.
pub(crate) fn options(name: &str) -> ProfileOptions {
    let mut options = ProfileOptions::new(name, format!("https://{name}.example.com"));
    options.algorithms = vec![Algorithm::Es256];
    options.token_types = vec![TokenType::AtJwt];
    options.groups = Some(JsonPointer::parse("/groups").unwrap());
    options.subjects = tokens::SubjectRule::WorkloadWhen(tokens::ClaimTest::Equals(
        JsonPointer::parse("/kind").unwrap(),
        "workload".to_owned(),
    ));
    let claim = |name: &str, kind, absent| ClaimSpec {
        name: name.into(),
        from: JsonPointer::parse(&format!("/{name}")).unwrap(),
        kind,
        absent,
    };
    options.claims = vec![
        claim("suspended", ClaimKind::Bool, Absence::Required),
        claim("level", ClaimKind::Long, Absence::Default(ClaimValue::Long(0))),
        claim("email", ClaimKind::String, Absence::Ignore),
        claim("teams", ClaimKind::Strings, Absence::Default(ClaimValue::Strings(Vec::new()))),
    ];
    options
}

pub(crate) fn issuer(options: ProfileOptions) -> IssuerSpec {
    IssuerSpec::of_tokens(Profile::new(options).unwrap())
}

/// A token of the issuer of this name for `orders`, signed with its key, with these changes; `null` takes a claim away.
pub(crate) fn token(issuer: &str, changes: Value) -> String {
    token_signed_by(issuer, issuer, changes)
}

pub(crate) fn token_signed_by(key_name: &str, issuer: &str, changes: Value) -> String {
    let mut claims = json!({
        "iss": format!("https://{issuer}.example.com"), "sub": "alice", "aud": "orders",
        "client_id": "shop", "jti": "t-1", "iat": NOW, "exp": NOW + 300, "suspended": false,
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    key(key_name).sign("at+jwt", &claims, &rng()).unwrap()
}

/// The keys that issuers publish.
#[derive(Clone, Default)]
pub(crate) struct Ring(HashMap<String, Arc<KeySet>>);

impl Ring {
    /// Each issuer with the keys of these names.
    pub(crate) fn of(published: &[(&str, &[&str])]) -> Self {
        let set = |names: &[&str]| {
            let jwks: Vec<_> = names.iter().map(|name| key(name).public_jwk()).collect();
            let document = json!({ "keys": jwks }).to_string();
            Arc::new(KeySet::parse(document.as_bytes()).unwrap().set)
        };
        Self(published.iter().map(|(issuer, names)| ((*issuer).to_owned(), set(names))).collect())
    }

    /// `corp` and `partner`, each with its own key.
    pub(crate) fn usual() -> Self {
        Self::of(&[("corp", &["corp"]), ("partner", &["partner"])])
    }
}

impl Keys for Ring {
    fn keys_of(&self, issuer: &str) -> IssuerKeys {
        self.0.get(issuer).map_or(IssuerKeys::Unavailable, |set| IssuerKeys::Usable(set.clone()))
    }
}

/// The issuers `corp` and `partner`, the services `orders` and `billing`, and these routes.
pub(crate) fn spec(routes: Vec<RouteSpec>) -> GateSpec {
    let service = |name: &str| ServiceSpec {
        name: name.to_owned(),
        audience: name.to_owned(),
        identity: IdentityForward::default(),
    };
    GateSpec {
        issuers: vec![issuer(options("corp")), issuer(options("partner"))],
        services: vec![service("orders"), service("billing")],
        routes,
        ..GateSpec::default()
    }
}

/// A route to `orders` for `GET`, on any host, for identities of `corp`. It allows nobody yet.
pub(crate) fn route(name: &str, path: &str) -> RouteSpec {
    RouteSpec {
        name: name.to_owned(),
        matches: RouteMatch {
            host: "*".to_owned(),
            path: path.to_owned(),
            methods: vec!["GET".to_owned()],
        },
        service: "orders".to_owned(),
        accept: vec!["corp".to_owned()],
        ..RouteSpec::default()
    }
}

/// A [`route`] that allows everyone who is signed in.
pub(crate) fn open_route(name: &str, path: &str) -> RouteSpec {
    RouteSpec { allow: vec![authenticated()], ..route(name, path) }
}

pub(crate) fn authenticated() -> Condition {
    Condition { authenticated: true, ..Condition::default() }
}

pub(crate) fn anyone() -> Condition {
    Condition { anyone: true, ..Condition::default() }
}

pub(crate) fn in_groups(groups: &[&str]) -> Condition {
    Condition { groups: texts(groups), ..Condition::default() }
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn build(spec: &GateSpec) -> Gate {
    Gate::build(spec).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// What is wrong with a specification, each problem as `place: message`.
pub(crate) fn problems(spec: &GateSpec) -> Vec<String> {
    let errors = Gate::build(spec).err().unwrap_or_default();
    errors.iter().map(|error| format!("{}: {error}", error.place)).collect()
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: IpAddr,
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
    pub(crate) door: &'static str,
    pub(crate) relay: Option<Relay<'static>>,
}

/// `GET` of this target on `orders.example.com`.
pub(crate) fn get(target: &str) -> Ask {
    let peer = IpAddr::from([127, 0, 0, 1]);
    let ask = Ask {
        method: Method::GET,
        target: target.to_owned(),
        headers: HeaderMap::new(),
        peer,
        certificate: None,
        door: "proxy",
        relay: None,
    };
    ask.with("host", "orders.example.com")
}

impl Ask {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    pub(crate) fn by(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn on(mut self, host: &str) -> Self {
        self.headers.insert("host", HeaderValue::from_str(host).unwrap());
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.parse().unwrap();
        self
    }

    pub(crate) fn admit(&self, gate: &Gate, around: Surroundings<'_>) -> Verdict {
        let reading = Reading {
            identity_headers: gate.identity_headers().clone(),
            trusted_peers: vec!["10.0.0.0/8".parse().unwrap()],
            ..Reading::default()
        };
        gate.admit(&self.raw(), &reading, around)
    }

    /// Judged at [`NOW`] with the usual keys and without a cache.
    pub(crate) fn judged(&self, gate: &Gate) -> Verdict {
        self.admit(gate, around(&Ring::usual(), after(0)))
    }

    /// `permit`, or the code of the denial.
    pub(crate) fn outcome(&self, gate: &Gate) -> &'static str {
        code(&self.judged(gate))
    }

    pub(crate) fn read(&self) -> CanonicalRequest {
        CanonicalRequest::read(&self.raw(), &Reading::default()).unwrap()
    }

    fn raw(&self) -> RawRequest<'_> {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        RawRequest {
            method: &self.method,
            target_authority: None,
            target_scheme: None,
            path,
            query,
            headers: &self.headers,
            peer: self.peer,
            scheme: Scheme::Http,
            certificate: self.certificate.as_ref(),
            door: self.door,
            relay: self.relay,
        }
    }
}

/// A world with these keys, without a cache, where nobody signs in.
pub(crate) fn around(keys: &dyn Keys, now: Timestamp) -> Surroundings<'_> {
    Surroundings { now, keys, cache: None, sessions: None }
}

/// `permit`, or the code of the denial.
pub(crate) fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Denial(denial) => denial.code(),
        Verdict::Permit(_) => "permit",
        Verdict::Preflight(_) => gate::Preflight::CODE,
    }
}

/// Everything about a verdict that a caller or a record could tell apart.
pub(crate) fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Denial(denial) => format!(
            "{:?} {:?} {:?} {:?}",
            denial.kind(),
            denial.policies(),
            denial.errors(),
            denial.identity().map(|identity| identity.fingerprint().to_string()),
        ),
        Verdict::Permit(permit) => format!(
            "permit {} {:?} {:?} {:?} {}",
            permit.target().name(),
            permit.policies(),
            permit.errors(),
            permit.caller().identity().map(|identity| identity.fingerprint().to_string()),
            permit.ends_at().as_millis(),
        ),
        Verdict::Preflight(preflight) => format!("{:?}", preflight.answer()),
    }
}

pub(crate) fn cache() -> TokenCache<Identity> {
    TokenCache::new(64)
}
