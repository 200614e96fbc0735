//! What a service that checks `Doorward-Identity` must do: behind a real gate, and with every identity that is not of one.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokens::Algorithm;

use crate::client::{self, Client, Reply};
use crate::clock::{Stopwatch, until};
use crate::gateway::Place;
use crate::identities::{Case, Identities, Published};
use crate::issuer::Issuer;
use crate::port::Port;
use crate::recorder::Recorder;

/// The gate's `identity.issuer`.
const GATE: &str = "https://doorward.test";

/// How long a service may take to come up, its first build included.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a name that no key has may set off another reading of the keys.
const UNKNOWN_EVERY: Duration = Duration::from_secs(10);

/// How a service that checks identities is started.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where it listens.
    pub address: SocketAddr,
    /// The URL of the gate's key set.
    pub keys: String,
    /// Whose identities it believes.
    pub issuer: String,
    /// What it is called there.
    pub audience: String,
}

/// Holds services that `start` starts against the gate `binary` and against every kind of identity.
///
/// # Errors
/// Each thing that it does wrong.
pub fn play<S>(binary: &Path, start: impl Fn(&Wanted) -> Result<S>) -> Result<()> {
    let (place, issuer) = (Place::new()?, Issuer::new("https://idp.corp.test", Algorithm::Es256)?);
    let (behind, recorder) = (Port::reserve()?, Recorder::start()?);
    place.write("keys.json", &issuer.key_set().to_string())?;
    place.configure(&house(behind.address(), recorder.address()))?;
    let _gateway = place.start(binary)?;
    let wanted = |address, keys, audience: &str| Wanted {
        address,
        keys,
        issuer: GATE.to_owned(),
        audience: audience.to_owned(),
    };

    // Behind the gate, with the keys that the gate publishes.
    let keys = format!("http://{}/.doorward/jwks.json", place.http());
    let _behind = start(&wanted(behind.address(), keys, "orders"))?;
    up(behind.address())?;
    let through = |path: &str, audience: &str| -> Result<Reply> {
        let token = issuer.token("alice", audience, json!({}))?;
        client::ask(
            place.http(),
            &format!(
                "GET {path} HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {token}\r\n\r\n"
            ),
        )
    };
    let greeted = through("/orders", "orders")?;
    ensure!(
        greeted.status == 200 && greeted.text() == "hello corp/alice\n",
        "through the gate it answers {} {}",
        greeted.status,
        greeted.text()
    );
    let around = client::get(behind.address(), "/orders")?;
    ensure!(around.status == 401, "around the gate it answers {}", around.status);

    // By itself, with keys that change.
    through("/table", "table")?;
    let seen = recorder.take().requests;
    let real = seen.iter().flat_map(|seen| seen.values("doorward-identity")).next();
    let real = real.context("expected an identity of the gate")?.to_owned();
    let published = client::get(place.http(), "/.doorward/jwks.json")?.text();
    let published: Value = serde_json::from_str(&published)?;
    let of_gate = published.get("keys").and_then(Value::as_array).context("expected keys")?;
    let with = |one: &Identities| [of_gate.as_slice(), &[one.public_key()]].concat();
    let (old, new) = (Identities::new(GATE, "table")?, Identities::new(GATE, "table")?);
    let published = Published::start(&with(&old))?;
    let alone = Port::reserve()?;
    let _alone = start(&wanted(alone.address(), published.url(), "table"))?;
    up(alone.address())?;
    let watch = Stopwatch::start();
    let good = |name, value: String| Case { name, values: vec![value], good: true };
    let bad = |name, value: String| Case { name, values: vec![value], good: false };
    hold(alone.address(), &good("of the gate itself", real))?;
    hold(alone.address(), &good("of the first key", old.good()?))?;
    ensure!(published.asked() == 1, "it read the keys {} times at first", published.asked());
    published.publish(&with(&new));
    hold(alone.address(), &good("of the next key", new.good()?))?;
    ensure!(published.asked() == 2, "it read the keys {} times for a new one", published.asked());
    hold(alone.address(), &bad("of a key that is no more", old.good()?))?;
    let wrong: Vec<_> = new
        .cases()?
        .iter()
        .filter_map(|case| hold(alone.address(), case).err().map(|error| format!("{error:#}")))
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n  "));
    let more = watch.elapsed().as_secs() / UNKNOWN_EVERY.as_secs();
    let asked = u64::try_from(published.asked())?;
    ensure!(asked <= 2 + more, "names that no key has made it read the keys {asked} times");
    Ok(())
}

/// Waits until something listens.
fn up(address: SocketAddr) -> Result<()> {
    until("the service", PATIENCE, || Ok(Client::connect(address).ok().map(drop)))
}

/// Shows a service one identity.
fn hold(address: SocketAddr, case: &Case) -> Result<()> {
    let fields: String =
        case.values.iter().map(|value| format!("Doorward-Identity: {value}\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n{fields}Connection: close\r\n\r\n");
    let reply = client::ask(address, &request).with_context(|| case.name)?;
    match (case.good, reply.status, reply.text().as_str()) {
        (true, 200, "hello corp/alice\n") => Ok(()),
        (false, 401, text) if !text.contains("alice") => Ok(()),
        (_, status, text) => bail!("an identity {}: {status} {text}", case.name),
    }
}

fn house(behind: SocketAddr, recorder: SocketAddr) -> String {
    let route = |name: &str| {
        format!(
            "  - {{ name: {name}, match: {{ host: a.test, path: /{name}, methods: [GET] }}, service: {name}, accept: [corp], allow: [{{ authenticated: true }}] }}\n"
        )
    };
    format!(
        "data_threads: 1
issuers:
  corp: {{ issuer: https://idp.corp.test, keys: {{ file: keys.json }}, algorithms: [ES256], token_types: [at+jwt] }}
identity: {{ issuer: {GATE}, keys: {{ memory: true }} }}
services:
  orders: {{ audience: orders, endpoints: [\"http://{behind}\"], identity: {{ token: Doorward-Identity }} }}
  table: {{ audience: table, endpoints: [\"http://{recorder}\"], identity: {{ token: Doorward-Identity }} }}
routes:
{}{}",
        route("orders"),
        route("table")
    )
}
