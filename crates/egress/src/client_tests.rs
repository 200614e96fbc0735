use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::client_certificate::ClientCertificate;
use crate::resolve::Resolving;
use crate::test_server::{Answer, Authority, TestServer, ok};
use crate::trust::TrustRoots;

const ANY: &str = "*/*";

#[tokio::test]
async fn a_fetch_brings_the_body_and_what_the_header_says_about_it() {
    let fields = "content-type: application/json\r\netag: \"v1\"\r\ncache-control: public, max-age=300\r\nage: 20\r\n";
    let server = TestServer::ok(fields, "{}");
    let place = Destination::configured(&format!("{}?tenant=a", server.url())).unwrap();

    let fetched = egress().get(&place, "application/json").await.unwrap();

    assert_eq!(fetched.body, "{}");
    assert_eq!(fetched.etag.as_deref(), Some("\"v1\""));
    assert_eq!(fetched.content_type.as_deref(), Some("application/json"));
    assert_eq!(fetched.freshness.max_age, Some(Duration::from_secs(300)));
    assert_eq!(fetched.freshness.age, Duration::from_secs(20));
    let expected = format!(
        "GET /keys?tenant=a HTTP/1.1\r\nhost: {}\r\nuser-agent: tester\r\naccept: application/json\r\n\
         accept-encoding: identity\r\nconnection: close\r\n\r\n",
        server.address
    );
    assert_eq!(server.requests.recv().unwrap(), expected);
}

#[tokio::test]
async fn an_answer_that_is_not_a_plain_200_is_refused() {
    let body_of = |encoding: &str| ok(&format!("content-encoding: {encoding}\r\n"), "{}");
    let redirect = |status: u16, to: &str| format!("HTTP/1.1 {status} X\r\nlocation: {to}\r\n\r\n");
    let cases: Vec<(String, &str, bool)> = vec![
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
            "answered 404; expected 200",
            false,
        ),
        (
            "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".into(),
            "answered 503; expected 200",
            true,
        ),
        (
            "HTTP/1.1 429 Slowly\r\ncontent-length: 0\r\n\r\n".into(),
            "answered 429; expected 200",
            true,
        ),
        (
            "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n".into(),
            "answered 201; expected 200",
            false,
        ),
        ("HTTP/1.1 304 Same\r\n\r\n".into(), "answered 304; expected 200", false),
        (
            redirect(302, "https://other.example/keys?code=secret"),
            "answered 302, a redirect to `other.example`, and redirects are not followed; configure the final URL",
            false,
        ),
        (
            redirect(301, "/moved"),
            "answered 301, a redirect to another path or scheme, and redirects are not followed; configure the final URL",
            false,
        ),
        (
            redirect(308, "https://user:pass@other.example/"),
            "answered 308, a redirect to an unreadable place, and redirects are not followed; configure the final URL",
            false,
        ),
        (
            body_of("gzip"),
            "answered with a content-encoding, and only `identity` was accepted",
            false,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into(), "broke off its answer", true),
        (String::new(), "broke off its answer", true),
        (
            "HTTP/1.1 200 OK\r\ncontent length: 9\r\n\r\n".into(),
            "does not answer valid HTTP/1.1: invalid HTTP header parsed",
            false,
        ),
        (
            "SSH-2.0-OpenSSH_9.9\r\n\r\n".into(),
            "does not answer valid HTTP/1.1: invalid HTTP version parsed",
            false,
        ),
    ];
    for (answer, expected, retry_may_help) in cases {
        let server = TestServer::saying(answer.clone());
        let place = Destination::configured(&format!("{}?key=secret", server.url())).unwrap();
        let error = egress().get(&place, ANY).await.unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` {expected}", server.url()), "{answer:?}");
        assert_eq!(error.retry_may_help(), retry_may_help, "{answer:?}");
    }
    assert!(fetch(&TestServer::saying(body_of("identity"))).await.is_ok());
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit_and_not_beyond() {
    let limit = MAX_BODY;
    let sized = |bytes: usize| ok("", &"x".repeat(bytes));
    let chunked = |bytes: usize| {
        let (head, tail) = (bytes / 2, bytes - bytes / 2);
        let (first, second) = ("x".repeat(head), "x".repeat(tail));
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{head:x}\r\n{first}\r\n{tail:x}\r\n{second}\r\n0\r\n\r\n"
        )
    };
    let endless = |bytes: usize| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(bytes));
    let framings: [&dyn Fn(usize) -> String; 3] = [&sized, &chunked, &endless];
    for framing in framings {
        let fetched = fetch(&TestServer::saying(framing(limit))).await.unwrap();
        assert_eq!(fetched.body.len(), limit);
        let error = fetch(&TestServer::saying(framing(limit + 1))).await.unwrap_err();
        assert_eq!(error, Fault::BodyTooLarge { limit });
        assert_eq!(error.to_string(), "answered more than 64 bytes");
    }
}

#[tokio::test]
async fn a_header_section_is_read_up_to_its_limits_and_not_beyond() {
    let of_bytes = |bytes: usize| {
        let own = "content-length: 2\r\n".len() + "x: \r\n".len();
        ok(&format!("x: {}\r\n", "x".repeat(bytes - own)), "{}")
    };
    assert!(fetch(&TestServer::saying(of_bytes(MAX_HEAD_BYTES))).await.is_ok());
    let error = fetch(&TestServer::saying(of_bytes(MAX_HEAD_BYTES + 1))).await.unwrap_err();
    assert_eq!(error.to_string(), "answered more than 16384 bytes or 100 fields of header");
    let error = fetch(&TestServer::saying(of_bytes(MAX_HEAD_BYTES * 8))).await.unwrap_err();
    assert_eq!(error, HEAD_TOO_LARGE);

    let of_fields = |fields: usize| ok(&"x: y\r\n".repeat(fields - 1), "{}");
    assert!(fetch(&TestServer::saying(of_fields(MAX_HEAD_FIELDS))).await.is_ok());
    let error = fetch(&TestServer::saying(of_fields(MAX_HEAD_FIELDS + 1))).await.unwrap_err();
    assert_eq!(error, HEAD_TOO_LARGE);
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up() {
    let total_timeout = Duration::from_millis(50);
    let change = |options| EgressOptions { total_timeout, ..options };
    let egress = egress_with(change, Arc::new(SystemResolver));
    for said in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"] {
        let server = TestServer::start(Answer::Stall(said.into()), None);
        let error = egress.get(&configured(&server), ANY).await.unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` did not answer within 50ms", server.url()));
        assert!(error.retry_may_help());
    }
}

