//! One Doorward with HTTPS and HTTP, a service of HTTP/2 behind it, and clients of both.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::json;
use testbed::{Gateway, Issuer, Place, Port};
use tokens::Algorithm;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const CONFIG: &str = include_str!("config.yaml");
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An authority, and what it signs.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `name`, with the SPIFFE ID of the service `app` beside it, and its key.
    pub(crate) fn sign(&self, name: &str) -> Result<String> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.subject_alt_names.push(rcgen::SanType::URI("spiffe://corp.test/app".try_into()?));
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(certificate.pem() + &key.serialize_pem())
    }

    /// A client certificate for the SPIFFE ID `id`, and its key.
    pub(crate) fn sign_client(&self, id: &str) -> Result<Shown> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![rcgen::SanType::URI(id.try_into()?)];
        let certificate = params.signed_by(&key, &self.0)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        Ok(Shown { certificate: certificate.der().clone(), key })
    }

    /// A client that believes it alone, asks for `protocols` and has `shown`.
    fn connector(&self, protocols: &[&[u8]], shown: Option<&Shown>) -> Result<TlsConnector> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match shown {
            Some(shown) => config
                .with_client_auth_cert(vec![shown.certificate.clone()], shown.key.clone_key())?,
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// A client certificate, and its key.
pub(crate) struct Shown {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// The body of a service's answer.
pub(crate) type Body = BoxBody<Bytes, Infallible>;
/// A request that a service saw: its head, and its body with what came after it.
pub(crate) type Seen = (http::request::Parts, Bytes, Option<http::HeaderMap>);

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) issuer: Issuer,
    pub(crate) authority: Authority,
    /// Whose client certificates are believed.
    pub(crate) clients: Authority,
    https: Port,
    service: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl House {
    /// Opens one, with a service that answers with `answer`.
    pub(crate) async fn open(
        answer: impl Fn() -> Response<Body> + Send + Sync + 'static,
    ) -> Result<Self> {
        let (authority, clients) = (Authority::new()?, Authority::new()?);
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let service = serve(&authority, Arc::clone(&seen), Arc::new(answer)).await?;
        let issuer = Issuer::new("https://idp.corp.test", Algorithm::Es256)?;
        let (place, https) = (Place::new()?, Port::reserve()?);
        place.write("keys.json", &issuer.key_set().to_string())?;
        place.write("ca.pem", &authority.pem())?;
        place.write("clients.pem", &clients.pem())?;
        place.write("decisions.cedar", "permit (principal, action, resource);")?;
        place.write("other-ca.pem", &Authority::new()?.pem())?;
        place.write("app.pem", &authority.sign("app.test")?)?;
        configure(&place, &https, service, "")?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { place, gateway, issuer, authority, clients, https, service, seen })
    }

    /// Opens one, with a service that reads no body: it answers at once, with an end or (`endless`) without.
    pub(crate) async fn open_deaf() -> Result<Self> {
        Self::open_before(|stream| async move {
            let service = service_fn(|request: Request<Incoming>| async move {
                let endless = request.uri().path().ends_with("endless");
                let (_, body) = request.into_parts();
                // Neither read nor dropped, so that its window is never opened.
                std::mem::forget(body);
                Ok::<_, Infallible>(Response::new(if endless { never() } else { whole("ok") }))
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        })
        .await
    }

    /// Opens one, with a service that does not begin with the first request for each path under `/open/refused`, and
    /// answers the next.
    pub(crate) async fn open_refusing() -> Result<Self> {
        let refused: Arc<Mutex<HashSet<String>>> = Arc::default();
        Self::open_before(move |stream| {
            let refused = Arc::clone(&refused);
            async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((request, mut answer))) = connection.accept().await {
                    let path = request.uri().path().to_owned();
                    let known = !refused
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .insert(path.clone());
                    if path.starts_with("/open/refused") && !known {
                        answer.send_reset(h2::Reason::REFUSED_STREAM);
                    } else if let Ok(mut body) = answer.send_response(Response::new(()), false) {
                        let _ = body.send_data(Bytes::from_static(b"ok"), true);
                    }
                }
            }
        })
        .await
    }

    /// Opens one before a service that does `serve` on each connection, and answers `/open/whole` with `ok`.
    async fn open_before<F, S>(serve: F) -> Result<Self>
    where
        F: Fn(tokio_rustls::server::TlsStream<TcpStream>) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let mut house = Self::open(|| Response::new(whole(""))).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        house.service = listener.local_addr()?;
        let tls = acceptor(&house.authority)?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = tls.accept(stream).await {
                    tokio::spawn(serve(stream));
                }
            }
        });
        configure(&house.place, &house.https, house.service, "")?;
        house.gateway.reload()?;
        tokio::time::timeout(PATIENCE, async {
            let ask = || async {
                let mut request = Request::new(whole(""));
                *request.uri_mut() = "https://app.test/open/whole".parse().unwrap_or_default();
                let answer = house.http2().await?.send_request(request).await?;
                anyhow::Ok(answer.into_body().collect().await?.to_bytes())
            };
            while ask().await.ok().is_none_or(|body| body != "ok") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await?;
        Ok(house)
    }

    /// Opens one whose plain HTTP leads to HTTPS; says at which port that is.
    pub(crate) async fn open_redirecting() -> Result<(Self, u16)> {
        let Self { place, gateway, https, service, issuer, authority, clients, seen } =
            Self::open(|| Response::new(whole("ok"))).await?;
        gateway.stop()?;
        let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
        place.write(
            "doorward.yaml",
            &text.replacen("  http:", "  redirect_to_https: true\n  http:", 1),
        )?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        let port = https.address().port();
        Ok((Self { place, gateway, https, service, issuer, authority, clients, seen }, port))
    }

    /// Opens one that takes the PROXY protocol from `peers`, and has little patience.
    pub(crate) async fn open_told(peers: &str) -> Result<Self> {
        let Self { place, gateway, https, service, issuer, authority, clients, seen } =
            Self::open(|| Response::new(whole("ok"))).await?;
        gateway.stop()?;
        let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
        let text = text.replacen("  http:", "  proxy_protocol: true\n  http:", 1);
        let text = text.replacen("limits: {", "limits: { header_timeout: 500ms,", 1);
        place.write("doorward.yaml", &format!("trusted_peers: [{peers}]\n{text}"))?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { place, gateway, https, service, issuer, authority, clients, seen })
    }

    pub(crate) fn revoke_alice(&self) -> Result<()> {
        self.revoke("corp/alice")
    }

    pub(crate) fn revoke(&self, subject: &str) -> Result<()> {
        configure(&self.place, &self.https, self.service, subject)?;
        self.gateway.reload()
    }

    pub(crate) fn token(&self) -> Result<String> {
        self.issuer.token("alice", "app", json!({}))
    }

    /// What the service saw since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// A TLS connection to the door, and the certificate that it showed.
    pub(crate) async fn tls(
        &self,
        name: &str,
        protocols: &[&[u8]],
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
        self.tls_showing(name, protocols, None).await
    }

    async fn tls_showing(
        &self,
        name: &str,
        protocols: &[&[u8]],
        shown: Option<&Shown>,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.https.address()).await?;
        self.tls_over(stream, name, protocols, shown).await
    }

    /// TLS over a connection that has said something else before.
    pub(crate) async fn tls_over(
        &self,
        stream: TcpStream,
        name: &str,
        protocols: &[&[u8]],
        shown: Option<&Shown>,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned())?;
        Ok(self.authority.connector(protocols, shown)?.connect(name, stream).await?)
    }

    /// Where HTTPS is.
    pub(crate) fn https(&self) -> SocketAddr {
        self.https.address()
    }

    pub(crate) async fn http2(&self) -> Result<http2::SendRequest<Body>> {
        speak_http2(self.tls("app.test", &[b"h2"]).await?).await
    }

    /// HTTP/2 of a client that shows a certificate.
    pub(crate) async fn http2_showing(&self, shown: &Shown) -> Result<http2::SendRequest<Body>> {
        speak_http2(self.tls_showing("app.test", &[b"h2"], Some(shown)).await?).await
    }

    /// HTTP/2 with prior knowledge.
    pub(crate) async fn http2_plain(&self) -> Result<http2::SendRequest<Body>> {
        speak_http2(TcpStream::connect(self.place.http()).await?).await
    }

    pub(crate) async fn http1(&self) -> Result<http1::SendRequest<Body>> {
        let stream = self.tls("app.test", &[b"http/1.1"]).await?;
        speak_http1(stream).await
    }
}

