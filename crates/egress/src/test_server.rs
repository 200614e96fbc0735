//! A server for tests that says, byte for byte, what it was told to say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::client_certificate::ClientCertificate;

/// What the server does with one connection, after it has read the request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Writes this and closes.
    Close(Vec<u8>),
    /// Does not even shake hands: holds the connection until the other side lets go.
    Ignore,
    /// Writes this and then nothing, until the other side lets go.
    Stall(Vec<u8>),
}

/// A running server; it ends with the test.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    /// The requests, as they came.
    pub(crate) requests: mpsc::Receiver<String>,
}

impl TestServer {
    /// A server that answers the same on every connection.
    pub(crate) fn start(answer: Answer, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if let Answer::Ignore = answer {
                    let _ = stream.read_to_end(&mut Vec::new());
                } else if let Some(tls) = &tls {
                    let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                    serve(&mut StreamOwned::new(connection, stream), &answer, &seen);
                } else {
                    serve(&mut stream, &answer, &seen);
                }
            }
        });
        Self { address, requests }
    }

    /// A server that answers with these bytes and closes.
    pub(crate) fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        Self::start(Answer::Close(bytes.into()), None)
    }

    /// A server that answers 200 with these fields (each ended by CRLF) and this body.
    pub(crate) fn ok(fields: &str, body: &str) -> Self {
        Self::saying(ok(fields, body))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }
}

/// The bytes of a 200.
pub(crate) fn ok(fields: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}content-length: {}\r\n\r\n{body}", body.len())
}

/// A certificate authority of our own.
pub(crate) struct Authority {
    name: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { name: name.to_owned(), issuer }
    }

    pub(crate) fn file(&self, directory: &Path) -> PathBuf {
        let path = directory.join(format!("{}.pem", self.name));
        std::fs::write(&path, self.issuer.pem()).unwrap();
        path
    }

    /// A server with a certificate for `name`, valid from the one year to the other.
    pub(crate) fn server(&self, from: i32, to: i32, name: &str) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        self.certified(config, from, to, name)
    }

    /// The same, that asks who is there, and serves whom we vouch for.
    pub(crate) fn server_that_asks(&self, from: i32, to: i32, name: &str) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let roots = Arc::new(roots);
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.unwrap());
        self.certified(config, from, to, name)
    }

    /// A client that we vouch for.
    pub(crate) fn client(&self, directory: &Path) -> ClientCertificate {
        let params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.issuer).unwrap();
        let (chain, key) = (directory.join("client.pem"), directory.join("client.key"));
        std::fs::write(&chain, certificate.pem()).unwrap();
        std::fs::write(&key, pair.serialize_pem()).unwrap();
        ClientCertificate { chain, key }
    }

    fn certified(
        &self,
        config: ConfigBuilder<ServerConfig, WantsServerCert>,
        from: i32,
        to: i32,
        name: &str,
    ) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(pair.serialize_der().into());
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

fn serve(stream: &mut (impl Read + Write), answer: &Answer, seen: &mpsc::Sender<String>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    let _ = seen.send(String::from_utf8(request).unwrap());
    let (bytes, stalls) = match answer {
        Answer::Close(bytes) => (bytes, false),
        Answer::Stall(bytes) => (bytes, true),
        Answer::Ignore => return,
    };
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
    if stalls {
        let _ = stream.read_to_end(&mut Vec::new());
    }
}
