//! TLS and HTTP/2, on both sides, through the real binary.

#[path = "protocols/client_certificates.rs"]
mod client_certificates;
#[path = "protocols/house.rs"]
mod house;
#[path = "protocols/proxy_protocol.rs"]
mod proxy_protocol;

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use testbed::{audit, clock};
use tokio::time::timeout;

use house::{Body, House, PATIENCE, whole};

fn request(path: &str) -> Request<Body> {
    let url = format!("https://app.test{path}");
    let mut request = Request::new(whole(""));
    *request.uri_mut() = url.parse().unwrap_or_default();
    request
}

fn ok() -> Response<Body> {
    Response::new(whole("ok"))
}

/// An answer that never ends, as fast as it is taken.
fn endless() -> Response<Body> {
    let frames = std::iter::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b'x'; 4096]))));
    Response::new(BodyExt::boxed(StreamBody::new(Frames(frames))))
}

/// What a call of gRPC is answered with when all is well.
fn grpc_ok() -> Response<Body> {
    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    let frames = [Frame::data(Bytes::from_static(b"\0\0\0\0\0")), Frame::trailers(trailers)];
    Response::new(BodyExt::boxed(StreamBody::new(Frames(frames.into_iter().map(Ok)))))
}

/// An iterator as a stream that is always ready.
struct Frames<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Frames<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn http2_over_tls_is_judged_and_forwarded_over_tls_like_any_other() -> Result<()> {
    let house = House::open(ok).await?;
    let mut client = house.http2().await?;
    let mut asked = request("/open/a%7Eb?q=%2f");
    let cookies = ["a=1", "b=2", "c=3"].map(|cookie| ("cookie", cookie));
    for (name, value) in cookies.into_iter().chain([("x-mine", "kept"), ("te", "trailers")]) {
        asked.headers_mut().append(name, HeaderValue::from_static(value));
    }
    let answer = client.send_request(asked).await?;
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, http::Version::HTTP_2));
    assert_eq!(answer.into_body().collect().await?.to_bytes(), "ok");
    let seen = house.seen();
    let [(head, _, _)] = seen.as_slice() else { anyhow::bail!("expected one request") };
    assert_eq!(head.uri, "https://app.test/open/a~b?q=%2f");
    let value = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    assert_eq!(value("cookie"), Some(b"a=1; b=2; c=3".as_slice()));
    assert_eq!(value("x-mine"), Some(b"kept".as_slice()));
    assert_eq!(value("x-forwarded-proto"), Some(b"https".as_slice()));
    assert_eq!((value("te"), value("host")), (None, None));
    Ok(())
}

#[tokio::test]
async fn http1_over_tls_and_http2_without_it_reach_the_same_service() -> Result<()> {
    let house = House::open(ok).await?;
    let mut asked = request("/open/a");
    *asked.uri_mut() = "/open/a".parse()?;
    asked.headers_mut().insert("host", HeaderValue::from_static("app.test"));
    assert_eq!(house.http1().await?.send_request(asked).await?.status(), StatusCode::OK);
    let mut asked = request("/plain/a");
    *asked.uri_mut() = "http://app.test/plain/a".parse()?;
    assert_eq!(house.http2_plain().await?.send_request(asked).await?.status(), StatusCode::OK);
    let seen = house.seen();
    let urls: Vec<_> = seen.iter().map(|(head, _, _)| head.uri.to_string()).collect();
    assert_eq!(urls, ["https://app.test/open/a", "http://app.test/plain/a"]);
    Ok(())
}

