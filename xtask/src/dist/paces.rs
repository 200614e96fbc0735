//! The paces that the binary which counts is put through: what callers and proxies ask of it most, at each of its doors,
//! and a refusal now and then. They need nothing but themselves, so that this builds wherever Rust does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{Request, StatusCode};
use rustls::pki_types::ServerName;
use testbed::clock::let_pass;
use testbed::{Authority, Issuer, Load, Manner, Port, Target, bulk};
use tokens::Algorithm;
use tokio::net::TcpStream;

use crate::bench::field::{HOST, ISSUER, key_set, mint, reader};
use crate::bench::gates::Gate;
use crate::bench::question::{Answer, Question};
use crate::bench::wrk::spoiled;

/// How many credentials of each algorithm are shown, in turn.
const CREDENTIALS: usize = 400;
/// Of so many credentials one is refused.
const REFUSED: usize = 25;
/// How many callers there are, and how many requests of HTTP/2 are under way at a time.
const CALLERS: usize = 8;
/// How long the callers of HTTP/1.1 ask.
const PACE: Duration = Duration::from_secs(4);
/// How many requests of HTTP/2 there are, a multiple of [`CALLERS`].
const STREAMS: usize = 8_000;
/// Of so many requests of a caller one has a body.
const WITH_BODY: usize = 8;
/// Of so many answers to a caller one is large.
const LARGE: usize = 64;
/// The bytes of an answer, and of a large one.
const SIZES: (usize, usize) = (32, 1 << 20);

/// Puts `binary` through them; if it counts what it does, it writes that into `folder`.
pub(crate) fn put_through(binary: &Path, folder: &Path) -> Result<()> {
    let issuers = [Algorithm::Rs256, Algorithm::Es256].map(|kind| Issuer::new(ISSUER, kind));
    let issuers: Vec<Issuer> = issuers.into_iter().collect::<Result<_>>()?;
    let shown = Arc::new(credentials(&issuers)?);
    let (service, authority) = (bulk::start()?, Authority::new()?);
    let (https, asked) = (Port::reserve()?, Port::reserve()?);
    let listen = format!(
        "  https: {{ address: \"{}\", certificates: [door.pem] }}\n  ext_authz: {{ address: \"{}\" }}\n",
        https.address(),
        asked.address()
    );
    let place = Gate::before(service.address()).furnished(&key_set(issuers.iter()), &listen)?;
    place.write("door.pem", &authority.sign(HOST)?)?;
    let mut command = place.run(binary)?;
    command.env("LLVM_PROFILE_FILE", folder.join("%p.profraw"));
    let gateway = place.start_by(command)?;
    let ask = {
        let shown = Arc::clone(&shown);
        move |caller, turn| plain(credential(&shown, caller + CALLERS * turn), turn)
    };
    println!("  callers of HTTP/1.1");
    ended(Load::start(place.http(), CALLERS, ask.clone()))?;
    println!("  callers of HTTP/1.1 over TLS");
    let name = ServerName::try_from(HOST)?;
    let target = Target { address: https.address(), name, client: authority.client()? };
    ended(Load::over_tls(&target, Manner::KeepAlive, CALLERS, ask))?;
    println!("  callers of HTTP/2");
    let request = |turn| {
        let (name, value) = credential(&shown, turn).split_once(": ").context("a header line")?;
        let request = Request::get(format!("http://{HOST}/orders/{}", SIZES.0)).header(name, value);
        Ok((request.body(())?, Bytes::new()))
    };
    streams(place.http(), request, |status, _| Ok(status == StatusCode::OK))?;
    println!("  questions of Envoy");
    let question = |turn| {
        let question = Question { header: credential(&shown, turn) }.framed()?;
        let request = Request::post("http://asked.test/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        Ok((request.body(())?, question.into()))
    };
    streams(asked.address(), question, |_, answer| Ok(Answer::read(answer)? == Answer::Yes))?;
    gateway.stop()
}

/// All credentials, each in its header line, by turns of each issuer; some are none any more.
fn credentials(issuers: &[Issuer]) -> Result<Vec<String>> {
    let each = issuers.iter().map(|issuer| mint(issuer, CREDENTIALS, reader));
    let each = each.collect::<Result<Vec<_>>>()?;
    let in_turn =
        (0..CREDENTIALS).flat_map(|user| each.iter().filter_map(move |all| all.get(user)));
    let some_spoiled = in_turn.enumerate().map(|(number, line)| {
        if number % REFUSED == REFUSED - 1 { spoiled(line) } else { Ok(line.clone()) }
    });
    some_spoiled.collect()
}

fn credential(shown: &[String], number: usize) -> &str {
    shown.get(number % shown.len().max(1)).map_or("", String::as_str)
}

/// A request of HTTP/1.1.
fn plain(credential: &str, turn: usize) -> String {
    let bytes = if turn % LARGE == LARGE - 1 { SIZES.1 } else { SIZES.0 };
    let (method, body) = if turn % WITH_BODY == WITH_BODY - 1 {
        ("POST", "content-length: 5\r\n\r\n\0\u{1}\u{2}\u{3}\u{4}")
    } else {
        ("GET", "\r\n")
    };
    format!(
        "{method} /orders/{bytes} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: caller\r\nAccept: */*\r\n{credential}\r\n{body}"
    )
}

/// Stops a load after a while. It is of no use when nobody was served, or nobody refused.
fn ended(load: Load) -> Result<()> {
    let_pass(PACE);
    let answers = load.stop();
    let (served, refused) = (answers.of(200), answers.of(401));
    let all = answers.failed() == refused;
    ensure!(served > 0 && refused > 0 && all, "expected 200 and 401: {answers}");
    Ok(())
}

/// Asks with HTTP/2 over one connection; `is_served` tells what an answer is, and there are both kinds.
fn streams(
    address: SocketAddr,
    request: impl Fn(usize) -> Result<(Request<()>, Bytes)>,
    is_served: impl Fn(StatusCode, &[u8]) -> Result<bool>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let served = runtime.block_on(async {
        let stream = TcpStream::connect(address).await?;
        let (mut client, connection) = h2::client::handshake(stream).await?;
        let driver = tokio::spawn(connection);
        let mut served = 0;
        for round in 0..STREAMS / CALLERS {
            let mut under_way = Vec::new();
            for caller in 0..CALLERS {
                client = client.ready().await?;
                under_way.push(sent(&mut client, request(round * CALLERS + caller)?)?);
            }
            for answer in under_way {
                let (status, body) = whole(answer).await?;
                served += usize::from(is_served(status, &body)?);
            }
        }
        driver.abort();
        anyhow::Ok(served)
    })?;
    let refused = STREAMS / REFUSED;
    ensure!(
        served == STREAMS - refused,
        "{served} of {STREAMS} were served, not all but {refused}"
    );
    Ok(())
}

fn sent(
    client: &mut SendRequest<Bytes>,
    (request, body): (Request<()>, Bytes),
) -> Result<ResponseFuture> {
    let (answer, mut stream) = client.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(body, true).context("a question fits in the window")?;
    }
    Ok(answer)
}

async fn whole(answer: ResponseFuture) -> Result<(StatusCode, Vec<u8>)> {
    let (head, mut body) = answer.await?.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        bytes.extend_from_slice(&piece);
    }
    Ok((head.status, bytes))
}
