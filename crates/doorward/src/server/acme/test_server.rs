//! A server for tests that speaks as much ACME as an order takes. It believes everything.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SignatureAlgorithm,
};
use serde_json::{Value, json};
use tokens::Timestamp;
use tokio::net::TcpListener;

/// How it answers a new order.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    /// With what is no JSON.
    Garbage,
    /// By issuing a certificate that holds from then until then.
    Issue(Timestamp, Timestamp),
    /// With this status, and a wish to be left alone for so many seconds.
    Refuse(u16, u64),
}

/// A running server; it ends with the test.
#[derive(Debug)]
pub(super) struct TestServer {
    pub(super) url: String,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    url: String,
    authority: CertifiedIssuer<'static, KeyPair>,
    manner: Mutex<Manner>,
    orders: AtomicUsize,
    accounts: AtomicUsize,
    issued: Mutex<String>,
}

impl TestServer {
    /// Starts at `listener`.
    pub(super) fn start(listener: std::net::TcpListener, manner: Manner) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let state = Arc::new(State {
            url: url.clone(),
            authority,
            manner: Mutex::new(manner),
            orders: AtomicUsize::new(0),
            accounts: AtomicUsize::new(0),
            issued: Mutex::default(),
        });
        let served = Arc::clone(&state);
        let router = Router::new().fallback(move |uri: Uri, body: Bytes| {
            let state = Arc::clone(&served);
            async move { state.answer(uri.path(), &body) }
        });
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, state }
    }

    pub(super) fn behaves(&self, manner: Manner) {
        *self.state.manner.lock().unwrap() = manner;
    }

    /// How many orders there were.
    pub(super) fn orders(&self) -> usize {
        self.state.orders.load(Ordering::SeqCst)
    }

    /// How many accounts there are.
    pub(super) fn accounts(&self) -> usize {
        self.state.accounts.load(Ordering::SeqCst)
    }

    /// The certificate of its authority.
    pub(super) fn authority(&self) -> String {
        self.state.authority.pem()
    }
}

impl State {
    fn answer(&self, path: &str, body: &[u8]) -> (StatusCode, HeaderMap, String) {
        let at = |path: &str| format!("{}{path}", self.url);
        let mut headers = HeaderMap::new();
        headers.insert("replay-nonce", "once".parse().unwrap());
        let order = |status: &str| json!({ "status": status, "authorizations": [at("/authz")], "finalize": at("/finalize"), "certificate": at("/certificate") });
        let (status, said) = match path {
            "/directory" => (
                200,
                json!({ "newNonce": at("/nonce"), "newAccount": at("/account"), "newOrder": at("/new-order") }),
            ),
            "/account" => {
                self.accounts.fetch_add(1, Ordering::SeqCst);
                headers.insert("location", at("/account/1").parse().unwrap());
                (201, json!({ "status": "valid" }))
            }
            "/account/1" => (200, json!({ "status": "valid" })),
            "/new-order" => {
                self.orders.fetch_add(1, Ordering::SeqCst);
                headers.insert("location", at("/order").parse().unwrap());
                match &*self.manner.lock().unwrap() {
                    Manner::Garbage => return (StatusCode::OK, headers, "hello".to_owned()),
                    Manner::Issue(..) => (201, order("ready")),
                    Manner::Refuse(status, seconds) => {
                        headers.insert("retry-after", seconds.to_string().parse().unwrap());
                        (
                            *status,
                            json!({ "type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many\nof you" }),
                        )
                    }
                }
            }
            "/authz" => (
                200,
                json!({ "identifier": { "type": "dns", "value": "one.test" }, "status": "valid", "challenges": [] }),
            ),
            "/finalize" => {
                self.issue(body);
                (200, order("processing"))
            }
            "/order" => (200, order("valid")),
            "/certificate" => {
                return (StatusCode::OK, headers, self.issued.lock().unwrap().clone());
            }
            _ => (200, json!({})),
        };
        (StatusCode::from_u16(status).unwrap(), headers, said.to_string())
    }

    fn issue(&self, body: &[u8]) {
        let Manner::Issue(from, until) = self.manner.lock().unwrap().clone() else { return };
        let decoded = |value: &Value| URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap();
        let signed: Value = serde_json::from_slice(body).unwrap();
        let asked: Value = serde_json::from_slice(&decoded(&signed["payload"])).unwrap();
        let key = PublicKey::of(&decoded(&asked["csr"]));
        let mut params = CertificateParams::new(vec!["one.test".to_owned()]).unwrap();
        let at = |at: Timestamp| SystemTime::UNIX_EPOCH + Duration::from_millis(at.as_millis());
        params.not_before = at(from).into();
        params.not_after = at(until).into();
        *self.issued.lock().unwrap() = params.signed_by(&key, &self.authority).unwrap().pem();
    }
}

/// The key that a request is for.
struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Of a request in DER: it holds one bit string with an uncompressed point of 64 bytes.
    fn of(request: &[u8]) -> Self {
        let begin =
            request.windows(4).position(|four| four == [0x03, 0x42, 0x00, 0x04]).unwrap() + 3;
        Self(request[begin..begin + 65].to_vec())
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
