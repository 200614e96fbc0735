//! From one process to the next: sockets that are passed, sockets that are taken over, and what a service manager and
//! callers are told meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use testbed::clock::{Stopwatch, let_pass, until};
use testbed::{Acting, Client, Gateway, Place, Recorder, client};

const PATIENCE: Duration = Duration::from_secs(20);

const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: orders.test\r\n\r\n";

/// A place whose one route goes to `service`, with sections of the configuration besides.
fn place(service: SocketAddr, more: &str) -> Result<Place> {
    let place = Place::new()?;
    place.configure(&format!(
        "data_threads: 2
services:
  orders: {{ audience: orders, endpoints: [\"http://{service}\"], identity: {{ token: Identity }} }}
identity: {{ issuer: \"https://doorward.test\", keys: {{ directory: keys }} }}
routes:
  - name: orders
    match: {{ host: orders.test, path: \"/**\", methods: [\"*\"] }}
    service: orders
    allow: [{{ anyone: true }}]
{more}"
    ))?;
    Ok(place)
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_doorward"))
}

fn verified(place: &Place) -> Result<()> {
    let audit = place.path("audit");
    let output =
        std::process::Command::new(binary()).args(["audit", "verify"]).arg(audit).output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

#[test]
fn a_process_takes_over_from_another_and_the_log_is_one_chain() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let mut gateway = place.start(binary())?;
    for _ in 0..3 {
        let mut kept = Client::connect(place.http())?;
        kept.send(REQUEST.as_bytes())?;
        answered(&mut kept, None)?;
        let old = gateway.pid();
        let next = std::thread::scope(|scope| {
            let taking = scope.spawn(|| place.take_over(binary(), gateway));
            // The old process still has this caller, and says with its answer that it was the last.
            until("the last answer of the old process", PATIENCE, || {
                kept.send(REQUEST.as_bytes())?;
                let reply = kept.reply()?.context("closed without an answer")?;
                ensure!(reply.status == 200, "{}", reply.text());
                Ok((reply.field("connection") == Some("close")).then_some(()))
            })?;
            taking.join().map_err(|_| anyhow::anyhow!("the test panicked"))?
        })?;
        gateway = next;
        ensure!(gateway.pid() != old);
        ensure!(client::ask(place.http(), &last())?.status == 200);
    }
    gateway.stop()?;
    verified(&place)
}

/// Reads an answer of 200 with this `Connection`.
fn answered(client: &mut Client, connection: Option<&str>) -> Result<()> {
    let reply = client.reply()?.context("closed without an answer")?;
    ensure!(reply.status == 200, "{}", reply.text());
    assert_eq!(reply.field("connection"), connection);
    Ok(())
}

fn last() -> String {
    REQUEST.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
}

#[test]
fn what_the_old_process_has_begun_it_ends_and_the_new_one_records() -> Result<()> {
    let (begun, wait_begun) = channel();
    let (go_on, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let service = Acting::start(move |number, reader| {
        reader.head()?.context("expected a request")?;
        if number == 0 {
            begun.send(())?;
            wait.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.recv_timeout(PATIENCE)?;
        }
        reader.stream().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(())
    })?;
    let place = place(service.address(), "")?;
    let old = place.start(binary())?;
    let mut slow = Client::connect(place.http())?;
    slow.send(REQUEST.as_bytes())?;
    wait_begun.recv_timeout(PATIENCE)?;
    let new: Gateway = place.run(binary())?.arg("--take-over").spawn()?.into();
    until("the new process to serve beside the old", PATIENCE, || {
        let said = place.log();
        Ok((said.matches("ready to judge").count() == 2).then_some(()))
    })?;
    ensure!(client::ask(place.http(), &last())?.status == 200);
    go_on.send(())?;
    answered(&mut slow, Some("close"))?;
    old.end()?;
    new.stop()?;
    verified(&place)?;
    let records = std::fs::read_to_string(place.path("audit/audit-000000000001.jsonl"))?;
    let closed = records.find("the audit log was closed").context("the old process's end")?;
    let after = records.get(closed..).unwrap_or_default();
    let outcomes = after.matches("\"ended\":\"completed\"").count();
    ensure!(outcomes == 2, "{records}");
    Ok(())
}

#[test]
fn where_there_is_nobody_to_take_over_from_a_process_starts_as_usual() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    for stale in [false, true] {
        ensure!(place.path("audit/hand-over").exists() == stale);
        let gateway: Gateway = place.run(binary())?.arg("--take-over").spawn()?.into();
        place.until_status("/readyz", 200)?;
        gateway.kill()?;
    }
    Ok(())
}

#[test]
fn another_process_is_found_out_unless_it_is_to_be_taken_over_from() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let gateway = place.start(binary())?;
    let second = place.run(binary())?.output()?;
    assert_eq!(second.status.code(), Some(1));
    let expected = format!(
        "cannot listen on {} (`listen.http`): Address already in use (os error 98); stop the process that has the port, choose another port or, if it is Doorward, take over from it with `--take-over`",
        place.http()
    );
    ensure!(place.log().contains(&expected), "{}", place.log());
    ensure!(client::ask(place.http(), &last())?.status == 200);
    gateway.stop()
}

#[test]
fn who_is_about_to_ask_when_a_process_ends_is_answered() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let gateway = place.start(binary())?;
    // One has asked before, one has only connected, one has begun to ask.
    let mut kept = Client::connect(place.http())?;
    kept.send(REQUEST.as_bytes())?;
    answered(&mut kept, None)?;
    let mut silent = Client::connect(place.http())?;
    let mut begun = Client::connect(place.http())?;
    let (first, second) = REQUEST.split_at(20);
    begun.send(first.as_bytes())?;
    let watch = Stopwatch::start();
    gateway.terminate()?;
    let told = place.until_status("/readyz", 503)?;
    ensure!(told.contains("\"draining\""), "{told}");
    begun.send(second.as_bytes())?;
    for client in [&mut kept, &mut silent] {
        client.send(REQUEST.as_bytes())?;
    }
    for client in [&mut kept, &mut silent, &mut begun] {
        answered(client, Some("close"))?;
        ensure!(client.reply()?.is_none(), "the connection goes on");
    }
    gateway.end()?;
    ensure!(watch.elapsed() < PATIENCE);
    ensure!(Client::connect(place.http()).is_err(), "the port is still open");
    Ok(())
}

#[test]
fn a_caller_of_http2_is_told_goodbye_however_long_it_was_idle() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let gateway = place.start(binary())?;
    let mut stream = std::net::TcpStream::connect(place.http())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // The preface, and settings that settle nothing (RFC 9113 §3.4).
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
    // Longer than such a caller is waited for.
    let_pass(Duration::from_millis(2500));
    gateway.terminate()?;
    let mut goodbyes = 0;
    let mut head = [0; 9];
    while stream.read_exact(&mut head).is_ok() {
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        stream.read_exact(&mut payload)?;
        if head[3] == GOAWAY {
            ensure!(payload.get(4..8) == Some(&[0; 4]), "an error: {payload:?}");
            goodbyes += 1;
        }
    }
    ensure!(goodbyes > 0, "the connection was closed without a word");
    gateway.end()
}

/// The kind of frame that ends a connection (RFC 9113 §6.8).
const GOAWAY: u8 = 7;

#[test]
fn a_passed_socket_is_shared_by_all_threads_and_outlives_the_process() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let (http, admin) = (bound(place.http())?, bound(place.admin())?);
    let sockets = [("http", &http), ("admin", &admin)];
    let gateway = place.start_with_sockets(binary(), &sockets)?;
    ensure!(client::ask(place.http(), &last())?.status == 200);
    gateway.stop()?;
    // Nobody accepts, and nobody is refused.
    let mut early = Client::connect(place.http())?;
    early.send(last().as_bytes())?;
    let gateway = place.start_with_sockets(binary(), &sockets)?;
    answered(&mut early, Some("close"))?;
    gateway.stop()
}

#[test]
fn sockets_that_do_not_fit_are_an_error_that_says_what_to_do() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let (http, other) = (bound(place.http())?, TcpListener::bind("127.0.0.1:0")?);
    let refused = |name: &str, socket: &TcpListener| -> Result<String> {
        let output: Output = place.with_sockets(binary(), &[(name, socket)])?.output()?;
        assert_eq!(output.status.code(), Some(1));
        let log = place.log();
        let last = log.lines().last().context("an error")?;
        Ok(last.to_owned())
    };
    let place_of = other.local_addr()?;
    for (name, socket, expected) in [
        (
            "doorward.socket",
            &http,
            "doorward: the service manager passes a socket called `doorward.socket`; expected `http`, `https` or `admin`: set `FileDescriptorName=` in its socket unit".to_owned(),
        ),
        (
            "http",
            &other,
            format!("doorward: the service manager passes a socket `http` at {place_of}, and `listen.http` is {}; let `ListenStream=` of the socket unit and the configuration say the same", place.http()),
        ),
        (
            "https",
            &other,
            format!("doorward: the service manager passes a socket `https` at {place_of}, and `listen.https` is not set; let `ListenStream=` of the socket unit and the configuration say the same"),
        ),
        (
            "http",
            &silent_socket()?,
            "doorward: the socket `http` that the service manager passes is no TCP socket that listens (it does not listen); set `ListenStream=` to an address and port, and `Accept=no`, in its socket unit".to_owned(),
        ),
    ] {
        assert_eq!(refused(name, socket)?, expected);
    }
    // Those of another process are not ours.
    drop(http);
    let mut others = place.with_sockets(binary(), &[("no-name-of-ours", &other)])?;
    let gateway: Gateway = others.env("SAID_PID", "1").spawn()?.into();
    place.until_status("/readyz", 200)?;
    gateway.stop()
}

/// A socket of TCP that is bound, and does not listen.
fn silent_socket() -> Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    Ok(socket.into())
}

/// A socket that listens, beside the one that holds the port.
fn bound(address: SocketAddr) -> Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

#[test]
fn a_service_manager_is_told_what_goes_on() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let manager = UnixDatagram::bind(place.path("notify"))?;
    manager.set_read_timeout(Some(PATIENCE))?;
    let gateway: Gateway = place
        .run(binary())?
        .env("NOTIFY_SOCKET", place.path("notify"))
        .env("WATCHDOG_USEC", "200000")
        .spawn()?
        .into();
    let told = listen(manager);
    expect(&told, "READY=1\nSTATUS=ready to judge\n")?;
    expect(&told, "WATCHDOG=1\n")?;
    gateway.reload()?;
    let reloading = expect(&told, "RELOADING=1\nMONOTONIC_USEC=")?;
    let moment = reloading.split(['=', '\n']).nth(3).context("a moment")?.parse::<u64>()?;
    let uptime = std::fs::read_to_string("/proc/uptime")?;
    let uptime: f64 = uptime.split(' ').next().context("an uptime")?.parse()?;
    ensure!(moment.abs_diff((uptime * 1e6) as u64) < 60_000_000, "{moment} and {uptime}");
    expect(&told, "READY=1\nSTATUS=ready to judge\n")?;
    std::fs::write(place.path("doorward.yaml"), "listen: 7\n")?;
    expect(
        &told,
        "READY=1\nSTATUS=ready to judge by the configuration before: the new one is not good\n",
    )?;
    gateway.terminate()?;
    expect(&told, "STOPPING=1\nSTATUS=draining\n")?;
    gateway.end()
}

