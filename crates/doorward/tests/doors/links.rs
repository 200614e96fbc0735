//! How proxies are connected when they ask: by a Unix socket, or by TLS and then only if they are named.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustls::pki_types::ServerName;
use testbed::Authority;
use testbed::clock::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::envoy::Envoy;
use super::house::{House, shown};
use super::requests::Shown;

const BINARY: &str = env!("CARGO_BIN_EXE_doorward");
const PATIENCE: Duration = Duration::from_secs(10);
const NAMED: &str = "spiffe://corp.test/envoy";

fn at_socket() -> Result<House> {
    House::open_where(|text, place| {
        let at =
            format!("ext_authz: {{ address: \"unix:{}\" }}", place.path("asked.sock").display());
        changed(&text, "ext_authz:", &at)
    })
}

/// With a line of the configuration changed.
fn changed(text: &str, key: &str, line: &str) -> Result<String> {
    let old = text.lines().find(|old| old.trim_start().starts_with(key));
    Ok(text.replacen(old.context("expected the key")?.trim_start(), line, 1))
}

#[tokio::test]
async fn envoy_asks_at_a_unix_socket_that_its_owner_and_group_may_use() -> Result<()> {
    let house = at_socket()?;
    let path = house.place.path("asked.sock");
    assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o660);
    let mut envoy = Envoy::new(UnixStream::connect(&path).await?).await?;
    ensure!(envoy.ask(&house.good()).await?.forwards.is_some(), "expected a permit");
    let mut other = house.good();
    other.lines.clear();
    ensure!(envoy.ask(&other).await?.forwards.is_none(), "expected a denial");
    Ok(())
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_taken_and_one_in_use_is_not() -> Result<()> {
    let House { place, gateway, .. } = at_socket()?;
    let path = place.path("asked.sock");
    // Another one, with its own ports and records, wants the same socket.
    let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
    let other = testbed::Place::new()?;
    let own =
        [(place.http(), other.http().to_string()), (place.admin(), other.admin().to_string())];
    let mut own = own.iter().fold(text, |text, (old, new)| text.replace(&old.to_string(), new));
    for key in ["https:", "forward_auth:"] {
        own = changed(&own, key, "")?;
    }
    own = changed(&own, "directory: /", &format!("directory: {}", other.path("audit").display()))?;
    place.write("other.yaml", &own)?;
    let ran = std::process::Command::new(BINARY)
        .args(["run", "--config"])
        .arg(place.path("other.yaml"))
        .output()?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    let expected = format!(
        "cannot listen on unix:{} (`listen.ext_authz`): Address already in use (os error 98); stop the process that has the socket, remove the file if it is none, or choose another path",
        path.display()
    );
    ensure!(said.contains(&expected), "{said}");
    gateway.kill()?;
    ensure!(path.exists(), "a process that is killed leaves its socket behind");
    let gateway = place.start(Path::new(BINARY))?;
    Envoy::new(UnixStream::connect(&path).await?).await?;
    gateway.kill()
}

#[test]
fn a_file_that_is_no_socket_is_not_taken_for_one() -> Result<()> {
    let place = testbed::Place::new()?;
    let path = place.path("precious.pem");
    std::fs::write(&path, "precious")?;
    let listen = format!(
        "listen: {{ ext_authz: {{ address: \"unix:{}\" }}, admin: \"{}\" }}\naudit: {{ directory: \"{}\" }}\n",
        path.display(),
        place.admin(),
        place.path("audit").display()
    );
    place.write("doorward.yaml", &listen)?;
    let mut run = std::process::Command::new(BINARY);
    let ran = run.args(["run", "--config"]).arg(place.path("doorward.yaml")).output()?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    ensure!(said.contains("Address already in use"), "{said}");
    assert_eq!(std::fs::read_to_string(&path)?, "precious");
    Ok(())
}

/// One at which both doors want TLS of proxies with a certificate of these clients, and the proxies that are named.
fn secured(proxies: &Authority) -> Result<House> {
    House::open_where(|text, place| {
        place.write("proxies.pem", &proxies.pem())?;
        let tls =
            format!("tls: {{ certificates: [app.pem], ca: proxies.pem, proxies: [\"{NAMED}\"] }}");
        let text =
            text.replacen("\" }\n  forward_auth", &format!("\", {tls} }}\n  forward_auth"), 1);
        Ok(text.replacen("proxy: nginx,", &format!("proxy: nginx, {tls},"), 1))
    })
}

