//! Several endpoints of one service, some of which do not do what they should: driven through the real binary, with
//! endpoints that do exactly what the test says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use testbed::message::{Reader, Unframed};
use testbed::{Acting, Client, Gateway, Names, Place, Reply, audit, clock};

#[path = "balancing/checks.rs"]
mod checks;
#[path = "balancing/early.rs"]
mod early;
#[path = "balancing/interim.rs"]
mod interim;
#[path = "balancing/worn_out.rs"]
mod worn_out;

const PATIENCE: Duration = Duration::from_secs(10);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UNAVAILABLE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
const ERROR: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

struct House {
    place: Place,
    _gateway: Gateway,
}

impl House {
    /// Opens one whose service is as `service` says, below its audience.
    fn open(service: &str) -> Result<Self> {
        Self::open_with(service, "", "")
    }

    /// The same with more at the top and on the route.
    fn open_with(service: &str, top: &str, route: &str) -> Result<Self> {
        let place = Place::new()?;
        place.configure(&format!(
            "data_threads: 1
{top}services:
  app:
    audience: app
{service}
routes:
  - name: open
    match: {{ host: \"*\", path: \"/**\", methods: [\"*\"] }}
    service: app
    allow: [{{ anyone: true }}]
{route}"
        ))?;
        let _gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { place, _gateway })
    }

    fn ask(&self, method: &str, body: &str) -> Result<Reply> {
        let length = body.len();
        let request = format!(
            "{method} /thing HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let mut client = Client::connect(self.place.http())?;
        client.send(request.as_bytes())?;
        client.reply_to(method)?.context("the connection was closed without an answer")
    }

    /// How many of `times` requests got each status.
    fn statuses(&self, method: &str, body: &str, times: usize) -> Result<Vec<(u16, usize)>> {
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..times {
            *counts.entry(self.ask(method, body)?.status).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn until_up(&self, up: &str) -> Result<()> {
        clock::until(up, PATIENCE, || {
            let page = testbed::client::get(self.place.admin(), "/readyz")?.text();
            Ok(page.contains(up).then_some(()))
        })
    }

    fn metric(&self, name: &str) -> Result<u64> {
        let page = testbed::client::get(self.place.admin(), "/metrics")?.text();
        let line = page.lines().find(|line| line.starts_with(name));
        Ok(line.and_then(|line| line.rsplit(' ').next()).map_or(Ok(0), str::parse)?)
    }
}

#[test]
fn one_caller_leaves_room_for_the_others() -> Result<()> {
    let slow = Acting::start(|_, reader| {
        while let Some(head) = reader.head()? {
            if head.first_line.contains("/slow") {
                while reader.fill()? {}
                return Ok(());
            }
            reader.stream().write_all(OK)?;
        }
        Ok(())
    })?;
    let service = endpoints(&[slow.address()]) + "    max_connections: 4\n    caller_share: 50\n";
    let house = House::open_with(&service, "trusted_peers: [127.0.0.0/8]\n", "")?;
    let ask = |from: &str, path: &str| -> Result<Client> {
        let mut client = Client::connect(house.place.http())?;
        client.send(
            format!("GET {path} HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: {from}\r\n\r\n")
                .as_bytes(),
        )?;
        Ok(client)
    };
    let status = |mut client: Client| -> Result<u16> {
        Ok(client.reply()?.context("expected an answer")?.status)
    };
    let greedy = [ask("10.0.0.1", "/slow")?, ask("10.0.0.1", "/slow")?];
    clock::until("both to be under way", PATIENCE, || {
        Ok((house.metric("doorward_requests_in_flight")? == 2).then_some(()))
    })?;
    assert_eq!(status(ask("10.0.0.1", "/quick")?)?, 503, "it has its share");
    assert_eq!(status(ask("10.0.0.2", "/quick")?)?, 200);
    // Who has one /64 has all addresses in it.
    let neighbours = [ask("fd00::1", "/slow")?, ask("fd00::2", "/slow")?];
    clock::until("all to be under way", PATIENCE, || {
        Ok((house.metric("doorward_requests_in_flight")? == 4).then_some(()))
    })?;
    drop((greedy, neighbours));
    clock::until("their places to be free", PATIENCE, || {
        Ok((house.metric("doorward_requests_in_flight")? == 0).then_some(()))
    })?;
    assert_eq!(status(ask("10.0.0.1", "/quick")?)?, 200);
    assert!(house.metric("doorward_upstream_refused_total")? >= 1);
    Ok(())
}

/// An endpoint that gives every request this answer, and how many it had.
fn answering(answer: &'static [u8]) -> Result<(Acting, Arc<AtomicUsize>)> {
    let had = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&had);
    let acting = Acting::start(move |_, reader| {
        while let Some(head) = reader.head()? {
            reader.body(head, Unframed::Empty)?;
            counted.fetch_add(1, Ordering::SeqCst);
            reader.stream().write_all(answer)?;
        }
        Ok(())
    })?;
    Ok((acting, had))
}

fn endpoints(all: &[SocketAddr]) -> String {
    let urls: Vec<_> = all.iter().map(|address| format!("\"http://{address}\"")).collect();
    format!("    endpoints: [{}]\n", urls.join(", "))
}

#[test]
fn an_endpoint_that_cannot_serve_costs_no_request_that_may_be_done_twice() -> Result<()> {
    let (bad, _) = answering(UNAVAILABLE)?;
    let (good, had) = answering(OK)?;
    let service = endpoints(&[bad.address(), good.address()]) + "    ejection: { errors: 0 }\n";
    let house = House::open(&service)?;
    assert_eq!(house.statuses("GET", "", 40)?, [(200, 40)]);
    assert_eq!(had.load(Ordering::SeqCst), 40);
    let retries = house.metric("doorward_upstream_retries_total")?;
    assert!((1..40).contains(&retries), "expected some of 40 sent once more, not {retries}");
    // What may not be done twice, and what has a body that is gone, gets the answer that there is.
    for (method, body) in [("POST", ""), ("PUT", "body")] {
        let statuses = house.statuses(method, body, 40)?;
        assert!(matches!(statuses.as_slice(), [(200, _), (503, _)]), "{method}: {statuses:?}");
    }
    Ok(())
}

#[test]
fn the_last_bad_answer_is_passed_on_as_it_is() -> Result<()> {
    let (one, had) = answering(UNAVAILABLE)?;
    let (other, others) = answering(UNAVAILABLE)?;
    let both = endpoints(&[one.address(), other.address()]) + "    ejection: { errors: 0 }\n";
    let house = House::open(&both)?;
    assert_eq!(house.statuses("GET", "", 5)?, [(503, 5)]);
    let all = had.load(Ordering::SeqCst) + others.load(Ordering::SeqCst);
    assert_eq!(all, 10, "each is asked once");
    Ok(())
}

#[test]
fn an_endpoint_whose_answers_are_bad_is_left_alone_for_a_while() -> Result<()> {
    let (bad, had) = answering(ERROR)?;
    let (good, _) = answering(OK)?;
    let service = endpoints(&[bad.address(), good.address()]) + "    ejection: { errors: 3 }\n";
    let house = House::open(&service)?;
    let statuses = house.statuses("GET", "", 100)?;
    // Once it was left alone, it is asked again no more often than twice a second.
    let errors = had.load(Ordering::SeqCst);
    assert!((3..20).contains(&errors), "{errors} of 100 requests went to it: {statuses:?}");
    Ok(())
}

#[test]
fn an_endpoint_that_hangs_costs_time_and_no_request() -> Result<()> {
    let silent = Acting::start(|_, reader| {
        while reader.fill()? {}
        Ok(())
    })?;
    let (good, _) = answering(OK)?;
    let service =
        endpoints(&[silent.address(), good.address()]) + "    timeouts: { first_byte: 100ms }\n";
    let house = House::open(&service)?;
    assert_eq!(house.statuses("GET", "", 20)?, [(200, 20)]);
    let statuses = house.statuses("POST", "body", 20)?;
    assert!(statuses.iter().all(|(status, _)| [200, 504].contains(status)), "{statuses:?}");
    Ok(())
}

#[test]
fn what_takes_too_long_as_a_whole_ends_wherever_it_is() -> Result<()> {
    let slow = Acting::start(|_, reader| {
        let head = reader.head()?.context("expected a request")?;
        if head.first_line.contains("thing") {
            while reader.fill()? {}
            return Ok(());
        }
        reader.stream().write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            reader.stream().write_all(b"1\r\nx\r\n")?;
            clock::let_pass(Duration::from_millis(20));
        }
    })?;
    let route = "    timeouts: { total: 300ms }\n";
    let house = House::open_with(&endpoints(&[slow.address()]), "", route)?;
    assert_eq!(house.ask("GET", "")?.status, 504);
    let mut client = Client::connect(house.place.http())?;
    client.send(b"GET /endless HTTP/1.1\r\nHost: app.test\r\n\r\n")?;
    assert!(client.reply().is_err(), "expected the answer to be cut off");
    let ended = clock::until("the outcome", PATIENCE, || {
        let records = audit::records(&house.place.path("audit"))?;
        let ends: Vec<_> = records
            .iter()
            .filter_map(|record| record.pointer("/unmapped/doorward/ended")?.as_str())
            .map(ToOwned::to_owned)
            .collect();
        Ok((ends.len() == 2).then_some(ends))
    })?;
    assert_eq!(ended, ["upstream_timed_out", "upstream_timed_out"]);
    Ok(())
}

#[test]
fn each_endpoint_is_given_its_weight() -> Result<()> {
    let (light, few) = answering(OK)?;
    let (heavy, many) = answering(OK)?;
    let service = endpoints(&[light.address(), heavy.address()]) + "    weights: [1, 4]\n";
    let house = House::open(&service)?;
    assert_eq!(house.statuses("GET", "", 200)?, [(200, 200)]);
    let (few, many) = (few.load(Ordering::SeqCst), many.load(Ordering::SeqCst));
    // 40 are expected; less than 12 or more than 68 comes once in a million times.
    assert!((12..=68).contains(&few), "{few} of 200 at the light one");
    assert_eq!(few + many, 200);
    Ok(())
}

#[test]
fn a_service_behind_a_unix_socket_is_reached() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path)?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(mut writer) = stream.try_clone() else { return };
            let mut lines = BufReader::new(stream).lines();
            // The head ends with an empty line, and the request with its head.
            while lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).count()
                > 0
            {
                let _ = writer.write_all(OK);
            }
        }
    });
    let house = House::open(&format!(
        "    endpoints: [\"unix:{}\"]\n    health: {{ path: /healthz }}\n",
        path.display()
    ))?;
    assert_eq!(house.statuses("GET", "", 3)?, [(200, 3)]);
    house.until_up("\"endpoints_up\": 1")?;
    Ok(())
}

