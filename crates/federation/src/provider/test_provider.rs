//! For tests: a provider on loopback that signs real tokens and answers as it is told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use egress::{Egress, EgressOptions, TrustRoots};
use ledger::Clock;
use ledger::keys::{IssuerKeyOptions, IssuerKeys, KeyRings, KeySource, KeyTiming};
use serde_json::{Value, json};
use tokens::{Algorithm, GroupSource, JsonPointer, Mapping, SigningKey, SubjectRule, Timestamp};

use super::flow::{Flow, Wish};
use super::options::{OAuth, Openid, Protocol, ProviderOptions};
use super::relying_party::Provider;
use super::secret::Secret;
use super::{Answer, ClientAuth, SignIn, SignInRefusal};
use crate::form::Parameters;

/// The moment at which tests play, in seconds.
pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const CLIENT: &str = "doorward";
pub(crate) const SECRET: &str = "s3cret/+ü";
pub(crate) const REDIRECT: &str = "https://sign-in.example.com/.doorward/callback/corp";
/// A good answer.
pub(crate) const ANSWER: &str = "code=code-1&state=state-1";
pub(crate) const ACCESS: &str = "access-token-1";

/// The provider's keys, and then a stranger's.
pub(crate) static KEYS: LazyLock<[SigningKey; 2]> =
    LazyLock::new(|| [0, 1].map(|_| SigningKey::generate(Algorithm::Es256, &*random()).unwrap()));

pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

#[expect(clippy::disallowed_methods, reason = "real keys need real randomness")]
pub(crate) fn random() -> Arc<SystemRandom> {
    Arc::new(SystemRandom::new())
}

/// A clock that stands where it is put.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicU64);

impl HandClock {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.as_millis()))
    }

    pub(crate) fn put(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Seen {
    /// A parameter of the form.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        Parameters::parse(&self.body).ok().unwrap().take(name)
    }
}

