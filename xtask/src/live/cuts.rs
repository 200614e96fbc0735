//! What is under way when its caller is revoked: cut off, whatever it is.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use testbed::clock::{Stopwatch, let_pass, until};
use testbed::{Acting, Port, bulk, client};

use super::secured::{Behind, Secured};
use super::{Listed, Stage};
use crate::command::{program, root};
use crate::install;

pub(super) const SCENARIOS: Listed =
    &[("whatever_is_under_way_is_cut_off_within_a_second_of_its_callers_revocation", revocation)];

/// How long after a revocation is in force what it concerns may go on.
const CUT_WITHIN: Duration = Duration::from_secs(1);
/// How long it may take to be in force, once it is written.
const IN_FORCE: Duration = Duration::from_secs(10);
/// How long a stream may go on before the test calls it one that was not cut off.
const PATIENCE: Duration = Duration::from_secs(20);
/// Larger than anything that is sent before the cut.
const ENDLESS: u64 = 1 << 40;

fn revocation(stage: &Stage) -> Result<()> {
    let Cuts { in_force, cuts } = revoke(stage)?;
    println!("  in force {} ms after it was written", in_force.as_millis());
    for (name, cut) in cuts {
        println!("  {name}: cut off {} ms after it was written", cut.as_millis());
        let late = cut.saturating_sub(in_force);
        ensure!(late <= CUT_WITHIN, "{name}: cut off {late:?} after the revocation was in force");
    }
    Ok(())
}

/// When what was cut off, from when the revocation was written.
pub(crate) struct Cuts {
    /// When the caller's next request was refused.
    pub(crate) in_force: Duration,
    /// When each thing that was under way ended.
    pub(crate) cuts: Vec<(&'static str, Duration)>,
}

/// Revokes a caller who has one of each kind of thing under way.
pub(crate) fn revoke(stage: &Stage) -> Result<Cuts> {
    let orders = bulk::start()?;
    let events = Acting::start(|_, reader| {
        reader.head()?;
        let mut stream = reader.stream();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"c\r\ndata: tick\n\n\r\n")?;
            let_pass(Duration::from_millis(20));
        }
    })?;
    let (clock, chat) = (Peer::serve("grpc")?, Peer::serve("websocket")?);
    let behind = [
        Behind::new("orders", orders.address()),
        Behind::new("events", events.address()),
        Behind::new("chat", chat.address()),
        Behind {
            name: "clock",
            address: clock.address(),
            keys: ", protocol: http2",
            path: "/demo.Clock/{method}".to_owned(),
        },
    ];
    let house = Secured::open(stage, &behind)?;
    let http = house.place.http();
    let watch = Stopwatch::start();
    let head = |method: &str, path: &str, audience: &str, more: &str| -> Result<String> {
        let token = house.token(audience)?;
        Ok(format!(
            "{method} {path} HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
        ))
    };
    let length = format!("Content-Length: {ENDLESS}\r\n");
    let (opened, openings) = channel();
    let up = head("PUT", "/orders/1", "orders", &length)?;
    let down = head("GET", &format!("/orders/{ENDLESS}"), "orders", "")?;
    let told = head("GET", "/events/1", "events", "")?;
    let held = [
        ("upload", hold(opened.clone(), watch, move |open| upload(http, &up, open))),
        ("download", hold(opened.clone(), watch, move |open| download(http, &down, open))),
        (
            "server-sent events",
            hold(opened.clone(), watch, move |open| download(http, &told, open)),
        ),
        ("gRPC stream", held_by("grpc", http, house.token("clock")?, opened.clone(), watch)),
        ("WebSocket", held_by("websocket", http, house.token("chat")?, opened, watch)),
    ];
    for _ in &held {
        openings.recv_timeout(PATIENCE).context("a stream did not begin to flow")?;
    }
    let asked = head("GET", "/orders/1", "orders", "Connection: close\r\n")?;
    ensure!(client::ask(http, &asked)?.status == 200, "Alice was not let in");
    let written = watch.elapsed();
    house.revoke()?;
    until("the revocation to be in force", IN_FORCE, || {
        Ok(client::ask(http, &asked).ok().filter(|reply| reply.status == 401))
    })?;
    let in_force = watch.elapsed().saturating_sub(written);
    let mut cuts = Vec::new();
    for (name, held) in held {
        let cut = held.join().ok().context("a caller panicked")?.context(name)?;
        ensure!(cut > written, "{name}: it ended before it was to");
        cuts.push((name, cut.saturating_sub(written)));
    }
    house.gateway.stop()?;
    Ok(Cuts { in_force, cuts })
}