#[tokio::test]
async fn a_server_that_does_not_shake_hands_is_given_up() {
    let connect_timeout = Duration::from_millis(50);
    let change = |options| EgressOptions { connect_timeout, ..options };
    let egress = egress_with(change, Arc::new(SystemResolver));
    let server = TestServer::start(Answer::Ignore, None);
    let place = Destination::configured(&format!("https://{}/", server.address)).unwrap();
    let error = egress.get(&place, ANY).await.unwrap_err();
    assert_eq!(error.fault().to_string(), "did not connect within 50ms");
    assert!(error.retry_may_help());
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_named() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Destination::configured(&format!("http://{address}/")).unwrap();
    let error = egress().get(&place, ANY).await.unwrap_err();
    let expected = format!(
        "`http://{address}/` cannot be connected to: {address}: Connection refused (os error 111)"
    );
    assert_eq!(error.to_string(), expected);
    assert!(error.retry_may_help());
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let server = TestServer::ok("", "{}");
    let egress = resolving(vec![Ok(vec!["127.0.0.2", "127.0.0.1"])]).0;
    let place =
        Destination::danger_plain_http(&format!("http://issuer.test:{}/", server.address.port()))
            .unwrap();
    assert!(egress.get(&place, ANY).await.is_ok());
}

#[tokio::test]
async fn a_learned_host_with_any_address_inside_is_refused_without_a_connection() {
    let server = TestServer::ok("", "{}");
    let from = Destination::configured("https://issuer.test/").unwrap();
    let url = format!("https://keys.test:{}/", server.address.port());
    let place = Destination::learned(&url, &from).unwrap();
    for answer in
        [vec!["127.0.0.1"], vec!["2000::1", "127.0.0.1"], vec!["2000::1", "::ffff:127.0.0.1"]]
    {
        let last = *answer.last().unwrap();
        let error = resolving(vec![Ok(answer)]).0.get(&place, ANY).await.unwrap_err();
        let expected = format!(
            "`{url}` was learned from a fetched document and resolves to {last}, a loopback address, which only a \
             configured URL may reach; configure the URL itself"
        );
        assert_eq!(error.to_string(), expected);
        assert!(!error.retry_may_help());
    }
    assert!(server.requests.try_recv().is_err());
}

