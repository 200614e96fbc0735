//! Much of it: many requests, large bodies, and events that must not wait for one another.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::clock::let_pass;
use testbed::{Acting, Place, Recorder, bulk};

use super::cuts::{Peer, python, script};
use super::secured::{Behind, HOST, Secured};
use super::{Listed, Stage};
use crate::command::{Run, program};
use crate::install::debian;
use crate::machine::resident_mib;

pub(super) const SCENARIOS: Listed = &[
    ("every_request_of_h2load_over_tls_succeeds_with_http2_and_with_http1", h2load),
    ("large_bodies_go_up_and_down_through_tls_at_flat_memory", large_bodies),
    ("each_event_of_a_stream_arrives_before_the_next_is_sent", events),
    (
        "a_conformance_suite_for_websockets_finds_as_much_through_the_gate_as_without_it",
        conformance,
    ),
];

/// How much more memory a large body may take than there was before it, in MiB: windows and buffers of one connection,
/// with room for the allocator.
const FLAT_MIB: u64 = 24;

fn h2load(stage: &Stage) -> Result<()> {
    let h2load = debian::tool(&debian::H2LOAD)?;
    let service = Recorder::start()?;
    let house = Secured::open(stage, &[Behind::new("orders", service.address())])?;
    let requests = if stage.is_soak() { 100_000 } else { 3_000 };
    let token = house.token("orders")?;
    for version in ["--npn-list=h2", "--h1"] {
        let said = program(&h2load)
            .args([version, "-n", &requests.to_string(), "-c", "8", "-m", "8", "-t", "1"])
            .args(["-H", &format!("authorization: Bearer {token}")])
            .args(["--connect-to", &format!("127.0.0.1:{}", house.port())])
            .arg(format!("https://{HOST}/orders/1"))
            .output_text()?;
        let succeeded = said
            .contains(&format!("status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx"))
            && said.contains(&format!("{requests} succeeded, 0 failed, 0 errored, 0 timeout"));
        ensure!(succeeded, "h2load {version}: {said}");
        let rate = said.lines().find(|line| line.starts_with("finished in")).unwrap_or_default();
        println!("  h2load {version}: {rate}");
    }
    let seen = service.take();
    ensure!(seen.requests.len() == 2 * requests, "{} requests arrived", seen.requests.len());
    house.gateway.stop()
}

fn large_bodies(stage: &Stage) -> Result<()> {
    let bytes = if stage.is_soak() { 1 << 30 } else { 128 << 20 };
    for body in bodies(stage, bytes)? {
        println!("  {body}");
        ensure!(body.most <= body.before + FLAT_MIB, "{body}");
    }
    Ok(())
}

/// A large body that came whole, and the memory that Doorward had meanwhile, in MiB.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) way: &'static str,
    pub(crate) version: &'static str,
    pub(crate) bytes: u64,
    pub(crate) before: u64,
    pub(crate) most: u64,
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, version, bytes, before, most } = self;
        write!(
            f,
            "{} MiB {way} by {version}: RSS {before} MiB before, at most {most} MiB",
            bytes >> 20
        )
    }
}

/// Carries bodies of `bytes` bytes through TLS, up and down, with each version of HTTP.
pub(crate) fn bodies(stage: &Stage, bytes: u64) -> Result<Vec<Carried>> {
    let service = bulk::start()?;
    let house = Secured::open(stage, &[Behind::new("orders", service.address())])?;
    let upload = house.place.path("upload");
    bulk::fill(std::fs::File::create(&upload)?, bytes)?;
    let mut all = Vec::new();
    for (version, word) in [("HTTP/1.1", "--http1.1"), ("HTTP/2", "--http2")] {
        for way in ["down", "up"] {
            let mut curl = curl(&house, word, bytes)?;
            if way == "up" {
                curl.args(["--header", "Expect:", "--upload-file"]).arg(&upload);
            }
            let before = resident_mib(house.gateway.pid())?;
            let (came, most) = carry(curl, way, house.gateway.pid())
                .with_context(|| format!("{way} by {version}"))?;
            ensure!(came == bytes, "{way} by {version}: {came} of {bytes} bytes came");
            all.push(Carried { way, version, bytes, before, most });
        }
    }
    house.gateway.stop()?;
    Ok(all)
}