#[test]
fn a_name_stands_for_the_addresses_that_dns_has_for_it_now() -> Result<()> {
    let (first, had) = answering(OK)?;
    let port = first.address().port();
    let second = other_loopback(port)?;
    let names = Names::start()?;
    names.set("app.test", &["127.0.0.1".parse()?]);
    let top = format!("dns: {{ servers: [\"{}\"] }}\n", names.address());
    let service = format!("    endpoints: [\"http://app.test:{port}\"]\n");
    let house = House::open_with(&service, &top, "")?;
    house.until_up("\"endpoints\": 1")?;
    assert_eq!(house.statuses("GET", "", 5)?, [(200, 5)]);
    assert_eq!(had.load(Ordering::SeqCst), 5);
    names.set("app.test", &["127.0.0.1".parse()?, "127.0.0.2".parse()?]);
    house.until_up("\"endpoints\": 2")?;
    house.statuses("GET", "", 40)?;
    let both = second.load(Ordering::SeqCst);
    assert!((1..40).contains(&both), "expected both to be asked, the second had {both} of 40");
    names.set("app.test", &["127.0.0.2".parse()?]);
    house.until_up("\"endpoints\": 1")?;
    let before = had.load(Ordering::SeqCst);
    assert_eq!(house.statuses("GET", "", 10)?, [(200, 10)]);
    assert_eq!(had.load(Ordering::SeqCst), before, "the first is gone");
    // A name server that is gone takes nothing away.
    drop(names);
    clock::until("a failed lookup", 2 * PATIENCE, || {
        Ok((house.metric("doorward_name_lookup_failures_total")? > 0).then_some(()))
    })?;
    assert_eq!(house.statuses("GET", "", 3)?, [(200, 3)]);
    Ok(())
}

/// A service at 127.0.0.2, and how many requests it had.
fn other_loopback(port: u16) -> Result<Arc<AtomicUsize>> {
    let listener = TcpListener::bind(("127.0.0.2", port))?;
    let had = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&had);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || serve(stream, &counted));
        }
    });
    Ok(had)
}

fn serve(stream: TcpStream, counted: &AtomicUsize) -> Result<()> {
    let mut reader = Reader::new(stream);
    while let Some(head) = reader.head()? {
        reader.body(head, Unframed::Empty)?;
        counted.fetch_add(1, Ordering::SeqCst);
        reader.stream().write_all(OK)?;
    }
    Ok(())
}