/// What comes at the socket of a service manager.
fn listen(manager: UnixDatagram) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut message = [0; 4096];
        while let Ok(length) = manager.recv(&mut message) {
            let text =
                String::from_utf8_lossy(message.get(..length).unwrap_or_default()).into_owned();
            if tell.send(text).is_err() {
                return;
            }
        }
    });
    told
}

/// The next message that begins so.
fn expect(told: &Receiver<String>, beginning: &str) -> Result<String> {
    let watch = Stopwatch::start();
    let mut others = Vec::new();
    while watch.elapsed() < PATIENCE {
        match told.recv_timeout(PATIENCE) {
            Ok(message) if message.starts_with(beginning) => return Ok(message),
            Ok(message) => others.push(message),
            Err(_) => break,
        }
    }
    bail!("expected `{beginning}`, got {others:?}")
}

#[test]
fn take_over_and_passed_sockets_exclude_each_other() -> Result<()> {
    let service = Recorder::start()?;
    let place = place(service.address(), "")?;
    let http = bound(place.http())?;
    let mut command = place.with_sockets(binary(), &[("http", &http)])?;
    let output = command.arg("--take-over").output()?;
    assert_eq!(output.status.code(), Some(1));
    let expected = "doorward: a service manager passes the sockets: there is nothing to take over; leave `--take-over` out";
    assert_eq!(place.log().lines().last(), Some(expected));
    Ok(())
}
