//! A pair of Envoys beside two services: the certificate that one shows to the other is the identity, as at the proxy door.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use testbed::clock::until;
use testbed::{Authority, Place, Port, Recorder, Target, TlsClient, audit, client};

use super::comparison::judged;
use super::house::RECOVERY;
use crate::live::Stage;
use crate::peer::Peer;

const DOORWARD: &str = include_str!("../../../../examples/envoy-sidecars/doorward.yaml");
const EGRESS: &str = include_str!("../../../../examples/envoy-sidecars/egress.yaml");
const INGRESS: &str = include_str!("../../../../examples/envoy-sidecars/ingress.yaml");

/// By what `orders` is called.
const HOST: &str = "orders.internal";
const CHECKOUT: &str = "spiffe://corp.example/checkout";
/// Headers with which a caller claims to be another.
const CLAIMS: &str = "X-Forwarded-Client-Cert: URI=spiffe://corp.example/root\r\n";

pub(super) fn play(stage: &Stage) -> Result<()> {
    let (place, authority, service) = (Place::new()?, Authority::new()?, Recorder::start()?);
    let [egress, ingress, door, https] = [(); 4].map(|()| Port::reserve());
    let (egress, ingress, door, https) = (egress?, ingress?, door?, https?);
    place.write("mesh.pem", &authority.pem())?;
    for name in ["checkout", "orders"] {
        let (certificate, key) =
            authority.sign_workload(&format!("spiffe://corp.example/{name}"), HOST)?;
        place.write(&format!("{name}.pem"), &certificate)?;
        place.write(&format!("{name}.key"), &key)?;
    }
    place.write("door.pem", &authority.sign(HOST)?)?;
    let folder = place.path("");
    let here = |text: &str| {
        let ports = [
            ("port_value: 8001", egress.address()),
            ("port_value: 8443", ingress.address()),
            ("port_value: 9001", service.address()),
            ("port_value: 9191", door.address()),
        ];
        let text = text.replace("/etc/envoy/tls", &folder.display().to_string());
        ports.iter().fold(text, |text, (port, address)| {
            text.replace(port, &format!("port_value: {}", address.port()))
        })
    };
    let secured =
        format!("  https: {{ address: \"{}\", certificates: [door.pem] }}\n", https.address());
    let doorward = DOORWARD
        .replace("127.0.0.1:9191", &door.address().to_string())
        .replace("127.0.0.1:9901", &place.admin().to_string())
        .replace("127.0.0.1:9001", &service.address().to_string())
        .replacen("listen:\n", &format!("listen:\n{secured}"), 1);
    place.write("doorward.yaml", &doorward)?;
    let gateway = place.start(stage.binary())?;
    let [of_egress, of_ingress] = ["egress", "ingress"].map(|name| place.path(name));
    std::fs::create_dir(&of_egress)?;
    std::fs::create_dir(&of_ingress)?;
    let _ingress = Peer::envoy(&of_ingress, &here(INGRESS), ingress.address(), &[])?;
    let _egress = Peer::envoy(&of_egress, &here(EGRESS), egress.address(), &[])?;

    let asked = format!("GET /orders/7 HTTP/1.1\r\nHost: {HOST}\r\n{CLAIMS}\r\n");
    until("the sidecars to find each other", RECOVERY, || {
        Ok((client::ask(egress.address(), &asked)?.status == 200).then_some(()))
    })?;
    let _ = service.take();
    // The same certificate at the proxy door, at the ingress, and behind the egress that shows it.
    let told = |name: &str| std::fs::read_to_string(place.path(name));
    let checkout = authority.client_showing(&told("checkout.pem")?, &told("checkout.key")?)?;
    let mut records = Vec::new();
    for way in ["the proxy door", "the ingress", "the egress"] {
        let before = audit::records(&place.path("audit"))?.len();
        let status = match way {
            "the proxy door" => over_tls(https.address(), &checkout, &asked)?,
            "the ingress" => over_tls(ingress.address(), &checkout, &asked)?,
            _ => client::ask(egress.address(), &asked)?.status,
        };
        ensure!(status == 200, "{way}: got {status}");
        let seen = service.take().requests;
        let users: Vec<_> = seen.iter().flat_map(|seen| seen.values("x-forwarded-user")).collect();
        ensure!(users == [CHECKOUT], "{way}: the service was told {users:?}");
        let claims = seen.iter().flat_map(|seen| seen.values("x-forwarded-client-cert")).count();
        ensure!(claims == 0, "{way}: a caller's word on certificates went through");
        let all = audit::records(&place.path("audit"))?;
        let record = all.iter().skip(before).find(|record| judged(record).is_some());
        let record = record.with_context(|| format!("{way}: no decision on record"))?;
        let digest = record.pointer("/unmapped/doorward/certificate").and_then(Value::as_str);
        let user = record.pointer("/actor/user/uid").and_then(Value::as_str);
        ensure!(user == Some(CHECKOUT) && digest.is_some(), "{way}: {user:?} {digest:?}");
        records.push((judged(record), digest.map(ToOwned::to_owned)));
    }
    ensure!(records.windows(2).all(|two| two.first() == two.last()), "{records:?}");

    // Another workload of the same authority, another trust domain, and whom nobody vouches for.
    for (id, expected) in
        [("spiffe://corp.example/billing", 403), ("spiffe://other.example/checkout", 401)]
    {
        let (certificate, key) = authority.sign_workload(id, HOST)?;
        let client = authority.client_showing(&certificate, &key)?;
        for address in [https.address(), ingress.address()] {
            let status = over_tls(address, &client, &asked)?;
            ensure!(status == expected, "{id}: expected {expected}, got {status}");
        }
    }
    let (certificate, key) = Authority::new()?.sign_workload(CHECKOUT, HOST)?;
    for client in [authority.client_showing(&certificate, &key)?, authority.client()?] {
        ensure!(over_tls(ingress.address(), &client, &asked).is_err(), "a stranger was let in");
    }
    ensure!(service.take().requests.is_empty(), "something went through");

    gateway.kill()?;
    for _ in 0..5 {
        let status = client::ask(egress.address(), &asked)?.status;
        ensure!(status == 403, "without Doorward: expected 403, got {status}");
    }
    ensure!(service.take().requests.is_empty(), "something went through");
    let gateway = place.start(stage.binary())?;
    until("the ingress to find Doorward back", RECOVERY, || {
        Ok((client::ask(egress.address(), &asked)?.status == 200).then_some(()))
    })?;
    gateway.stop()
}

/// The status of the answer, on a connection of its own.
fn over_tls(address: SocketAddr, client: &Arc<ClientConfig>, request: &str) -> Result<u16> {
    let name = ServerName::try_from(HOST)?;
    let target = Target { address, name, client: Arc::clone(client) };
    Ok(TlsClient::connect(&target)?.ask(request)?.status)
}