#[tokio::test]
async fn a_name_that_is_rebound_after_the_check_is_not_asked_again() {
    let server = TestServer::ok("", "{}");
    let from = Destination::configured("https://issuer.test/").unwrap();
    let url = format!("https://keys.test:{}/", server.address.port());
    let place = Destination::learned(&url, &from).unwrap();
    // 2000::1 is public by its number, and nobody's.
    let (resolver, asked) = scripted(vec![Ok(vec!["2000::1"]), Ok(vec!["127.0.0.1"])]);
    let connect_timeout = Duration::from_millis(50);
    let egress = egress_with(|options| EgressOptions { connect_timeout, ..options }, resolver);
    let error = egress.get(&place, ANY).await.unwrap_err();
    assert!(
        matches!(error.fault(), Fault::Connect { .. } | Fault::ConnectTimeout { .. }),
        "{error}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(server.requests.try_recv().is_err());
}

#[tokio::test]
async fn a_learned_place_on_the_configured_origin_may_be_inside() {
    let server = TestServer::ok("", "{}");
    let from = configured(&server);
    let place = Destination::learned(&format!("http://{}/other", server.address), &from).unwrap();
    assert!(egress().get(&place, ANY).await.is_ok());
}

#[tokio::test]
async fn a_loopback_name_that_resolves_elsewhere_gets_no_plain_http() {
    let egress = resolving(vec![Ok(vec!["2000::1"])]).0;
    let place = Destination::configured("http://localhost/keys").unwrap();
    let error = egress.get(&place, ANY).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`http://localhost/keys` resolves to 2000::1, and plain http is accepted only to a loopback address"
    );
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let place = Destination::configured("https://issuer.test/").unwrap();
    let error = resolving(vec![Err("no such host")]).0.get(&place, ANY).await.unwrap_err();
    assert_eq!(error.to_string(), "`https://issuer.test/` cannot be resolved: no such host");
    let error = resolving(vec![Ok(vec![])]).0.get(&place, ANY).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`https://issuer.test/` cannot be resolved: the name has no address"
    );
}

#[tokio::test]
async fn only_servers_that_a_given_authority_vouches_for_are_believed() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let ca = authority.file(directory.path());
    let stranger = Authority::new("stranger").file(directory.path());
    let server = TestServer::start(
        Answer::Close(ok("", "{}").into()),
        Some(authority.server(2020, 2100, "issuer.test")),
    );
    let place = |host: &str| {
        Destination::configured(&format!("https://{host}:{}/", server.address.port())).unwrap()
    };

    let fetched = trusting(ca.clone()).get(&place("issuer.test"), ANY).await.unwrap();
    assert_eq!(fetched.body, "{}");

    let error = trusting(stranger).get(&place("issuer.test"), ANY).await.unwrap_err();
    assert_eq!(
        error.fault().to_string(),
        "failed the TLS handshake: invalid peer certificate: UnknownIssuer"
    );
    assert!(error.retry_may_help());

    let error = trusting(ca).get(&place("other.test"), ANY).await.unwrap_err();
    let text = error.fault().to_string();
    assert!(
        text.starts_with(
            "failed the TLS handshake: invalid peer certificate: certificate not valid for name"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let ca = authority.file(directory.path());
    let server = TestServer::start(
        Answer::Close(ok("", "{}").into()),
        Some(authority.server(2020, 2021, "issuer.test")),
    );
    let place = Destination::configured(&format!("https://issuer.test:{}/", server.address.port()))
        .unwrap();
    let egress = trusting(ca);
    let text = egress.get(&place, ANY).await.unwrap_err().to_string();
    assert!(
        text.contains("failed the TLS handshake: invalid peer certificate: certificate expired"),
        "{text}"
    );
    assert!(server.requests.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_asks_is_shown_our_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let ca = authority.file(directory.path());
    let shown = authority.client(directory.path());
    let config = authority.server_that_asks(2020, 2100, "issuer.test");
    let server = TestServer::start(Answer::Close(ok("", "{}").into()), Some(config));
    let place = Destination::configured(&format!("https://issuer.test:{}/", server.address.port()))
        .unwrap();
    let showing = |client| {
        let options = EgressOptions { client, ..options(ca.clone()) };
        Egress::with_resolver(options, scripted(vec![Ok(vec!["127.0.0.1"])]).0).unwrap()
    };
    let fetched = showing(Some(shown.clone())).get(&place, ANY).await.unwrap();
    assert_eq!(fetched.body, "{}");
    assert!(showing(None).get(&place, ANY).await.is_err());

    let garbage = directory.path().join("garbage.pem");
    std::fs::write(&garbage, "garbage").unwrap();
    let cases = [
        (
            ClientCertificate { key: garbage.clone(), ..shown.clone() },
            format!(
                "client certificate `{}` cannot be used: expected a private key in PEM",
                garbage.display()
            ),
        ),
        (
            ClientCertificate { chain: garbage.clone(), ..shown },
            format!(
                "client certificate `{}` cannot be used: expected a certificate in PEM",
                garbage.display()
            ),
        ),
    ];
    for (client, expected) in cases {
        let options = EgressOptions { client: Some(client), ..options(ca.clone()) };
        assert_eq!(Egress::new(options).unwrap_err().to_string(), expected);
    }
}

const MAX_BODY: usize = 64;

fn options(ca: PathBuf) -> EgressOptions {
    let ca = TrustRoots::Files(vec![ca]);
    EgressOptions {
        ca,
        max_body: MAX_BODY,
        user_agent: "tester".to_owned(),
        ..EgressOptions::default()
    }
}

/// A client that believes nobody who is there.
fn egress_with(
    change: impl FnOnce(EgressOptions) -> EgressOptions,
    resolver: Arc<dyn Resolve>,
) -> Egress {
    let directory = tempfile::tempdir().unwrap();
    let ca = Authority::new("nobody").file(directory.path());
    Egress::with_resolver(change(options(ca)), resolver).unwrap()
}

fn egress() -> Egress {
    egress_with(|options| options, Arc::new(SystemResolver))
}

fn configured(server: &TestServer) -> Destination {
    Destination::configured(&server.url()).unwrap()
}

async fn fetch(server: &TestServer) -> Result<Fetched, Fault> {
    egress().get(&configured(server), ANY).await.map_err(|error| error.fault().clone())
}

type Script = Vec<Result<Vec<&'static str>, &'static str>>;

fn resolving(script: Script) -> (Egress, Arc<AtomicUsize>) {
    let (resolver, asked) = scripted(script);
    (egress_with(|options| options, resolver), asked)
}

fn scripted(script: Script) -> (Arc<dyn Resolve>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    (Arc::new(Scripted { script, asked: Arc::clone(&asked) }), asked)
}

/// A client that believes this authority, and for which every name is this machine's.
fn trusting(ca: PathBuf) -> Egress {
    Egress::with_resolver(options(ca), scripted(vec![Ok(vec!["127.0.0.1"])]).0).unwrap()
}

/// Gives the answers of the script one after the other, and the last one from then on.
#[derive(Debug)]
struct Scripted {
    script: Script,
    asked: Arc<AtomicUsize>,
}

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        let place = self.asked.fetch_add(1, Ordering::SeqCst).min(self.script.len() - 1);
        let answer = self.script[place].clone();
        Box::pin(async move {
            let addresses = answer.map_err(io::Error::other)?;
            Ok(addresses.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect())
        })
    }
}

