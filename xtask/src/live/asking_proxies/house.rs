//! Doorward before a service, with one more door, and a proxy that asks there.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::client::ask;
use testbed::clock::until;
use testbed::{Gateway, Issuer, Place, Port, Recorder};

use super::Proxy;
use crate::live::Stage;
use crate::live::stage::house;
use crate::peer::Peer;

/// How long a proxy may take to find Doorward well again.
pub(super) const RECOVERY: Duration = Duration::from_secs(20);

pub(super) struct House {
    pub(super) proxy: Proxy,
    pub(super) place: Place,
    pub(super) service: Recorder,
    pub(super) gateway: Gateway,
    pub(super) issuer: Issuer,
    /// Tokens by what stands for them: one that opens `orders`, one without the scope, one of nobody's.
    tokens: [(&'static str, String); 3],
    front: Port,
    door: Port,
    _peer: Peer,
}

impl House {
    pub(super) fn open(stage: &Stage, proxy: Proxy) -> Result<Self> {
        Self::open_where(stage, proxy, Ok)
    }

    /// Opens one with another configuration of Doorward's.
    pub(super) fn open_where(
        stage: &Stage,
        proxy: Proxy,
        change: impl FnOnce(String) -> Result<String>,
    ) -> Result<Self> {
        let service = Recorder::start()?;
        let (place, issuer) = house(&[format!("http://{}", service.address())])?;
        let (door, front) = (Port::reserve()?, Port::reserve()?);
        let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
        let door_line = proxy.door(door.address());
        let text = text.replacen("  http:", &format!("{door_line}  http:"), 1);
        place.write("doorward.yaml", &change(text)?)?;
        let gateway = place.start(stage.binary())?;
        let token =
            |issuer: &Issuer, scope| issuer.token("alice", "orders", json!({ "scope": scope }));
        let stranger = Issuer::new("https://idp.stranger.test", tokens::Algorithm::Es256)?;
        let tokens = [
            ("{good}", token(&issuer, "orders:read")?),
            ("{weak}", token(&issuer, "orders:write")?),
            ("{stranger}", token(&stranger, "orders:read")?),
        ];
        let addresses = (front.address(), door.address(), service.address(), place.http());
        let peer = proxy.start(&place.path(""), proxy.example(), addresses)?;
        Ok(Self { proxy, place, service, gateway, issuer, tokens, front, door, _peer: peer })
    }

    /// Where the proxy is.
    pub(super) fn front(&self) -> SocketAddr {
        self.front.address()
    }

    /// The text with tokens for what stands for them.
    pub(super) fn filled(&self, text: &str) -> String {
        self.tokens.iter().fold(text.to_owned(), |text, (name, token)| text.replace(name, token))
    }

    /// A request that is permitted.
    pub(super) fn good(&self) -> String {
        self.filled(
            "GET /orders/7 HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {good}\r\n\r\n",
        )
    }

    /// Waits until the proxy lets through what is permitted. Some ask for Doorward's health first.
    pub(super) fn until_well(&self) -> Result<()> {
        let good = self.good();
        until("the proxy to find Doorward well", RECOVERY, || {
            Ok((ask(self.front(), &good)?.status == 200).then_some(()))
        })
    }

    /// Where the proxy asks.
    pub(super) fn door(&self) -> SocketAddr {
        self.door.address()
    }

    /// Nothing goes through while Doorward is gone, and everything again once it is back.
    pub(super) fn fails_closed(mut self, stage: &Stage) -> Result<()> {
        let good = self.good();
        self.gateway.kill()?;
        let _ = self.service.take();
        for _ in 0..5 {
            let reply = ask(self.front.address(), &good)?;
            let expected = self.proxy.unreachable();
            ensure!(reply.status == expected, "expected {expected}, got {}", reply.status);
        }
        ensure!(self.service.take().requests.is_empty(), "something went through");
        self.gateway = self.place.start(stage.binary())?;
        self.until_well()?;
        self.gateway.stop()
    }
}