pub(crate) async fn speak_http1<S>(stream: S) -> Result<http1::SendRequest<Body>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

pub(crate) async fn speak_http2<S>(stream: S) -> Result<http2::SendRequest<Body>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn configure(place: &Place, https: &Port, service: SocketAddr, revoked: &str) -> Result<()> {
    let text = CONFIG.replace("{service}", &service.to_string()).replace("{revoked}", revoked);
    let (listen, rest) = text.split_once("---\n").context("expected two parts")?;
    let address = https.address().to_string();
    let (http, admin, audit) = (place.http(), place.admin(), place.path("audit"));
    let listen = listen
        .replace("{http}", &http.to_string())
        .replace("{https}", &address)
        .replace("{admin}", &admin.to_string())
        .replace("{audit}", &audit.display().to_string());
    place.write("doorward.yaml", &(listen + rest))
}

/// A service of HTTP/2 over TLS, and, for those who do not ask for it, without.
async fn serve(
    authority: &Authority,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<dyn Fn() -> Response<Body> + Send + Sync>,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let tls = acceptor(authority)?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let (tls, seen, answer) = (tls.clone(), Arc::clone(&seen), Arc::clone(&answer));
            tokio::spawn(async move {
                let mut first = [0; 1];
                // A TLS handshake begins with the record type 22.
                let _ = stream.peek(&mut first).await;
                if first == [22] {
                    if let Ok(stream) = tls.accept(stream).await {
                        answer_all(stream, seen, answer).await;
                    }
                } else {
                    answer_all(stream, seen, answer).await;
                }
            });
        }
    });
    Ok(address)
}

/// The service's side of TLS, with a certificate of its own.
fn acceptor(authority: &Authority) -> Result<TlsAcceptor> {
    use rustls::pki_types::pem::PemObject as _;
    let pem = authority.sign("service.test")?;
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes())?;
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn answer_all<S>(
    stream: S,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<dyn Fn() -> Response<Body> + Send + Sync>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
        async move {
            let (head, body) = request.into_parts();
            let (bytes, trailers) = match body.collect().await {
                Ok(body) => {
                    let trailers = body.trailers().cloned();
                    (body.to_bytes(), trailers)
                }
                Err(_) => (Bytes::new(), None),
            };
            seen.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push((head, bytes, trailers));
            Ok::<_, Infallible>(answer())
        }
    });
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // A connection that ends with an error has said all it will.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// A body of one piece.
pub(crate) fn whole(text: &'static str) -> Body {
    Full::new(Bytes::from_static(text.as_bytes())).boxed()
}

/// A body that never comes.
fn never() -> Body {
    struct Never;
    impl hyper::body::Body for Never {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            std::task::Poll::Pending
        }
    }
    Never.boxed()
}