#[tokio::test]
async fn what_is_sent_is_answered_with_whatever_status_it_has() {
    let server =
        TestServer::saying("HTTP/1.1 429 Slowly\r\nretry-after: 60\r\ncontent-length: 2\r\n\r\n{}");
    let place = Destination::configured(&server.url()).unwrap();
    let request = Request::post("/ignored")
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, "Bearer t")
        .header(CONTENT_TYPE, "application/jose+json")
        .header("x-other", "not sent")
        .body(Bytes::new())
        .unwrap();

    let answer = egress().send(&place, request).await.unwrap();

    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "60");
    assert_eq!(answer.body(), "{}");
    let expected = format!(
        "POST /keys HTTP/1.1\r\nhost: {}\r\nuser-agent: tester\r\naccept: application/json\r\n\
         accept-encoding: identity\r\nconnection: close\r\nauthorization: Bearer t\r\n\
         content-type: application/jose+json\r\n\r\n",
        server.address
    );
    assert_eq!(server.requests.recv().unwrap(), expected);
}

#[tokio::test]
async fn what_is_sent_is_not_redirected_and_its_answer_is_bounded() {
    for (answer, expected) in [
        (
            "HTTP/1.1 307 X\r\nlocation: http://127.0.0.1/\r\n\r\n".to_owned(),
            "answered 307, a redirect to `127.0.0.1`, and redirects are not followed; configure the final URL",
        ),
        (ok("", "ninebytes"), "answered more than 8 bytes"),
    ] {
        let server = TestServer::saying(answer);
        let place = Destination::configured(&server.url()).unwrap();
        let bounded = |options| EgressOptions { max_body: 8, ..options };
        let egress = egress_with(bounded, Arc::new(SystemResolver));
        let error = egress.send(&place, Request::new(Bytes::new())).await.unwrap_err();
        assert_eq!(error.fault().to_string(), expected);
    }
}