async fn by_tls(
    house: &House,
    shows: Option<&Shown>,
    protocol: &[u8],
) -> Result<TlsStream<TcpStream>> {
    let door = if protocol == b"h2" { &house.ext_authz } else { &house.forward_auth };
    let mut config = (*house.believing(shows)?).clone();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(door.address()).await?;
    let name = ServerName::try_from("app.test")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

#[tokio::test]
async fn over_tls_only_the_proxies_that_are_named_may_ask() -> Result<()> {
    let (proxies, strangers) = (Authority::new()?, Authority::new()?);
    let house = secured(&proxies)?;
    let named = shown(&proxies, 0, NAMED)?;
    let mut envoy = Envoy::new(by_tls(&house, Some(&named), b"h2").await?).await?;
    ensure!(envoy.ask(&house.good()).await?.forwards.is_some(), "expected a permit");
    let others = [
        ("one of another name", Some(shown(&proxies, 0, "spiffe://corp.test/other")?)),
        ("one of another trust domain", Some(shown(&proxies, 0, "spiffe://other.test/envoy")?)),
        ("one of another authority", Some(shown(&strangers, 0, NAMED)?)),
        ("none", None),
    ];
    for (what, shows) in &others {
        for protocol in [&b"h2"[..], b"http/1.1"] {
            // With TLS 1.3 a client learns only afterwards that its certificate was refused.
            let told = async {
                let mut stream = by_tls(&house, shows.as_ref(), protocol).await?;
                stream.write_all(b"GET / HTTP/1.1\r\nHost: doorward\r\n\r\n").await?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await?;
                anyhow::Ok(answer)
            };
            let told = tokio::time::timeout(PATIENCE, told).await.context("it was not closed")?;
            ensure!(told.as_ref().is_ok_and(Vec::is_empty) || told.is_err(), "{what}: {told:?}");
        }
    }
    let mut nginx = by_tls(&house, Some(&named), b"http/1.1").await?;
    nginx.write_all(b"GET / HTTP/1.1\r\nHost: doorward\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    nginx.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    // In plain, nobody is answered.
    let mut plain = TcpStream::connect(house.forward_auth.address()).await?;
    plain.write_all(b"GET / HTTP/1.1\r\nHost: doorward\r\n\r\n").await?;
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    ensure!(!answer.starts_with(b"HTTP"), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn whoever_shakes_no_hands_keeps_no_proxy_out() -> Result<()> {
    let proxies = Authority::new()?;
    let house = secured(&proxies)?;
    let mut silent = Vec::new();
    for _ in 0..1_500 {
        silent.push(TcpStream::connect(house.ext_authz.address()).await?);
    }
    let named = shown(&proxies, 0, NAMED)?;
    let asked = async {
        let mut envoy = Envoy::new(by_tls(&house, Some(&named), b"h2").await?).await?;
        anyhow::Ok(envoy.ask(&house.good()).await?.forwards.is_some())
    };
    ensure!(tokio::time::timeout(PATIENCE, asked).await??, "expected a permit");
    drop(silent);
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_is_named_no_longer_is_refused_on_the_connection_it_has() -> Result<()> {
    let proxies = Authority::new()?;
    let house = secured(&proxies)?;
    let mut envoy =
        Envoy::new(by_tls(&house, Some(&shown(&proxies, 0, NAMED)?), b"h2").await?).await?;
    ensure!(envoy.ask(&house.good()).await?.forwards.is_some(), "expected a permit");
    let text = std::fs::read_to_string(house.place.path("doorward.yaml"))?;
    house.place.write("doorward.yaml", &text.replace(NAMED, "spiffe://corp.test/another"))?;
    house.gateway.reload()?;
    let refused = async {
        loop {
            match envoy.ask(&house.good()).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => return error.to_string(),
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.context("it may still ask")?;
    assert_eq!(refused, "the call ended with 7");
    let record = until("the record of it", PATIENCE, || {
        let records = testbed::audit::records(&house.place.path("audit"))?;
        Ok(records.into_iter().find(|record| record.to_string().contains("may not ask")))
    })?;
    let reasons = record.pointer("/unmapped/doorward/reasons").context("expected reasons")?;
    assert_eq!(
        reasons.to_string(),
        "[\"a proxy that may not ask: `spiffe://corp.test/envoy` is none of `proxies`\"]"
    );
    Ok(())
}