/// What is answered: status, fields each ended by CRLF, body.
pub(crate) type Reply = (u16, String, String);
type Handler = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// The provider. It ends with the test.
#[derive(Clone)]
pub(crate) struct TestProvider {
    pub(crate) url: String,
    pub(crate) clock: Arc<HandClock>,
    handlers: Arc<Mutex<HashMap<String, Handler>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl TestProvider {
    /// A provider with metadata, keys, and nothing else.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let clock = Arc::new(HandClock::at(now()));
        let this = Self { url, clock, handlers: Arc::default(), seen: Arc::default() };
        let server = this.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                server.serve(stream.unwrap());
            }
        });
        this.describe(json!({}));
        let keys = json!({ "keys": [KEYS[0].public_jwk()] });
        this.serve_json("/keys", 200, &keys);
        this
    }

    /// Publishes metadata with these changes; `null` takes a member away.
    pub(crate) fn describe(&self, changes: Value) {
        let url = &self.url;
        let metadata = json!({
            "issuer": url,
            "jwks_uri": format!("{url}/keys"),
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "end_session_endpoint": format!("{url}/logout?theme=dark"),
        });
        let metadata = changed(metadata, changes);
        self.serve_json("/.well-known/openid-configuration", 200, &metadata);
    }

    pub(crate) fn serve_json(&self, path: &str, status: u16, document: &Value) {
        let fields = "content-type: application/json\r\n".to_owned();
        let reply = (status, fields, document.to_string());
        self.handle(path, move |_| reply.clone());
    }

    pub(crate) fn handle(
        &self,
        path: &str,
        handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) {
        self.handlers.lock().unwrap().insert(path.to_owned(), Arc::new(handler));
    }

    /// How often the metadata were fetched.
    pub(crate) fn fetches(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.target == "/.well-known/openid-configuration").count()
    }

    /// The requests that were not for metadata or keys, since the last time.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.retain(|seen| !seen.target.starts_with("/.well-known/") && seen.target != "/keys");
        seen
    }

    /// Serves tokens: this ID token, if any, and what changes.
    pub(crate) fn serve_tokens(&self, id_token: Option<String>, changes: Value) {
        let answer = json!({
            "access_token": ACCESS, "token_type": "bearer", "expires_in": 300,
            "refresh_token": "refresh-token-1", "id_token": id_token,
        });
        let answer = changed(answer, changes);
        let answer =
            if id_token.is_none() { changed(answer, json!({ "id_token": null })) } else { answer };
        self.serve_json("/token", 200, &answer);
    }

    /// Serves an ID token with these changes, and gives the answer that it is had for.
    pub(crate) fn answer_with(&self, changes: Value) -> String {
        self.serve_tokens(Some(sign("JWT", &self.claims(&flow(), changes))), json!({}));
        ANSWER.to_owned()
    }

    /// The claims of a good ID token for this flow, with these changes.
    pub(crate) fn claims(&self, flow: &Flow, changes: Value) -> Value {
        let claims = json!({
            "iss": self.url, "sub": "alice", "aud": CLIENT, "iat": NOW, "exp": NOW + 300,
            "nonce": flow.nonce, "sid": "session-1", "acr": "gold", "amr": ["pwd", "otp"],
            "auth_time": NOW - 60, "groups": ["staff"],
        });
        changed(claims, changes)
    }

    pub(crate) fn openid(
        &self,
        change: impl FnOnce(&mut ProviderOptions, &mut Openid),
    ) -> Provider {
        let mut openid = Openid::new(self.url.clone(), vec![Algorithm::Es256]);
        let mapping = mapping("/sub", vec![GroupSource::at(pointer("/groups"))]);
        let protocol = Protocol::Openid(openid.clone());
        let mut options = ProviderOptions::new("corp", protocol, CLIENT, REDIRECT, mapping);
        options.client_auth = ClientAuth::SecretBasic(Secret::new(SECRET));
        change(&mut options, &mut openid);
        options.protocol = Protocol::Openid(openid);
        Provider::new(options, egress(), Some(self.keys()), random()).unwrap()
    }

    pub(crate) fn oauth(&self, change: impl FnOnce(&mut ProviderOptions, &mut OAuth)) -> Provider {
        let url = &self.url;
        let place = |name: &str| (name.to_owned(), format!("{url}/api/{name}"));
        let mut oauth = OAuth {
            issuer: None,
            authorization: format!("{url}/authorize"),
            token: format!("{url}/token"),
            userinfo: [place("orgs"), place("user")].into(),
        };
        let each =
            tokens::GroupPlace::Each { list: pointer("/orgs"), name: vec![pointer("/login")] };
        let groups = vec![GroupSource { place: each, prefix: "org:".into(), required: true }];
        let mapping = mapping("/user/id", groups);
        let protocol = Protocol::OAuth(oauth.clone());
        let mut options = ProviderOptions::new("hub", protocol, CLIENT, REDIRECT, mapping);
        change(&mut options, &mut oauth);
        options.protocol = Protocol::OAuth(oauth);
        Provider::new(options, egress(), None, random()).unwrap()
    }

    pub(crate) fn keys(&self) -> IssuerKeys {
        let timing = KeyTiming::default();
        let options = IssuerKeyOptions::new("corp", &self.url, KeySource::Discovery, false, timing);
        self.keys_of(options.unwrap())
    }

    pub(crate) fn keys_of(&self, options: IssuerKeyOptions) -> IssuerKeys {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        KeyRings::new(egress(), clock, 1).reconcile(vec![options]).remove(0)
    }

    /// A whole sign-in whose ID token has these changes and is signed with this key under this `typ`.
    pub(crate) async fn sign_in(
        &self,
        provider: &Provider,
        wish: &Wish,
        changes: Value,
    ) -> Result<SignIn, SignInRefusal> {
        let query = self.answer_with(changes);
        provider.finish(answer(&query), &flow(), wish, now()).await
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let mut words = line.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return };
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_owned(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let seen = Seen { method, target, headers, body };
        let path = seen.target.split('?').next().unwrap();
        let handler = self.handlers.lock().unwrap().get(path).cloned();
        let (status, fields, body) =
            handler.map_or((404, String::new(), String::new()), |handler| handler(&seen));
        self.seen.lock().unwrap().push(seen);
        let head = format!("HTTP/1.1 {status} X\r\n{fields}content-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}

pub(crate) async fn finish(
    provider: &Provider,
    query: &str,
    flow: Flow,
    now: Timestamp,
) -> Result<SignIn, SignInRefusal> {
    provider.finish(answer(query), &flow, &Wish::default(), now).await
}

pub(crate) fn flow() -> Flow {
    Flow { state: "state-1".to_owned(), nonce: "nonce-1".to_owned(), verifier: "v".repeat(43) }
}

pub(crate) fn answer(query: &str) -> Answer {
    Answer::parse(query).unwrap()
}

pub(crate) fn sign(typ: &str, claims: &Value) -> String {
    KEYS[0].sign(typ, claims, &*random()).unwrap()
}

pub(crate) fn pointer(text: &str) -> JsonPointer {
    JsonPointer::parse(text).unwrap()
}

pub(crate) fn mapping(subject: &str, groups: Vec<GroupSource>) -> Mapping {
    Mapping::new(pointer(subject), SubjectRule::User, groups, Vec::new()).unwrap()
}

/// `document` with these members; `null` takes one away.
pub(crate) fn changed(mut document: Value, changes: Value) -> Value {
    let members = document.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    document
}

/// An egress that believes no certificate there is.
pub(crate) fn egress() -> Arc<Egress> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let ca = rcgen::generate_simple_self_signed(vec!["ca.test".to_owned()]).unwrap();
    std::fs::write(&path, ca.cert.pem()).unwrap();
    let ca = TrustRoots::Files(vec![path]);
    Arc::new(Egress::new(EgressOptions { ca, ..EgressOptions::default() }).unwrap())
}
