//! A house with two providers, services on hosts of their own, and a place to sign in; at one gate or at several.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustls::ClientConfig;
use serde_json::json;
use testbed::clock::let_pass;
use testbed::{Acting, Authority, Gateway, Issuer, Place, Port, Postgres, Recorder};
use tokens::Algorithm;

use super::configuration::{Parts, configuration};
use super::in_front::{Asking, Front};
use super::walker::Walker;
use crate::install::debian;
use crate::live::Stage;
use crate::live::browser::{Browser, Page, Person, Tab};
use crate::live::providers::github::Github;
use crate::live::providers::lemonldap::Lemonldap;
use crate::live::providers::openid::Openid;
use crate::live::stage::ISSUER;
use crate::peer::Peer;

/// Where people sign in.
pub(super) const SIGN_IN: &str = "https://id.example.test";
/// The services.
pub(super) const ORDERS: &str = "https://orders.example.test";
pub(super) const BILLING: &str = "https://billing.example.test";

/// What the gate is to the providers.
pub(super) const CLIENT: &str = "doorward";
const SECRET: &str = "doorward-secret-of-the-live-test";
/// What the ledger seals with, where replicas share it.
const KEY: &str = "8f1d2c3b4a5968778695a4b3c2d1e0ff8f1d2c3b4a5968778695a4b3c2d1e0ff";

/// The one handshake that the conversations of the service `chat` begin with (RFC 6455 §1.3).
pub(super) const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// What a house is to have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    /// How many gates share a PostgreSQL; none for one gate with SQLite.
    pub(super) replicas: usize,
    /// More lines of the provider `staff`, each with its indent and its end.
    pub(super) staff: &'static str,
    /// Whether there is a third provider, `partner`.
    pub(super) partner: bool,
    /// Whether there is one gate, behind a proxy that asks it.
    pub(super) front: Option<Asking>,
}

/// A gate.
pub(super) struct Replica {
    pub(super) place: Place,
    pub(super) gateway: Gateway,
    pub(super) https: Port,
}

impl Replica {
    /// Where it is.
    pub(super) fn address(&self) -> SocketAddr {
        self.https.address()
    }

    /// Ends it and starts it again, at the same place.
    pub(super) fn restarted(self, stage: &Stage) -> Result<Self> {
        self.gateway.stop()?;
        let gateway = self.place.start(stage.binary())?;
        Ok(Self { gateway, ..self })
    }
}

/// The house. Everything in it ends when it is dropped.
pub(super) struct House {
    pub(super) staff: Openid,
    pub(super) code: Github,
    pub(super) partner: Option<Lemonldap>,
    pub(super) orders: Recorder,
    pub(super) machines: Issuer,
    pub(super) replicas: Vec<Replica>,
    pub(super) browser: Browser,
    pub(super) ledger: Option<Postgres>,
    client: Arc<ClientConfig>,
    _services: (Recorder, Acting),
    _front: Option<Peer>,
}

impl House {
    /// Opens it as it usually is.
    pub(super) fn open(stage: &Stage) -> Result<Self> {
        Self::built(stage, &Plan::default())
    }