#[tokio::test]
async fn what_http2_can_say_and_http1_cannot_is_refused_or_dropped() -> Result<()> {
    let house = House::open(ok).await?;
    let mut client = house.http2().await?;
    let mut status = async |asked: Request<Body>| -> Result<u16> {
        Ok(client.send_request(asked).await?.status().as_u16())
    };
    let mut other_host = request("/open/a");
    other_host.headers_mut().insert("host", HeaderValue::from_static("other.test"));
    assert_eq!(status(other_host).await?, 400, "a host beside another authority");
    let mut same_host = request("/open/a");
    same_host.headers_mut().insert("host", HeaderValue::from_static("app.test"));
    assert_eq!(status(same_host).await?, 200, "a host that says the same");
    let mut other_scheme = request("/open/a");
    *other_scheme.uri_mut() = "http://app.test/open/a".parse()?;
    assert_eq!(status(other_scheme).await?, 400, "a scheme that is not the connection's");
    let mut many = request("/open/a");
    for _ in 0..101 {
        many.headers_mut().append("x-a", HeaderValue::from_static("1"));
    }
    assert_eq!(status(many).await?, 431, "a header line too many");
    assert_eq!(status(request("/open/%2e%2e/admin")).await?, 400, "a dot segment");
    assert_eq!(status(request("/nowhere")).await?, 404);
    assert_eq!(status(request("/guarded/a")).await?, 401);

    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-forwarded-user"),
        HeaderValue::from_static("admin"),
    )]);
    let frames = [Frame::data(Bytes::from_static(b"body")), Frame::trailers(trailers)];
    let mut trailed = request("/open/a")
        .map(|_| BodyExt::boxed(StreamBody::new(Frames(frames.into_iter().map(Ok)))));
    *trailed.method_mut() = http::Method::POST;
    house.seen();
    assert_eq!(status(trailed).await?, 200);
    let seen = house.seen();
    let [(_, body, None)] = seen.as_slice() else {
        anyhow::bail!("expected a body without trailers, got {seen:?}")
    };
    assert_eq!(body, "body");
    Ok(())
}

#[tokio::test]
async fn grpc_is_denied_in_its_own_words_and_keeps_its_trailers() -> Result<()> {
    let house = House::open(grpc_ok).await?;
    let mut client = house.http2().await?;
    let mut call = async |path: &str, token: Option<String>| -> Result<_> {
        let mut asked = request(path);
        *asked.method_mut() = http::Method::POST;
        asked.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        if let Some(token) = token {
            asked.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        }
        let (head, body) = client.send_request(asked).await?.into_parts();
        let body = body.collect().await?;
        let status =
            head.headers.get("grpc-status").or_else(|| body.trailers()?.get("grpc-status"));
        Ok((head.status.as_u16(), status.cloned(), body.to_bytes().len()))
    };
    let status = |code: &'static str| Some(HeaderValue::from_static(code));
    assert_eq!(call("/guarded/a", None).await?, (200, status("16"), 0));
    let mallory = house.issuer.token("mallory", "app", serde_json::json!({}))?;
    assert_eq!(call("/guarded/a", Some(mallory)).await?, (200, status("7"), 0));
    assert_eq!(call("/nowhere", None).await?, (200, status("12"), 0));
    assert!(house.seen().is_empty(), "expected no denied call at the service");
    assert_eq!(call("/guarded/a", Some(house.token()?)).await?, (200, status("0"), 5));
    let seen = house.seen();
    let te = seen.first().and_then(|(head, _, _)| head.headers.get("te"));
    assert_eq!(te, Some(&HeaderValue::from_static("trailers")));
    Ok(())
}

#[tokio::test]
async fn trailers_that_a_connection_has_seen_before_are_no_refusal() -> Result<()> {
    const CALLS: usize = 5;
    let house = House::open(grpc_ok).await?;
    let mut client = house.http2().await?;
    for _ in 0..CALLS {
        let body = client.send_request(request("/open/a")).await?.into_body().collect().await?;
        let status = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
        assert_eq!(status, Some(&HeaderValue::from_static("0")));
    }
    house.gateway.stop()?;
    let decisions = audit::decisions(&house.place.path("audit"))?;
    assert!(decisions.iter().all(|one| one.allowed), "expected no denial in {decisions:?}");
    assert_eq!(decisions.len(), CALLS);
    Ok(())
}

