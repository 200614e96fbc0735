//! `doorward doctor --bypass`: what can be had around the gate, and what cannot.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use anyhow::Result;
use tempfile::{TempDir, tempdir};
use testbed::{Authority, Port, Recorder};
use verify_identity::{Keys, Verifier, service};

use super::strangers::{self, Tls, answering, silent};
use super::web::{Ran, run};

const NOTE: &str = "note  bypass: this holds for where it was run. Run it from where a caller could be (another machine, pod or network): the gate's own host has to reach every endpoint\n";
const REMEDY: &str = "let nobody but the gate reach it (network policy, mTLS), and let it check `Doorward-Identity` (docs/identity.md)";

/// A folder with a configuration whose one service is at these endpoints, and is told identities like this.
fn house(endpoints: &[String], more: &str) -> Result<TempDir> {
    let folder = tempdir()?;
    let text = format!(
        "listen: {{ http: 127.0.0.1:8080 }}
issuers: {{ corp: {{ issuer: https://idp.corp.test, groups: /groups }} }}
identity: {{ issuer: https://doorward.test, keys: {{ memory: true }} }}
services:
  orders:
    audience: orders
    endpoints: {endpoints:?}
{more}
routes:
  - name: health
    match: {{ host: orders.test, path: /healthz, methods: [GET] }}
    service: orders
    allow: [{{ anyone: true }}]
  - name: read
    match: {{ host: orders.test, path: \"/orders/{{id}}\", methods: [GET, DELETE] }}
    service: orders
    accept: [corp]
    allow: [{{ groups: [corp/support] }}]
"
    );
    std::fs::write(folder.path().join("doorward.yaml"), text)?;
    Ok(folder)
}

const TOLD_BOTH: &str = "    identity: { token: Doorward-Identity, headers: { X-Forwarded-User: subject, X-Forwarded-Groups: groups } }";

/// What is said about the one endpoint, and the status.
fn said(folder: &TempDir, arguments: &[&str]) -> Result<(String, Option<i32>)> {
    let Ran { status, stdout, stderr } =
        run(folder.path(), &[&["doctor", "--bypass"], arguments].concat(), "")?;
    let said = stdout.strip_prefix("ok    config: doorward.yaml is good, with 2 routes\n");
    let said = said.and_then(|said| said.strip_suffix(NOTE));
    Ok((said.unwrap_or(&format!("{stdout}{stderr}")).to_owned(), status))
}

#[test]
fn a_service_that_answers_anybody_is_found() -> Result<()> {
    let service = Recorder::start()?;
    let at = service.address();
    let folder = house(&[format!("http://{at}")], TOLD_BOTH)?;
    let expected = format!(
        "FAIL  service orders: http://{at}: it answers without an identity: 200 to `GET /orders/0` at `orders.test`; {REMEDY}\n"
    );
    assert_eq!(said(&folder, &[])?, (expected, Some(1)));
    let seen = service.take().requests;
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((seen.method(), seen.target()), ("GET", "/orders/0"));
    assert_eq!(seen.values("host"), ["orders.test"]);
    assert_eq!(seen.values("doorward-identity").len() + seen.values("x-forwarded-user").len(), 0);
    assert!(seen.values("user-agent").iter().all(|agent| agent.starts_with("doorward-doctor/")));
    Ok(())
}

#[test]
fn a_service_that_checks_the_signature_is_in_order() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let at = listener.local_addr()?;
    let folder = house(&[format!("http://{at}")], TOLD_BOTH)?;
    std::fs::write(folder.path().join("jwks.json"), "{\"keys\":[]}")?;
    let keys = Keys::new(&folder.path().join("jwks.json").display().to_string())?;
    let verifier = Verifier::new("https://doorward.test", "orders", keys)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build()?;
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, service(std::sync::Arc::new(verifier))).await
    });
    let expected = format!(
        "ok    service orders: http://{at}: it refuses who has no identity (401), and a forged one (401); 1 route tried\n"
    );
    assert_eq!(said(&folder, &[])?, (expected, Some(0)));
    Ok(())
}

#[test]
fn what_believes_a_forged_identity_is_found() -> Result<()> {
    for (header, told) in [
        (
            "X-Forwarded-User: doorward-doctor",
            "it believes identity headers that anybody can write",
        ),
        ("X-Forwarded-Groups: support", "it believes identity headers that anybody can write"),
        ("Doorward-Identity: ey", "it believes a forged identity in `doorward-identity`"),
    ] {
        let at = answering(move |head| {
            let head = head.to_ascii_lowercase();
            let status = if head.contains(&header.to_ascii_lowercase()) {
                "204 No Content"
            } else {
                "403 Forbidden"
            };
            format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")
        })?;
        let folder = house(&[format!("http://{at}")], TOLD_BOTH)?;
        let expected = format!(
            "FAIL  service orders: http://{at}: {told}: 204 to `GET /orders/0` at `orders.test`; {REMEDY}\n"
        );
        assert_eq!(said(&folder, &[])?, (expected, Some(1)), "{header}");
    }
    Ok(())
}

#[test]
fn only_what_says_unauthorized_or_forbidden_has_refused() -> Result<()> {
    for (status, refused) in [
        (200, false),
        (302, false),
        (400, false),
        (401, true),
        (403, true),
        (404, false),
        (500, false),
    ] {
        let at = answering(move |_| format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"))?;
        let folder = house(&[format!("http://{at}")], "")?;
        let (said, code) = said(&folder, &[])?;
        assert_eq!(said.starts_with("ok "), refused, "{status}: {said}");
        assert_eq!(code, Some(i32::from(!refused)), "{status}: {said}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_reached_is_in_order() -> Result<()> {
    let port = Port::reserve()?;
    let socket = tempdir()?;
    let path = socket.path().join("gone.sock");
    let endpoints = [format!("http://{}", port.address()), format!("unix:{}", path.display())];
    let expected = format!(
        "ok    service orders: {}: it cannot be reached from here: Connection refused (os error 111)
ok    service orders: {}: it cannot be reached from here: No such file or directory (os error 2)\n",
        endpoints[0], endpoints[1]
    );
    assert_eq!(said(&house(&endpoints, "")?, &[])?, (expected, Some(0)));
    Ok(())
}

#[test]
fn what_takes_a_connection_and_says_nothing_is_not_known() -> Result<()> {
    let at = silent()?;
    let (said, code) = said(&house(&[format!("http://{at}")], "")?, &[])?;
    let expected = format!(
        "FAIL  service orders: http://{at}: it takes the connection, and has not answered within 5s; whether it answers without an identity is not known: try again, or ask it by hand\n"
    );
    assert_eq!((said, code), (expected, Some(1)));
    Ok(())
}

#[test]
fn a_service_that_closes_every_connection_has_not_answered() -> Result<()> {
    let at = answering(|_| String::new())?;
    let (said, code) = said(&house(&[format!("http://{at}")], "")?, &[])?;
    let expected = format!(
        "ok    service orders: http://{at}: it refuses who has no identity (no answer); 1 route tried\n"
    );
    assert_eq!((said, code), (expected, Some(0)));
    Ok(())
}

#[test]
fn what_speaks_no_http_is_not_known() -> Result<()> {
    let at = answering(|_| "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned())?;
    let (said, code) = said(&house(&[format!("http://{at}")], "")?, &[])?;
    assert!(
        said.starts_with(&format!(
            "FAIL  service orders: http://{at}: it does not answer in HTTP: "
        )),
        "{said}"
    );
    assert_eq!(code, Some(1));
    Ok(())
}

#[test]
fn a_unix_socket_is_asked_as_well() -> Result<()> {
    let folder = tempdir()?;
    let path = folder.path().join("orders.sock");
    strangers::answering_unix(UnixListener::bind(&path)?);
    let (said, code) = said(&house(&[format!("unix:{}", path.display())], "")?, &[])?;
    let expected = format!(
        "FAIL  service orders: unix:{}: it answers without an identity: 200 to `GET /orders/0` at `orders.test`; {REMEDY}\n",
        path.display()
    );
    assert_eq!((said, code), (expected, Some(1)));
    Ok(())
}

#[test]
fn a_name_is_looked_up_and_each_of_its_addresses_asked() -> Result<()> {
    let service = Recorder::start()?;
    let names = testbed::Names::start()?;
    names.set("orders.test", &[std::net::Ipv4Addr::LOCALHOST]);
    let port = service.address().port();
    let folder = house(&[format!("http://orders.test:{port}")], "")?;
    let path = folder.path().join("doorward.yaml");
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, format!("dns: {{ servers: [\"{}\"] }}\n{text}", names.address()))?;
    let (said, code) = said(&folder, &[])?;
    let expected =
        format!("FAIL  service orders: http://orders.test:{port} (127.0.0.1): it answers ");
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(code, Some(1));
    Ok(())
}

#[test]
fn a_service_that_wants_a_client_certificate_is_in_order_and_the_gates_own_is_not_shown()
-> Result<()> {
    let authority = Authority::new()?;
    for (versions, wanted) in
        [(Tls::Newest, true), (Tls::V12, true), (Tls::Newest, false), (Tls::Nginx, true)]
    {
        let at = strangers::tls(&authority, versions, wanted)?;
        let folder = house(
            &[format!("https://{at}")],
            "    tls: { ca: ca.pem, server_name: orders.test, certificates: [gate.pem] }",
        )?;
        // It holds the one certificate that would open the service.
        std::fs::write(folder.path().join("gate.pem"), authority.sign("gate.test")?)?;
        std::fs::write(folder.path().join("ca.pem"), authority.pem())?;
        let (told, code) = said(&folder, &[])?;
        let expected = if wanted {
            format!(
                "ok    service orders: https://{at}: TLS refuses us: it wants a client certificate\n"
            )
        } else {
            format!(
                "FAIL  service orders: https://{at}: it answers without an identity: 200 to `GET /orders/0` at `orders.test`; {REMEDY}\n"
            )
        };
        assert_eq!((told, code), (expected, Some(i32::from(!wanted))), "{versions:?} {wanted}");
    }
    Ok(())
}

#[test]
fn plain_http_where_tls_is_configured_is_not_known() -> Result<()> {
    let service = strangers::plain()?;
    let (said, code) = said(&house(&[format!("https://{service}")], "")?, &[])?;
    assert!(said.contains(": TLS cannot be spoken with it: "), "{said}");
    assert_eq!(code, Some(1));
    Ok(())
}

#[test]
fn http2_is_spoken_with_services_that_take_it() -> Result<()> {
    let at = strangers::http2()?;
    let (said, code) = said(&house(&[format!("http://{at}")], "    protocol: http2")?, &[])?;
    let expected = format!(
        "FAIL  service orders: http://{at}: it answers without an identity: 200 to `GET /orders/0` at `orders.test`; {REMEDY}\n"
    );
    assert_eq!((said, code), (expected, Some(1)));
    Ok(())
}

#[test]
fn a_service_that_is_open_to_anyone_is_not_asked() -> Result<()> {
    let service = Recorder::start()?;
    let folder = house(&[format!("http://{}", service.address())], "")?;
    let path = folder.path().join("doorward.yaml");
    let text = std::fs::read_to_string(&path)?;
    let (kept, _) = text.split_once("  - name: read").unwrap_or_default();
    std::fs::write(&path, kept)?;
    let ran = run(folder.path(), &["doctor", "--bypass"], "")?;
    let expected = format!(
        "ok    config: doorward.yaml is good, with 1 route
note  service orders: 1 endpoint not asked: all its routes are open to anyone
{NOTE}"
    );
    assert_eq!((ran.stdout, ran.status), (expected, Some(0)));
    assert!(service.take().requests.is_empty());
    Ok(())
}

#[test]
fn a_token_has_no_place_in_it() -> Result<()> {
    let ran = run(tempdir()?.path(), &["doctor", "--bypass", "--token", "-"], "")?;
    assert_eq!(ran.status, Some(2));
    Ok(())
}
