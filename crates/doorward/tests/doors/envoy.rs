//! Asks as Envoy does.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::requests::Sent;
use super::wire::{
    Address, Answer, AttributeContext, CheckRequest, CheckResponse, HeaderMap, HeaderValue,
    HttpRequest, Peer, Request as Attributes, SocketAddress,
};

/// What Envoy writes itself.
const ITS_OWN: [&str; 2] = ["x-forwarded-client-cert", "x-forwarded-proto"];

/// A connection of Envoy's.
pub(crate) struct Envoy(SendRequest<Full<Bytes>>);

/// What it is told.
pub(crate) struct Told {
    /// The request's id on record.
    pub(crate) id: String,
    /// The headers that the service gets, if the request goes on.
    pub(crate) forwards: Option<Vec<(String, String)>>,
}

impl Envoy {
    /// Speaks with the door at the other end of `stream`.
    pub(crate) async fn new<S>(stream: S) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Asks about a request.
    pub(crate) async fn ask(&mut self, sent: &Sent) -> Result<Told> {
        let headers = headers(sent);
        let response = self.check(&question(sent, &headers)).await?;
        let lines = |lines: Vec<super::wire::HeaderLine>| -> Vec<(String, String)> {
            let headers = lines.into_iter().filter_map(|line| line.header);
            headers.map(|header| (header.key, header.value)).collect()
        };
        let id = |lines: &[(String, String)]| {
            let id = lines.iter().find(|(name, _)| name == "x-request-id");
            id.map(|(_, id)| id.clone()).context("expected the request's id")
        };
        match response.answer.context("expected an answer")? {
            Answer::Denied(denied) => {
                let code = response.status.unwrap_or_default().code;
                ensure!(code == 7 || code == 16, "expected a denial, got {code}");
                Ok(Told { id: id(&lines(denied.headers))?, forwards: None })
            }
            Answer::Granted(granted) => {
                ensure!(response.status.unwrap_or_default().code == 0, "expected a permit");
                let set = lines(granted.headers);
                let id = id(&set)?;
                let gone = |name: &String| {
                    granted.headers_to_remove.contains(name)
                        || set.iter().any(|(set, _)| set == name)
                };
                let stays = headers.into_iter().filter(|(name, _)| !gone(name));
                Ok(Told { id, forwards: Some(stays.chain(set.clone()).collect()) })
            }
        }
    }

    /// Calls `Check`.
    ///
    /// # Errors
    /// When the call fails, with its `grpc-status`.
    pub(crate) async fn check(&mut self, question: &CheckRequest) -> Result<CheckResponse> {
        let message = question.encode_to_vec();
        let mut framed = BytesMut::new();
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len())?);
        framed.put_slice(&message);
        let request = Request::post("http://doorward/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(framed.freeze()))?;
        self.0.ready().await?;
        let body = self.0.send_request(request).await?.into_body().collect().await?;
        let status = body.trailers().and_then(|trailers| trailers.get("grpc-status")).cloned();
        let status = status.context("expected a status")?;
        ensure!(status == "0", "the call ended with {}", status.to_str()?);
        let body = body.to_bytes();
        Ok(CheckResponse::decode(body.get(5..).context("expected a message")?)?)
    }
}

/// The headers that Envoy has of a request.
fn headers(sent: &Sent) -> Vec<(String, String)> {
    let came = sent.passed_on(&ITS_OWN);
    let came = came.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    // What asks for an upgrade stays.
    let upgrade = came.clone().any(|(name, value)| name == "connection" && value == "upgrade");
    let stays = |name: &str| upgrade || !matches!(name, "connection" | "upgrade");
    let mut headers: Vec<_> = came.filter(|(name, _)| stays(name)).collect();
    headers.push(("x-forwarded-proto".to_owned(), sent.scheme().to_owned()));
    headers
}

/// The question that Envoy asks.
pub(crate) fn question(sent: &Sent, headers: &[(String, String)]) -> CheckRequest {
    let pseudo = [
        (":authority", sent.host.as_str()),
        (":method", &sent.method),
        (":path", &sent.target),
        (":scheme", sent.scheme()),
    ];
    let line = |(key, value): (&str, &str)| HeaderValue {
        key: key.to_owned(),
        value: String::new(),
        raw_value: value.as_bytes().to_vec(),
    };
    let own = headers.iter().map(|(name, value)| line((name, value)));
    let http = HttpRequest {
        method: sent.method.clone(),
        path: sent.target.clone(),
        host: sent.host.clone(),
        scheme: sent.scheme().to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        header_map: Some(HeaderMap { headers: pseudo.into_iter().map(line).chain(own).collect() }),
    };
    let address = SocketAddress { address: "127.0.0.1".to_owned(), port_value: 40_000 };
    let source = Peer {
        address: Some(Address { socket_address: Some(address) }),
        certificate: sent.certificate.as_ref().map(|shown| shown.escaped()).unwrap_or_default(),
    };
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(source),
            request: Some(Attributes { http: Some(http) }),
            context_extensions: HashMap::new(),
        }),
    }
}
