//! Services as somebody finds them who goes around the gate. Each serves until the test's process ends.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use testbed::Authority;
use testbed::message::Reader;

/// A service that answers with what `answer` says to a head, and closes.
pub(crate) fn answering(answer: impl Fn(&str) -> String + Send + 'static) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // What was asked and is not answered is for the test to see.
            let _ = serve(&mut stream, &answer);
        }
    });
    Ok(address)
}

/// A service at a Unix socket that answers everything.
pub(crate) fn answering_unix(listener: UnixListener) {
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = serve(&mut stream, &|_| testbed::recorder::ANSWER.to_owned());
        }
    });
}

/// A service that takes connections and never says anything.
pub(crate) fn silent() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    Ok(address)
}

/// A service that answers in plain HTTP, whatever it is sent first.
pub(crate) fn plain() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // What is left unread would reset the connection before the answer is read.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    Ok(address)
}

/// How TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// 1.3.
    Newest,
    /// As nginx does with `ssl_verify_client on`: the handshake succeeds, and the answer is a 400.
    Nginx,
    /// 1.2 alone.
    V12,
}

/// A service over TLS that answers everybody, or (`wanted`) those alone who show a certificate of `authority`.
pub(crate) fn tls(authority: &Authority, tls: Tls, wanted: bool) -> Result<SocketAddr> {
    let pem = authority.sign("orders.test")?;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = match (wanted, tls) {
        (false, _) => WebPkiClientVerifier::no_client_auth(),
        (true, Tls::Nginx) => verifier.allow_unauthenticated().build()?,
        (true, _) => verifier.build()?,
    };
    let versions = if tls == Tls::V12 { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let answer = if tls == Tls::Nginx {
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 40\r\n\r\n400 No required SSL certificate was sent"
    } else {
        testbed::recorder::ANSWER
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(connection) = ServerConnection::new(Arc::clone(&config)) else { continue };
            let mut stream = StreamOwned::new(connection, stream);
            let _ = serve(&mut stream, &|_| answer.to_owned());
        }
    });
    Ok(address)
}

/// A service that speaks HTTP/2 by prior knowledge, and nothing else.
pub(crate) fn http2() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(|_: Request<hyper::body::Incoming>| async {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
                });
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                // A connection that ends with an error has said all it will.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            }
            anyhow::Ok(())
        })
    });
    Ok(address)
}

/// Reads one head and answers it.
fn serve<S: Read + Write>(stream: &mut S, answer: &dyn Fn(&str) -> String) -> Result<()> {
    let mut reader = Reader::new(&mut *stream);
    let Some(head) = reader.head()? else { return Ok(()) };
    let answer = answer(&String::from_utf8_lossy(&head.raw));
    stream.write_all(answer.as_bytes())?;
    Ok(stream.flush()?)
}
