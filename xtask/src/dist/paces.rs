//! The paces that the binary which counts is put through: what callers and proxies ask of it most, at each of its doors,
//! and a refusal now and then. They need nothing but themselves, so that this builds wherever Rust does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::ServerName;
use serde_json::json;
use testbed::clock::let_pass;
use testbed::{Answers, Authority, Issuer, Load, Manner, Port, Target, bulk};
use tokens::Algorithm;
use tokio::net::TcpStream;

use crate::bench::gates::Gate;
use crate::bench::question::Question;

/// Who signs the tokens, and the host that they are shown at.
const ISSUER: &str = "https://idp.test";
const HOST: &str = "orders.test";
/// How many tokens of each algorithm are shown.
const TOKENS: usize = 400;
/// So many are refused: one of these.
const REFUSED: usize = 25;
/// How many callers there are, and how many requests of HTTP/2 are under way at a time.
const CALLERS: usize = 8;
/// How long each pace takes.
const PACE: Duration = Duration::from_secs(4);
/// How many requests of HTTP/2 there are, a multiple of [`CALLERS`].
const STREAMS: usize = 8_000;
/// Every so many requests there is one of this many bytes.
const LARGE: (usize, usize) = (64, 1 << 20);

/// Puts `binary` through them; it writes what it has counted into `folder`.
pub(super) fn put_through(binary: &Path, folder: &Path) -> Result<()> {
    let issuers = [Algorithm::Rs256, Algorithm::Es256].map(|kind| Issuer::new(ISSUER, kind));
    let issuers: Vec<Issuer> = issuers.into_iter().collect::<Result<_>>()?;
    let keys: Vec<_> =
        issuers.iter().filter_map(|one| one.key_set().pointer("/keys/0").cloned()).collect();
    let tokens = Arc::new(tokens(&issuers)?);
    let (service, authority) = (bulk::start()?, Authority::new()?);
    let (https, asked) = (Port::reserve()?, Port::reserve()?);
    let listen = format!(
        "  https: {{ address: \"{}\", certificates: [door.pem] }}\n  ext_authz: {{ address: \"{}\" }}\n",
        https.address(),
        asked.address()
    );
    let keys = json!({ "keys": keys }).to_string();
    let place = Gate::before(service.address()).furnished(&keys, &listen)?;
    place.write("door.pem", &authority.sign(HOST)?)?;
    let mut command = place.run(binary)?;
    command.env("LLVM_PROFILE_FILE", folder.join("%p.profraw"));
    let gateway = place.start_by(command)?;
    println!("callers of HTTP/1.1");
    let shown = Arc::clone(&tokens);
    let load = Load::start(place.http(), CALLERS, move |caller, turn| plain(&shown, caller, turn));
    ended(load)?;
    println!("callers of HTTP/1.1 over TLS");
    let target = Target {
        address: https.address(),
        name: ServerName::try_from(HOST)?,
        client: authority.client()?,
    };
    let shown = Arc::clone(&tokens);
    let ask = move |caller, turn| plain(&shown, caller, turn);
    ended(Load::over_tls(&target, Manner::KeepAlive, CALLERS, ask))?;
    println!("callers of HTTP/2");
    streams(place.http(), |turn| {
        let token = token(&tokens, 0, turn).1;
        let request = Request::get(format!("http://{HOST}/orders/32"));
        Ok((request.header("authorization", format!("Bearer {token}")).body(())?, Bytes::new()))
    })?;
    println!("questions of Envoy");
    streams(asked.address(), |turn| {
        let header = format!("Authorization: Bearer {}", token(&tokens, 0, turn).1);
        let question = Question { header: &header }.framed()?;
        let request = Request::post("http://asked.test/envoy.service.auth.v3.Authorization/Check");
        let request = request.header("content-type", "application/grpc").header("te", "trailers");
        Ok((request.body(())?, question.into()))
    })?;
    gateway.stop()
}

/// All tokens, by turns of each issuer.
fn tokens(issuers: &[Issuer]) -> Result<Vec<String>> {
    let users = (0..TOKENS).flat_map(|user| issuers.iter().map(move |issuer| (user, issuer)));
    let token = |(user, issuer): (usize, &Issuer)| {
        let claims = json!({
            "groups": ["eng", "oncall"], "scope": "orders:read",
            "email": format!("user-{user}@corp.test"),
        });
        issuer.token(&format!("user-{user}"), "orders", claims)
    };
    users.map(token).collect()
}

/// The token of a caller's turn, and whether it is good.
fn token(tokens: &[String], caller: usize, turn: usize) -> (bool, String) {
    let number = caller + CALLERS * turn;
    let token = tokens.get(number % tokens.len().max(1)).cloned().unwrap_or_default();
    if turn % REFUSED == REFUSED - 1 { (false, token + "A") } else { (true, token) }
}

/// A request of a caller's turn.
fn plain(tokens: &[String], caller: usize, turn: usize) -> String {
    let (_, token) = token(tokens, caller, turn);
    let (every, large) = LARGE;
    let bytes = if turn % every == every - 1 { large } else { 32 };
    let (method, body) =
        if turn % 8 == 7 { ("POST", "content-length: 5\r\n") } else { ("GET", "") };
    let sent = if body.is_empty() { "" } else { "\0\u{1}\u{2}\u{3}\u{4}" };
    format!(
        "{method} /orders/{bytes} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: caller\r\nAccept: */*\r\n\
         Authorization: Bearer {token}\r\n{body}\r\n{sent}"
    )
}

/// Stops a load after a while. It is of no use when nobody was served, or nobody refused.
fn ended(load: Load) -> Result<()> {
    let_pass(PACE);
    let answers: Answers = load.stop();
    ensure!(answers.of(200) > 0 && answers.of(401) > 0, "expected both kinds: {answers}");
    Ok(())
}

/// Asks with HTTP/2 over one connection.
fn streams(
    address: SocketAddr,
    request: impl Fn(usize) -> Result<(Request<()>, Bytes)>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let stream = TcpStream::connect(address).await?;
        let (mut client, connection) = h2::client::handshake(stream).await?;
        let driver = tokio::spawn(connection);
        for round in 0..STREAMS / CALLERS {
            let mut under_way = Vec::new();
            for caller in 0..CALLERS {
                client = client.ready().await?;
                under_way.push(sent(&mut client, request(round * CALLERS + caller)?)?);
            }
            for answer in under_way {
                let mut body = answer.await?.into_body();
                while let Some(piece) = body.data().await {
                    body.flow_control().release_capacity(piece?.len())?;
                }
            }
        }
        driver.abort();
        Ok(())
    })
}

fn sent(
    client: &mut SendRequest<Bytes>,
    (request, body): (Request<()>, Bytes),
) -> Result<h2::client::ResponseFuture> {
    let (answer, mut stream) = client.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(body, true).context("a question fits in the window")?;
    }
    Ok(answer)
}
