//! One Doorward with every door, an echo behind it, and what callers show.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::json;
use testbed::message::{Reader, Unframed};
use testbed::{Acting, Authority, Gateway, Issuer, Place, Port};
use tokens::Algorithm;

use super::requests::{Sent, Shown, Words};

const CONFIG: &str = include_str!("config.yaml");
const FLAG: &str = include_str!("flag.cedar");

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) ext_authz: Port,
    pub(crate) forward_auth: Port,
    pub(crate) words: Words,
    https: Port,
    authority: Authority,
    _service: Acting,
}

impl House {
    pub(crate) fn open() -> Result<Self> {
        Self::open_where(|text, _| Ok(text))
    }

    /// Opens one with another configuration, for which files may be written.
    pub(crate) fn open_where(
        change: impl FnOnce(String, &Place) -> Result<String>,
    ) -> Result<Self> {
        let service = Acting::start(echo)?;
        let place = Place::new()?;
        let [https, ext_authz, forward_auth] =
            [Port::reserve()?, Port::reserve()?, Port::reserve()?];
        let authority = Authority::new()?;
        let clients = Authority::new()?;
        let issuer = Issuer::new("https://idp.test", Algorithm::Es256)?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        place.write("app.pem", &authority.sign("app.test")?)?;
        place.write("clients.pem", &clients.pem())?;
        place.write("flag.cedar", FLAG)?;
        let text = [
            ("{http}", place.http()),
            ("{https}", https.address()),
            ("{ext_authz}", ext_authz.address()),
            ("{forward_auth}", forward_auth.address()),
            ("{admin}", place.admin()),
            ("{service}", service.address()),
        ]
        .iter()
        .fold(CONFIG.to_owned(), |text, (word, at)| text.replace(word, &at.to_string()));
        let audit = place.path("audit").display().to_string();
        let text = change(text.replace("{audit}", &audit), &place)?;
        place.write("doorward.yaml", &text)?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        let certificates = vec![
            Arc::new(shown(&clients, 0, "spiffe://corp.test/app")?),
            Arc::new(shown(&clients, 1, "spiffe://corp.test/other")?),
            Arc::new(shown(&clients, 2, "spiffe://elsewhere.test/app")?),
        ];
        let words = Words { tokens: tokens(&issuer)?, certificates };
        Ok(Self {
            place,
            gateway,
            ext_authz,
            forward_auth,
            words,
            https,
            authority,
            _service: service,
        })
    }

    /// A request that is permitted.
    pub(crate) fn good(&self) -> Sent {
        let token = self.words.tokens.first().map(|(_, token)| token.clone()).unwrap_or_default();
        Sent {
            method: "GET".to_owned(),
            host: "app.test".to_owned(),
            target: "/orders/7".to_owned(),
            lines: vec![("Authorization".to_owned(), format!("Bearer {token}"))],
            tls: false,
            certificate: None,
        }
    }

    /// A connection to the proxy door, over TLS or not, on which a certificate may be shown.
    pub(crate) fn connect(
        &self,
        tls: bool,
        shown: Option<&Shown>,
    ) -> Result<Reader<Box<dyn Line>>> {
        let at = if tls { self.https.address() } else { self.place.http() };
        let stream = connected(at)?;
        if !tls {
            return Ok(Reader::new(Box::new(stream)));
        }
        let client =
            ClientConnection::new(self.believing(shown)?, ServerName::try_from("app.test")?)?;
        Ok(Reader::new(Box::new(StreamOwned::new(client, stream))))
    }

    /// A client that believes it, and shows a certificate if it has one.
    pub(crate) fn believing(&self, shown: Option<&Shown>) -> Result<Arc<ClientConfig>> {
        match shown {
            Some(shown) => self.authority.client_showing(&shown.certificate, &shown.key),
            None => self.authority.client(),
        }
    }
}

/// What is read and written.
pub(crate) trait Line: Read + Write {}

impl<S: Read + Write> Line for S {}

fn connected(at: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    let patience = Some(std::time::Duration::from_secs(20));
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    Ok(stream)
}

/// A client certificate for a SPIFFE ID.
pub(crate) fn shown(authority: &Authority, number: usize, id: &str) -> Result<Shown> {
    let (certificate, key) = authority.sign_workload(id, "caller.test")?;
    Ok(Shown { number, certificate, key })
}

fn tokens(issuer: &Issuer) -> Result<Vec<(&'static str, String)>> {
    let stranger = Issuer::new("https://idp.test", Algorithm::Es256)?;
    let read = json!({ "scope": "orders:read", "groups": ["staff"] });
    let past = testbed::clock::epoch_seconds().saturating_sub(7_200);
    Ok(vec![
        ("{good}", issuer.token("alice", "app", read.clone())?),
        ("{weak}", issuer.token("alice", "app", json!({ "scope": "orders:write" }))?),
        ("{bob}", issuer.token("bob", "app", json!({ "groups": ["staff", "admins"] }))?),
        ("{admin}", issuer.token("mallory", "app", json!({ "groups": ["admins"] }))?),
        ("{expired}", issuer.token("alice", "app", json!({ "iat": past, "exp": past + 60 }))?),
        ("{stranger}", stranger.token("alice", "app", read.clone())?),
        ("{elsewhere}", issuer.token("alice", "other", read.clone())?),
        ("{revoked}", issuer.token("gone", "app", read)?),
    ])
}

/// Answers each request with its head.
fn echo(_: usize, reader: &mut Reader<TcpStream>) -> Result<()> {
    while let Some(head) = reader.head()? {
        let request = reader.body(head, Unframed::Empty)?;
        let body = request.head.raw;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let bodiless = body.starts_with(b"HEAD ");
        reader.stream_mut().write_all(head.as_bytes())?;
        if !bodiless {
            reader.stream_mut().write_all(&body)?;
        }
    }
    Ok(())
}

/// The header lines of an echoed request.
pub(crate) fn echoed(body: &[u8]) -> Result<Vec<(String, String)>> {
    let text = String::from_utf8_lossy(body).into_owned();
    let lines = text.split("\r\n").skip(1).take_while(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once(':').context("expected a header line")?;
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect()
}
