//! Signed identities for a service that checks them: those of a gate, and every kind that it must refuse.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokens::{Algorithm, SigningKey};

use crate::clock::epoch_seconds;
use crate::entropy;
use crate::message::Reader;

/// The `typ` of an identity.
const TYP: &str = "doorward-identity+jwt";

/// What stands before the point of a P-256 key in a SubjectPublicKeyInfo (RFC 5480 §2).
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What a service is shown.
#[derive(Clone, Debug)]
pub struct Case {
    /// In which way it is good or bad.
    pub name: &'static str,
    /// The values of the header, in order.
    pub values: Vec<String>,
    /// Whether it is to be believed.
    pub good: bool,
}

/// A gate's key, and what can be made with it and with others.
#[derive(Debug)]
pub struct Identities {
    key: SigningKey,
    issuer: String,
    audience: String,
}

impl Identities {
    /// With a new key.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn new(issuer: &str, audience: &str) -> Result<Self> {
        let key = SigningKey::generate(Algorithm::Es256, &entropy::source())?;
        Ok(Self { key, issuer: issuer.to_owned(), audience: audience.to_owned() })
    }

    /// The public key, for a key set.
    #[must_use]
    pub fn public_key(&self) -> Value {
        self.key.public_jwk()
    }

    /// A good one.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn good(&self) -> Result<String> {
        self.with(json!({}))
    }

    /// One that is good and each kind that is bad, each in one thing alone.
    ///
    /// # Errors
    /// If one cannot be made.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let good = self.good()?;
        let now = epoch_seconds();
        let [header, payload, signature] = parts(&good)?;
        let stranger = Self::new(&self.issuer, &self.audience)?;
        let claims = self.claims(json!({}));
        let mut cases = vec![case("good", [good.clone()], true)];
        for (name, changes) in [
            ("expired", json!({ "iat": now - 90, "exp": now - 30 })),
            ("from the future", json!({ "iat": now + 60, "exp": now + 120 })),
            ("for longer than a minute", json!({ "exp": now + 600 })),
            ("without an end", json!({ "exp": null })),
            ("without a beginning", json!({ "iat": null })),
            ("with an end that is a text", json!({ "exp": (now + 30).to_string() })),
            ("of another issuer", json!({ "iss": "https://other.test" })),
            ("of no issuer", json!({ "iss": null })),
            ("for another audience", json!({ "aud": "billing" })),
            ("for no audience", json!({ "aud": null })),
            ("of nobody", json!({ "sub": null })),
        ] {
            cases.push(case(name, [self.with(changes)?], false));
        }
        for (name, change) in [
            ("of another type", json!({ "typ": "at+jwt" })),
            ("of no type", json!({ "typ": null })),
            ("that says another algorithm", json!({ "alg": "ES384" })),
            ("that says no algorithm, and is signed", json!({ "alg": "none" })),
            ("that names no key", json!({ "kid": null })),
            ("with a critical header", json!({ "crit": ["x"], "x": true })),
            ("that is not encoded", json!({ "crit": ["b64"], "b64": false })),
        ] {
            let header = merged(self.header("ES256"), change).to_string();
            let random = entropy::source();
            let payload = claims.to_string();
            let token = self.key.sign_header(header.as_bytes(), payload.as_bytes(), &random)?;
            cases.push(case(name, [token], false));
        }
        let tampered = encoded(self.claims(json!({ "sub": "corp/mallory" })).to_string());
        let none = encoded(self.header("none").to_string());
        let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
        let header_of_ours = self.header("ES256").to_string();
        let usurped = stranger.key.sign_header(
            header_of_ours.as_bytes(),
            claims.to_string().as_bytes(),
            &entropy::source(),
        )?;
        cases.extend([
            case("of another key", [stranger.good()?], false),
            case("of another key under the name of ours", [usurped], false),
            case("with another payload", [format!("{header}.{tampered}.{signature}")], false),
            case("with alg none", [format!("{none}.{payload}.")], false),
            case("with alg none and a signature", [format!("{none}.{payload}.{signature}")], false),
            case("without a signature", [format!("{header}.{payload}.")], false),
            case("with a signature of zeros", [format!("{header}.{payload}.{zeros}")], false),
            case("with the public key as a secret", [self.confused()?], false),
            case("twice", [good.clone(), good.clone()], false),
            case("before a bad one", [good.clone(), "x".to_owned()], false),
            case("after a bad one", ["x".to_owned(), good.clone()], false),
            case("joined with itself", [format!("{good}, {good}")], false),
            case("with a word before it", [format!("Bearer {good}")], false),
            case("empty", [String::new()], false),
            case("not a token", ["a.b.c".to_owned()], false),
            Case { name: "missing", values: Vec::new(), good: false },
        ]);
        Ok(cases)
    }

    /// Signed as HS256 with what a verifier has at hand: the public key in PEM.
    fn confused(&self) -> Result<String> {
        let jwk = self.public_key();
        let mut point = P256_INFO.to_vec();
        point.push(4);
        for member in ["x", "y"] {
            let text = jwk.get(member).and_then(Value::as_str).context("expected a point")?;
            point.extend(URL_SAFE_NO_PAD.decode(text)?);
        }
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(point)
        );
        let header = encoded(self.header("HS256").to_string());
        let signed = format!("{header}.{}", encoded(self.claims(json!({})).to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }

    fn with(&self, changes: Value) -> Result<String> {
        Ok(self.key.sign(TYP, &self.claims(changes), &entropy::source())?)
    }

    fn header(&self, algorithm: &str) -> Value {
        json!({ "alg": algorithm, "kid": self.key.thumbprint().to_string(), "typ": TYP })
    }

    fn claims(&self, changes: Value) -> Value {
        let now = epoch_seconds();
        let usual = json!({
            "iss": self.issuer, "aud": self.audience, "sub": "corp/alice", "iat": now, "exp": now + 60,
            "kind": "user", "idp": "corp", "groups": ["support"], "scope": "read", "route": "all",
        });
        merged(usual, changes)
    }
}

/// A key set over HTTP that counts how often it is asked for. It serves until the test's process ends.
#[derive(Debug)]
pub struct Published {
    address: SocketAddr,
    text: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Published {
    /// One with these keys.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(keys: &[Value]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let published = Self {
            address: listener.local_addr()?,
            text: Arc::new(Mutex::new(String::new())),
            asked: Arc::default(),
        };
        published.publish(keys);
        let (text, asked) = (Arc::clone(&published.text), Arc::clone(&published.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = Reader::new(stream);
                let Ok(Some(_)) = reader.head() else { continue };
                asked.fetch_add(1, Ordering::SeqCst);
                let body = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/jwk-set+json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                // Who leaves before the answer has no keys, and the test will say so.
                let _ = reader.stream().write_all(answer.as_bytes());
            }
        });
        Ok(published)
    }

    /// Publishes these in place of those before.
    pub fn publish(&self, keys: &[Value]) {
        let text = json!({ "keys": keys }).to_string();
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    /// How often it was asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn case<const N: usize>(name: &'static str, values: [String; N], good: bool) -> Case {
    Case { name, values: values.to_vec(), good }
}

fn encoded(text: String) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn parts(token: &str) -> Result<[String; 3]> {
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().ok().context("expected three parts")
}

/// `usual` with these members in place of its own or beside them; a `null` takes one away.
fn merged(mut usual: Value, changes: Value) -> Value {
    if let (Some(all), Value::Object(changes)) = (usual.as_object_mut(), changes) {
        all.extend(changes);
        all.retain(|_, value| !value.is_null());
    }
    usual
}
