//! Asks as nginx does, configured as in the example.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use testbed::Client;

use super::envoy::Told;
use super::requests::Sent;

/// What nginx takes out of each request, or writes itself, before it asks.
const ITS_OWN: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "x-original-for",
    "x-original-host",
    "x-original-method",
    "x-original-proto",
    "x-original-uri",
];

/// A connection of nginx's.
pub(crate) struct Nginx(Client);

impl Nginx {
    pub(crate) fn new(door: SocketAddr) -> Result<Self> {
        Ok(Self(Client::connect(door)?))
    }

    /// Asks about a request; what the service gets is what the door tells of the caller.
    pub(crate) fn ask(&mut self, sent: &Sent) -> Result<Told> {
        let mut text = format!(
            "GET /check HTTP/1.1\r\nHost: doorward\r\nX-Original-Method: {}\r\nX-Original-Proto: {}\r\n\
             X-Original-Host: {}\r\nX-Original-URI: {}\r\nX-Original-For: 127.0.0.1\r\n",
            sent.method,
            sent.scheme(),
            sent.host,
            sent.target
        );
        for (name, value) in &sent.lines {
            if !ITS_OWN.contains(&name.to_ascii_lowercase().as_str()) {
                write!(text, "{name}: {value}\r\n")?;
            }
        }
        text.push_str("\r\n");
        self.0.send(text.as_bytes())?;
        let reply = self.0.reply()?.context("expected an answer")?;
        let id = reply.field("x-request-id").context("expected the request's id")?.to_owned();
        let told = reply.message.head.fields.into_iter();
        let told = told.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Ok(Told { id, forwards: (reply.status == 200).then_some(told) })
    }
}
