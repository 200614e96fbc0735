//! Connections of HTTP/2 on which many requests were given up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response};
use testbed::clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::{House, PATIENCE, endpoints};

/// How many requests are given up at a time, and how often.
const AT_A_TIME: usize = 10;
const TIMES: usize = 12;
/// So many connections that many requests take, when each is given no more after 30.
const CONNECTIONS: usize = 4;

/// What a service knows of itself.
#[derive(Default)]
struct Known {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: AtomicUsize,
    answer: Notify,
}

/// A service that answers `/held` when it is told to, and nothing else.
async fn silent(known: Arc<Known>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let known = Arc::clone(&known);
            known.connections.fetch_add(1, Ordering::SeqCst);
            known.open.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let _ = serve(stream, &known).await;
                known.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, known: &Arc<Known>) -> Result<()> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, mut answer) = accepted?;
        known.requests.fetch_add(1, Ordering::SeqCst);
        let known = Arc::clone(known);
        tokio::spawn(async move {
            if request.uri().path() == "/held" {
                known.answer.notified().await;
                let _ = answer.send_response(Response::new(()), true);
            }
            let _ = std::future::poll_fn(|context| answer.poll_reset(context)).await;
        });
    }
    Ok(())
}

fn ask(caller: &mut SendRequest<Bytes>, path: &str) -> Result<h2::client::ResponseFuture> {
    let request = Request::get(format!("http://app.test{path}")).body(())?;
    Ok(caller.send_request(request, true)?.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_many_were_given_up_ends_with_the_last_that_was_not() -> Result<()> {
    let known = Arc::new(Known::default());
    let service = endpoints(&[silent(Arc::clone(&known)).await?]) + "    protocol: http2\n";
    let house = House::open(&service)?;
    let stream = TcpStream::connect(house.place.http()).await?;
    let (mut caller, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        clock::until(what, PATIENCE, || Ok(is_so().then_some(())))
    };
    let held = ask(&mut caller, "/held")?;
    for time in 1..=TIMES {
        let given_up =
            (0..AT_A_TIME).map(|_| ask(&mut caller, "/never")).collect::<Result<Vec<_>>>()?;
        until("the requests", &|| known.requests.load(Ordering::SeqCst) == 1 + time * AT_A_TIME)?;
        drop(given_up);
        clock::until("them to be over", PATIENCE, || {
            Ok((house.metric("doorward_requests_in_flight")? == 1).then_some(()))
        })?;
    }
    assert_eq!(known.connections.load(Ordering::SeqCst), CONNECTIONS);
    until("all but one to close", &|| known.open.load(Ordering::SeqCst) == 1)?;
    known.answer.notify_one();
    assert_eq!(held.await?.status(), 200, "what was not given up goes on");
    until("the last to close", &|| known.open.load(Ordering::SeqCst) == 0)
}