/// Keeps something under way until it is cut off, and tells when that was. `keep` calls what it is given when it flows.
fn hold(
    opened: Sender<()>,
    watch: Stopwatch,
    keep: impl FnOnce(&mut dyn FnMut()) -> Result<()> + Send + 'static,
) -> JoinHandle<Result<Duration>> {
    std::thread::spawn(move || {
        // Nobody waits for it any more when the test has failed already.
        keep(&mut || {
            let _ = opened.send(());
        })?;
        Ok(watch.elapsed())
    })
}

fn held_by(
    kind: &'static str,
    http: SocketAddr,
    token: String,
    opened: Sender<()>,
    watch: Stopwatch,
) -> JoinHandle<Result<Duration>> {
    hold(opened, watch, move |open| {
        let mut child = Running(
            program(python()?)
                .arg(script())
                .args(["hold", kind, &http.port().to_string(), &token])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()?,
        );
        let output = child.0.stdout.take().context("a piped output can be read")?;
        for line in BufReader::new(output).lines() {
            match line?.as_str() {
                "open" => open(),
                line if line.starts_with("cut") => return Ok(()),
                line => bail!("expected `open` or `cut`, got `{line}`"),
            }
        }
        bail!("it ended by itself")
    })
}

/// Sends a body until the other side has enough of it.
fn upload(http: SocketAddr, head: &str, open: &mut dyn FnMut()) -> Result<()> {
    let mut stream = TcpStream::connect(http)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(Duration::from_millis(10)))?;
    stream.write_all(head.as_bytes())?;
    let mut body = Vec::new();
    bulk::fill(&mut body, 64 << 10)?;
    let watch = Stopwatch::start();
    for turn in 0.. {
        ensure!(watch.elapsed() < PATIENCE, "it was not cut off");
        if turn == 20 {
            open();
        }
        if stream.write_all(&body).is_err() {
            return Ok(());
        }
        match stream.read(&mut [0; 512]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // An answer, a close or a reset: either way it is over.
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Reads an answer until it ends.
fn download(http: SocketAddr, head: &str, open: &mut dyn FnMut()) -> Result<()> {
    let mut stream = TcpStream::connect(http)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    let mut piece = vec![0; 64 << 10];
    let watch = Stopwatch::start();
    for turn in 0.. {
        ensure!(watch.elapsed() < PATIENCE, "it was not cut off");
        if turn == 20 {
            open();
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(_) => let_pass(Duration::from_millis(2)),
        }
    }
    Ok(())
}

/// A service of the script. It ends when it is dropped.
pub(super) struct Peer {
    port: Port,
    _running: Running,
}

struct Running(Child);

impl Peer {
    pub(super) fn serve(kind: &str) -> Result<Self> {
        let port = Port::reserve()?;
        let address = port.address();
        let child = program(python()?)
            .arg(script())
            .args(["serve", kind, &address.port().to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        let peer = Self { port, _running: Running(child) };
        until(kind, PATIENCE, || Ok(TcpStream::connect(address).ok()))?;
        Ok(peer)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn script() -> PathBuf {
    root().join("xtask/live/streams_peer.py")
}

pub(super) fn python() -> Result<PathBuf> {
    install::python::python_with(&root().join("xtask/live/requirements.txt"))
}
