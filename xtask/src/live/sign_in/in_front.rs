//! Behind nginx, which asks the gate, and in front of which people sign in.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::{Place, Port};

use super::house::{House, ORDERS, Plan, is_let_in};
use crate::live::Stage;
use crate::live::browser::Cookie;
use crate::peer::Peer;

const EXAMPLE: &str = include_str!("../../../../examples/nginx/sign-in.conf");

/// The ports of nginx and of the door at which it asks.
pub(super) struct Nginx {
    front: Port,
    door: Port,
}

impl Nginx {
    pub(super) fn ports() -> Result<Self> {
        Ok(Self { front: Port::reserve()?, door: Port::reserve()? })
    }

    pub(super) fn front(&self) -> SocketAddr {
        self.front.address()
    }

    pub(super) fn door(&self) -> SocketAddr {
        self.door.address()
    }

    /// Starts it as its example says, with ports, hosts and certificates of the house.
    pub(super) fn start(self, place: &Place, orders: SocketAddr) -> Result<Peer> {
        let ports = [
            ("127.0.0.1:8443", self.front()),
            ("127.0.0.1:8080", place.http()),
            ("127.0.0.1:9192", self.door()),
            ("127.0.0.1:9001", orders),
        ];
        let text = ports.iter().fold(EXAMPLE.to_owned(), |text, (port, address)| {
            text.replace(port, &address.to_string())
        });
        let text = text
            .replace("example.com", "example.test")
            .replace("id.pem", &place.path("id.pem").display().to_string())
            .replace("orders.pem", &place.path("orders.pem").display().to_string())
            // One process, so that it ends with the test.
            .replacen("\ndaemon off;", "\ndaemon off;\nmaster_process off;", 1);
        Peer::nginx(&place.path(""), "nginx", &text, self.front(), &[])
    }
}

pub(super) fn nginx(stage: &Stage) -> Result<()> {
    let house = House::built(stage, &Plan { nginx: true, ..Plan::default() })?;
    let url = format!("{ORDERS}/orders/7?a=1");
    let alice = house.person()?;
    let tab = alice.tab()?;
    is_let_in(&house.sign_in(&tab, &url, "alice")?)?;
    let cookie = alice.cookie("__Host-doorward", "orders.example.test")?;
    let cookie = cookie.context("there is a session")?;
    let theirs = Cookie { name: "theirs".to_owned(), value: "1".to_owned(), ..cookie.clone() };
    alice.take_cookie(&theirs)?;
    let _ = house.orders.take();
    is_let_in(&tab.goto(&format!("{ORDERS}/orders/8"))?)?;
    let seen = house.orders.take().requests;
    let seen = seen.last().context("the service has seen a request")?;
    ensure!(seen.values("x-forwarded-user") == ["alice"], "{:?}", seen.values("x-forwarded-user"));
    let theirs = seen.values("cookie") == ["theirs=1"];
    ensure!(theirs, "{:?} of {:?}", seen.message.head, alice.cookies()?);
    ensure!(!String::from_utf8_lossy(&seen.message.head.raw).contains(&cookie.value), "{seen:?}");

    let page = tab.goto(&format!("{ORDERS}/finance/1"))?;
    ensure!(page.status == 403, "{page}");
    let fetched = tab.fetch("/orders/9", &json!({}))?;
    ensure!(fetched.status == 200, "{fetched:?}");

    // Signed out, a page leads to sign in, and a script is told.
    alice.drop_cookies("__Host-doorward")?;
    let fetched = tab.fetch("/orders/9", &json!({}))?;
    ensure!(fetched.status == 401, "{fetched:?}");
    let page = tab.goto(&url)?;
    ensure!(page.title == "Sign in", "{page}");
    Ok(())
}
