//! HAProxy in front, passing bytes on: a balancer that we did not write.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::clock::until;
use testbed::{Client, Place, Port, Recorder, audit};

use super::stage::{house, token};
use super::{Listed, Stage};
use crate::install::debian;

pub(super) const SCENARIOS: Listed =
    &[("haproxy_says_whose_a_connection_is_and_its_callers_cannot", balancer)];

fn balancer(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let (place, issuer) = house(&[format!("http://{}", service.address())])?;
    let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
    let text = text.replacen("  http:", "  proxy_protocol: true\n  http:", 1);
    place.write("doorward.yaml", &format!("trusted_peers: [127.0.0.1/32]\n{text}"))?;
    let gateway = place.start(stage.binary())?;
    let haproxy = Haproxy::start(&place)?;
    let token = token(&issuer)?;
    let _ = service.take();
    for (port, options) in haproxy.ports.iter().zip(OPTIONS) {
        let mut client = Client::connect(port.address())?;
        for _ in 0..2 {
            // HAProxy passes bytes on as they are, whatever they claim.
            let head = format!(
                "GET /orders/1 HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\nX-Forwarded-For: 10.6.6.6\r\n\r\n"
            );
            client.send(head.as_bytes())?;
            let reply = client.reply()?.context("no answer through HAProxy")?;
            ensure!(reply.status == 200, "{options}: got {} {}", reply.status, reply.text());
        }
        let log = service.take().requests;
        let told: Vec<_> = log.iter().flat_map(|seen| seen.values("x-forwarded-for")).collect();
        ensure!(told == [CALLER, CALLER], "{options}: the service was told {told:?}");
    }
    gateway.stop()?;
    let records = audit::records(&place.path("audit"))?;
    let peers: Vec<_> =
        records.iter().filter_map(|one| one.pointer("/src_endpoint/ip")?.as_str()).collect();
    ensure!(peers.len() == 4 * OPTIONS.len(), "expected two records a request, got {peers:?}");
    ensure!(peers.iter().all(|peer| *peer == CALLER), "expected {CALLER} in all of {peers:?}");
    Ok(())
}

/// Where HAProxy says that its callers are: the test has no other address to call from.
const CALLER: &str = "203.0.113.9";
/// What HAProxy may send beside the addresses.
const OPTIONS: [&str; 2] = ["", "proxy-v2-options crc32c,unique-id"];

/// HAProxy in the foreground, with a door for each of [`OPTIONS`]. It ends when it is dropped.
struct Haproxy {
    ports: Vec<Port>,
    child: Child,
}

impl Haproxy {
    fn start(place: &Place) -> Result<Self> {
        let binary = debian::tool(&debian::HAPROXY)?;
        let ports = OPTIONS.iter().map(|_| Port::reserve()).collect::<Result<Vec<_>>>()?;
        let door = place.http();
        let doors = ports.iter().zip(OPTIONS).enumerate().map(|(number, (port, options))| {
            let address = port.address();
            format!(
                "listen door-{number}\n  bind {address}\n  unique-id-format %[uuid]\n  tcp-request connection set-src str({CALLER}),ipmask(32)\n  server door {door} send-proxy-v2 {options} check check-send-proxy\n"
            )
        });
        let file = place.path("haproxy.cfg");
        let top = "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n";
        std::fs::write(&file, top.to_owned() + &doors.collect::<String>())?;
        let child = Command::new(binary)
            .args(["-db", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let haproxy = Self { ports, child };
        until("HAProxy", Duration::from_secs(10), || {
            let open = |port: &Port| Client::connect(port.address()).is_ok();
            Ok(haproxy.ports.iter().all(open).then_some(()))
        })?;
        Ok(haproxy)
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