#[tokio::test]
async fn a_service_that_cannot_prove_who_it_is_gets_no_request() -> Result<()> {
    let house = House::open(ok).await?;
    let mut client = house.http2().await?;
    // A service that believes it is at the same address; what it opened is its own.
    for (path, status) in [
        ("/stranger/a", 502),
        ("/open/a", 200),
        ("/stranger/a", 502),
        ("/misnamed/a", 502),
        ("/known/a", 200),
        ("/other-id/a", 502),
        ("/open/a", 200),
    ] {
        assert_eq!(client.send_request(request(path)).await?.status(), status, "{path}");
    }
    assert_eq!(house.seen().len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_name_that_no_certificate_is_for_gets_no_handshake() -> Result<()> {
    let house = House::open(ok).await?;
    assert!(house.tls("other.test", &[b"h2"]).await.is_err());
    assert!(house.tls("app.test", &[b"h3"]).await.is_err(), "a protocol that is not spoken");
    Ok(())
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_callers_and_disturbs_no_old_one() -> Result<()> {
    let house = House::open(ok).await?;
    let shown = async || -> Result<Vec<u8>> {
        let stream = house.tls("app.test", &[b"h2"]).await?;
        let chain = stream.get_ref().1.peer_certificates().context("expected a certificate")?;
        Ok(chain.first().context("expected a certificate")?.to_vec())
    };
    let mut old = house.http2().await?;
    let before = shown().await?;
    house.place.write("app.pem", &house.authority.sign("app.test")?)?;
    house.gateway.reload()?;
    let changed = async {
        while shown().await? == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, changed).await??;
    assert_eq!(old.send_request(request("/open/a")).await?.status(), 200);
    // One that is broken changes nothing.
    let good = shown().await?;
    house.place.write("app.pem", "broken")?;
    house.gateway.reload()?;
    house.place.until_status("/readyz", 200)?;
    assert_eq!(shown().await?, good);
    Ok(())
}

#[tokio::test]
async fn a_stream_whose_permit_is_revoked_is_reset_alone_whether_it_is_read_or_not() -> Result<()> {
    let house = House::open(endless).await?;
    let mut client = house.http2().await?;
    let mut start = async |path: &str, token: Option<String>| -> Result<_> {
        let mut asked = request(path);
        if let Some(token) = token {
            asked.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        }
        let answer = client.send_request(asked).await?;
        assert_eq!(answer.status(), 200);
        let id = answer.headers().get("x-request-id").context("expected an id")?.clone();
        Ok((id, answer.into_body()))
    };
    let (read_id, mut read) = start("/guarded/read", Some(house.token()?)).await?;
    let (unread_id, _unread) = start("/guarded/unread", Some(house.token()?)).await?;
    let (_, mut public) = start("/open/a", None).await?;
    house.revoke_alice()?;
    timeout(PATIENCE, async { while let Some(Ok(_)) = read.frame().await {} }).await?;
    for id in [read_id, unread_id] {
        let id = id.to_str()?;
        let ended =
            clock::until("the outcome", PATIENCE, || audit::ended(&house.place.path("audit"), id))?;
        assert_eq!(ended, "revoked");
    }
    for _ in 0..100 {
        public.frame().await.context("expected the other stream to go on")??;
    }
    Ok(())
}

/// How much goes each way in the test of large bodies, in pieces of 64 KiB.
const PIECES: usize = 2048;

#[tokio::test]
async fn large_bodies_go_both_ways_over_tls_in_flat_memory() -> Result<()> {
    let pieces = || {
        let piece = Bytes::from(vec![b'x'; 64 << 10]);
        let frames = std::iter::repeat_n(piece, PIECES).map(|piece| Ok(Frame::data(piece)));
        BodyExt::boxed(StreamBody::new(Frames(frames)))
    };
    let house = House::open(move || Response::new(pieces())).await?;
    let mut client = house.http2().await?;
    assert_eq!(client.send_request(request("/nowhere")).await?.status(), 404);
    let before = memory(&house, "VmRSS:")?;
    let mut asked = request("/open/a").map(|_| pieces());
    *asked.method_mut() = http::Method::PUT;
    let mut answer = client.send_request(asked).await?.into_body();
    let mut received = 0;
    while let Some(frame) = answer.frame().await {
        received += frame?.data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(received, PIECES * (64 << 10));
    let seen = house.seen();
    let sent = seen.first().map(|(_, body, _)| body.len());
    assert_eq!(sent, Some(PIECES * (64 << 10)));
    // 128 MiB each way, and what is held meanwhile is windows and buffers.
    let grown = memory(&house, "VmHWM:")?.saturating_sub(before);
    assert!(grown < 24 << 10, "expected flat memory, it grew by {grown} KiB");
    Ok(())
}

/// A line of the process's status, in KiB.
fn memory(house: &House, line: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.gateway.pid()))?;
    let text = status.lines().find_map(|one| one.strip_prefix(line)).context("no such line")?;
    Ok(text.trim().trim_end_matches(" kB").parse()?)
}

#[tokio::test]
async fn a_connection_told_to_go_away_ends_its_streams_first() -> Result<()> {
    let house = House::open(ok).await?;
    let mut client = house.http2().await?;
    assert_eq!(client.send_request(request("/open/a")).await?.status(), 200);
    house.gateway.stop()?;
    let closed = async {
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, closed).await?;
    Ok(())
}

#[tokio::test]
async fn an_upload_that_its_service_does_not_take_ends_with_the_answer_or_the_permit() -> Result<()>
{
    let house = House::open_deaf().await?;
    let mut client = house.http2().await?;
    let mut start = async |path: &str, token: Option<String>| -> Result<_> {
        let piece = Bytes::from_static(&[b'x'; 4096]);
        let frames = std::iter::repeat_with(move || Ok(Frame::data(piece.clone())));
        let mut asked = request(path).map(|_| BodyExt::boxed(StreamBody::new(Frames(frames))));
        *asked.method_mut() = http::Method::PUT;
        if let Some(token) = token {
            asked.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        }
        let answer = client.send_request(asked).await?;
        let id = answer.headers().get("x-request-id").context("expected an id")?.clone();
        Ok((id.to_str()?.to_owned(), answer))
    };
    let ended = |id: &str| {
        clock::until("the outcome", PATIENCE, || audit::ended(&house.place.path("audit"), id))
    };
    let (id, answer) = start("/open/whole", None).await?;
    assert_eq!(answer.into_body().collect().await?.to_bytes(), "ok");
    assert_eq!(ended(&id)?, "completed");
    let (id, _answer) = start("/guarded/endless", Some(house.token()?)).await?;
    house.revoke_alice()?;
    assert_eq!(ended(&id)?, "revoked");
    Ok(())
}

#[tokio::test]
async fn plain_http_leads_to_https_and_nowhere_else() -> Result<()> {
    let (house, port) = House::open_redirecting().await?;
    let ask = |target: &str, host: &str| {
        let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        testbed::client::ask(house.place.http(), &head)
    };
    let reply = ask("/open/%7Ea?next=%2F", "App.test:80")?;
    let expected = format!("https://app.test:{port}/open/~a?next=%2F");
    assert_eq!((reply.status, reply.field("location")), (308, Some(expected.as_str())));
    let unread = ask("/open/../a", "app.test")?;
    assert_eq!((unread.status, unread.field("location")), (400, None));
    assert!(house.seen().is_empty(), "expected nothing at the service");
    assert_eq!(house.http2().await?.send_request(request("/open/a")).await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn what_a_service_says_it_did_not_begin_is_sent_again_and_not_held_against_it() -> Result<()>
{
    let house = House::open_refusing().await?;
    let mut client = house.http2().await?;
    let mut status = async |method: http::Method, path: &str, body: &'static str| -> Result<u16> {
        let mut asked = request(path).map(|_| whole(body));
        *asked.method_mut() = method;
        Ok(client.send_request(asked).await?.status().as_u16())
    };
    assert_eq!(status(http::Method::GET, "/open/refused/1", "").await?, 200);
    assert_eq!(status(http::Method::POST, "/open/refused/2", "").await?, 200);
    // Its body is gone with the first time.
    assert_eq!(status(http::Method::POST, "/open/refused/3", "body").await?, 502);
    let metrics = testbed::client::get(house.place.admin(), "/metrics")?.text();
    let down = metrics
        .lines()
        .find(|line| line.starts_with("doorward_endpoint_up") && line.ends_with(" 0"));
    assert!(down.is_none_or(|line| !line.contains("service=\"app\"")), "{down:?}");
    Ok(())
}
