//! Endpoints that are asked from time to time whether they are well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use bytes::Bytes;

use super::{House, OK, answering, endpoints};

#[test]
fn checks_over_tcp_take_an_endpoint_out_and_back() -> Result<()> {
    let port = testbed::Port::reserve()?;
    let (other, _) = answering(OK)?;
    let service = endpoints(&[port.address(), other.address()])
        + "    health: { tcp: true, every: 100ms, timeout: 100ms, fall: 2, rise: 2 }\n";
    let house = House::open(&service)?;
    house.until_up("\"why\": \"fails its checks\"")?;
    let listener = port.listen()?;
    house.until_up("\"endpoints_up\": 2")?;
    drop(listener);
    house.until_up("\"endpoints_up\": 1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_grpc_is_asked_for_its_health_in_its_own_words() -> Result<()> {
    let serving = Arc::new(AtomicBool::new(true));
    let address = grpc_health(Arc::clone(&serving)).await?;
    let service = endpoints(&[address])
        + "    protocol: http2\n    health: { grpc: demo.Echo, every: 100ms, timeout: 100ms, fall: 1 }\n";
    let house = House::open(&service)?;
    house.until_up("\"endpoints_up\": 1")?;
    serving.store(false, Ordering::SeqCst);
    house.until_up("\"endpoints_up\": 0")?;
    serving.store(true, Ordering::SeqCst);
    house.until_up("\"endpoints_up\": 1")
}

/// A server that answers the calls of health checks for `demo.Echo`, and nothing else.
async fn grpc_health(serving: Arc<AtomicBool>) -> Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serving = Arc::clone(&serving);
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((mut request, mut answer))) = connection.accept().await {
                    let serving = Arc::clone(&serving);
                    tokio::spawn(async move {
                        let asked = request.body_mut().data().await;
                        let known = request.uri().path() == "/grpc.health.v1.Health/Check"
                            && matches!(asked, Some(Ok(bytes)) if &bytes[..] == b"\0\0\0\0\x0b\x0a\x09demo.Echo");
                        let status = if known && serving.load(Ordering::SeqCst) { 1 } else { 2 };
                        let head =
                            http::Response::builder().header("content-type", "application/grpc");
                        let Ok(head) = head.body(()) else { return };
                        let Ok(mut body) = answer.send_response(head, false) else { return };
                        let message = Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 8, status]);
                        let _ = body.send_data(message, false);
                        let mut trailers = http::HeaderMap::new();
                        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
                        let _ = body.send_trailers(trailers);
                    });
                }
            });
        }
    });
    Ok(address)
}