    /// Opens it as `plan` says.
    pub(super) fn built(stage: &Stage, plan: &Plan) -> Result<Self> {
        let authority = Authority::new()?;
        let machines = Issuer::new(ISSUER, Algorithm::Es256)?;
        let ledger = match plan.replicas {
            0 => None,
            _ => {
                debian::postgresql()?;
                Some(Postgres::start()?)
            }
        };
        let database = ledger.as_ref().map(|ledger| ledger.database("doorward")).transpose()?;
        let mut places = Vec::new();
        for _ in 0..plan.replicas.max(1) {
            places.push((furnished(&authority, &machines, ledger.as_ref())?, Port::reserve()?));
        }
        let (first, port) = places.first().context("there is a first place")?;
        let clients = json!([{
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [format!("{SIGN_IN}/.doorward/callback/staff")],
            "post_logout_redirect_uris": [format!("{SIGN_IN}/.doorward/signed-out")],
            "backchannel_logout_uri":
                format!("{SIGN_IN}:{}/.doorward/logout/staff", port.address().port()),
            "backchannel_logout_session_required": true,
        }]);
        let staff = Openid::start(first, "staff", &clients, first.path("ca.pem"))?;
        let callback = format!("{SIGN_IN}/.doorward/callback/code");
        let code = Github::start(first, CLIENT, SECRET, &callback)?;
        let (orders, billing, chat) = (Recorder::start()?, Recorder::start()?, chat()?);
        let partner = plan.partner.then(|| partner(first)).transpose()?;
        let front = plan.front.map(Front::reserve).transpose()?;
        let seen = front.as_ref().map_or(port.address(), Front::address);
        let hosts = [("*.example.test", seen)];
        let browser = Browser::start(first, &hosts, &first.path("ca.pem"))?;
        let mut replicas = Vec::new();
        for (place, https) in places {
            let text = configuration(&Parts {
                https: https.address(),
                admin: place.admin(),
                asked: front.as_ref().map(|front| (place.http(), front.door())),
                ledger: database.as_deref(),
                staff: &staff,
                staff_more: plan.staff,
                code: &code,
                partner: partner.as_ref(),
                services: [orders.address(), billing.address(), chat.address()],
            });
            place.write("doorward.yaml", &text)?;
            let gateway = place.start(stage.binary())?;
            replicas.push(Replica { place, gateway, https });
        }
        let first = replicas.first().context("there is a first gate")?;
        let front = front.map(|front| front.start(&first.place, orders.address())).transpose()?;
        let client = authority.client()?;
        let services = (billing, chat);
        Ok(Self {
            staff,
            code,
            partner,
            orders,
            machines,
            replicas,
            browser,
            ledger,
            client,
            _services: services,
            _front: front,
        })
    }

    /// The place of the first gate.
    pub(super) fn place(&self) -> Result<&Place> {
        Ok(&self.replicas.first().context("there is a first gate")?.place)
    }

    /// Someone at the browser, whose requests come to the first gate.
    pub(super) fn person(&self) -> Result<Person> {
        self.browser.person()
    }

    /// Someone without a browser, whose requests come to the first gate.
    pub(super) fn walker(&self) -> Result<Walker> {
        let first = self.replicas.first().context("there is a first gate")?;
        Ok(Walker::new(first.address(), &self.client))
    }

    /// Signs `user` in with `staff`, from a page that needs it.
    pub(super) fn sign_in(&self, tab: &Tab, url: &str, user: &str) -> Result<Page> {
        tab.goto(url)?;
        tab.until_text("Sign in")?;
        tab.click("text=Example staff")?;
        self.staff.sign_in(tab, user)?;
        let page = tab.until_url(url);
        page.map_err(|error| self.with_logs(error))
    }

    /// The error with what the gates have logged last.
    pub(super) fn with_logs(&self, error: anyhow::Error) -> anyhow::Error {
        let logs: Vec<_> = self.replicas.iter().map(|replica| replica.place.log()).collect();
        error.context(logs.join("\n-- the next gate:\n"))
    }
}

/// Expects `tab` to show the answer of the recorder.
pub(super) fn is_let_in(page: &Page) -> Result<()> {
    ensure!(page.status == 200, "{page}");
    Ok(())
}

/// The third provider.
fn partner(place: &Place) -> Result<Lemonldap> {
    let signed_out = format!("{SIGN_IN}/.doorward/signed-out");
    let client = json!({
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [format!("{SIGN_IN}/.doorward/callback/partner")],
        "post_logout_redirect_uris": [signed_out],
        "logout_uri": signed_out,
    });
    Lemonldap::start(place, &client)
}

/// A place with the files that every gate has.
fn furnished(authority: &Authority, machines: &Issuer, ledger: Option<&Postgres>) -> Result<Place> {
    let place = Place::new()?;
    place.write("ca.pem", &authority.pem())?;
    for host in ["id", "orders", "billing"] {
        let certificate = authority.sign(&format!("{host}.example.test"))?;
        place.write(&format!("{host}.pem"), &certificate)?;
    }
    place.write("secret", SECRET)?;
    place.write("key", KEY)?;
    place.write("machines.json", &machines.key_set().to_string())?;
    place.write("password", ledger.map(Postgres::password).unwrap_or_default())?;
    Ok(place)
}

/// A service that takes up a conversation and says nothing.
fn chat() -> Result<Acting> {
    Acting::start(|_, reader| {
        reader.head()?;
        reader.stream().write_all(SWITCHED)?;
        loop {
            // A ping: so that it is noticed when the other side is gone.
            reader.stream().write_all(&[0x89, 0])?;
            let_pass(std::time::Duration::from_millis(200));
        }
    })
}