fn curl(house: &Secured, version: &str, bytes: u64) -> Result<Command> {
    let mut command = Command::new(debian::tool(&debian::CURL)?);
    command
        .args(["--silent", "--show-error", "--fail", version, "--max-time", "300"])
        .args(["--cacert", &house.authority().display().to_string()])
        .args(["--connect-to", &format!("{HOST}:443:127.0.0.1:{}", house.port())])
        .args(["--header", &format!("Authorization: Bearer {}", house.token("orders")?)])
        .arg(format!("https://{HOST}/orders/{bytes}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    Ok(command)
}

/// Runs `curl`, and tells how many bytes came at the other end and the most memory that the process `pid` had meanwhile.
fn carry(mut curl: Command, way: &'static str, pid: u32) -> Result<(u64, u64)> {
    let mut child = curl.spawn().context("cannot start curl")?;
    let output = child.stdout.take().context("a piped output can be read")?;
    let reading = std::thread::spawn(move || match way {
        // The service says how much came.
        "up" => Ok(std::io::read_to_string(output)?.trim().parse()?),
        _ => bulk::count(output),
    });
    let mut most = 0;
    let status = loop {
        most = most.max(resident_mib(pid)?);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let_pass(Duration::from_millis(50));
    };
    ensure!(status.success(), "curl ended with {status}");
    Ok((reading.join().ok().context("reading panicked")??, most))
}

/// How many events are sent.
const EVENTS: usize = 20;

fn events(stage: &Stage) -> Result<()> {
    let (arrived, arrivals) = channel::<()>();
    let arrivals = Mutex::new(arrivals);
    let service = Acting::start(move |_, reader| {
        let arrivals =
            arrivals.lock().map_err(|_| anyhow::anyhow!("only one caller was expected"))?;
        reader.head()?;
        send(
            reader.stream(),
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )?;
        for number in 0..EVENTS {
            let event = format!("id: {number}\ndata: event {number}\n\n");
            send(reader.stream(), &format!("{:x}\r\n{event}\r\n", event.len()))?;
            // The next is sent only when this one is there.
            arrivals.recv_timeout(Duration::from_secs(10))?;
        }
        send(reader.stream(), "0\r\n\r\n")
    })?;
    let house = Secured::open(stage, &[Behind::new("events", service.address())])?;
    let url = format!("https://127.0.0.1:{}/events/1", house.port());
    let mut child = program(python()?)
        .arg(script())
        .args(["sse", &url])
        .arg(house.authority())
        .arg(house.token("events")?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(child.stdout.take().context("a piped output can be read")?).lines();
    let mut came = 0;
    for line in lines {
        let line = line?;
        ensure!(line == format!("{came} event {came}"), "after {came} events came `{line}`");
        came += 1;
        arrived.send(())?;
    }
    ensure!(child.wait()?.success() && came == EVENTS, "{came} of {EVENTS} events came");
    house.gateway.stop()
}

fn send(mut stream: impl std::io::Write, text: &str) -> Result<()> {
    Ok(stream.write_all(text.as_bytes())?)
}

/// The cases that take long: large messages in many pieces, and with compression, which the service does not offer.
const LONG: [&str; 3] = ["9.*", "12.*", "13.*"];

fn conformance(stage: &Stage) -> Result<()> {
    let peer = Peer::serve("websocket")?;
    let place = Place::new()?;
    place.configure(&format!(
        "services:
  chat: {{ audience: chat, endpoints: [\"http://{}\"] }}
routes:
  - name: chat
    match: {{ host: \"*\", path: \"/**\", methods: [GET] }}
    service: chat
    allow: [{{ anyone: true }}]
    websocket: true
",
        peer.address()
    ))?;
    let gateway = place.start(stage.binary())?;
    let direct = kosoku(stage, &place.path("direct"), peer.address())?;
    let through = kosoku(stage, &place.path("through"), place.http())?;
    ensure!(direct.len() > 200, "only {} cases were tried", direct.len());
    for (case, verdict) in &direct {
        let other = through.get(case).context("every case was tried")?;
        ensure!(verdict == other, "case {case}: {verdict} without the gate, {other} through it");
    }
    println!("  {} cases, each as without the gate", direct.len());
    gateway.stop()
}

/// Runs the cases of the Autobahn suite against a service, and tells what it found for each.
fn kosoku(stage: &Stage, folder: &Path, address: SocketAddr) -> Result<BTreeMap<String, String>> {
    let mut command = program(python()?.with_file_name("kosoku"));
    command.args(["--parallelism", "4", "--outdir"]).arg(folder).arg(address.to_string());
    if !stage.is_soak() {
        command.args(LONG.iter().flat_map(|case| ["--exclude", case]));
    }
    // It ends with an error when a case fails, as one does that the service itself fails.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json"))?)?;
    let agents = index.as_object().context("expected a report")?;
    let cases = agents.values().next().and_then(Value::as_object).context("expected an agent")?;
    Ok(cases
        .iter()
        .map(|(case, found)| {
            let of = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
            (case.clone(), format!("{}, {}", of("behavior"), of("behaviorClose")))
        })
        .collect())
}
