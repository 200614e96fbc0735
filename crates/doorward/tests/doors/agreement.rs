//! The same request at each door: the same verdict, for the same reasons, about the same identity, and the same identity
//! at the service. Where a door that only decides has nobody who would put a request right, it refuses it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testbed::audit;
use testbed::message::{Message, Reader, Unframed};
use tokio::net::TcpStream;

use super::envoy::{Envoy, Told};
use super::house::{House, Line, echoed};
use super::nginx::Nginx;
use super::requests::{Sent, requests};

/// How many requests are compared; `DOORWARD_AGREEMENT` has more.
const REQUESTS: usize = 2_000;
/// As many between two looks at the records.
const BATCH: usize = 500;

/// What a door that only decides refuses and the proxy door does not, and why.
const REFUSED: [(&str, &str); 4] = [
    ("doubled_authorization", "Envoy joins the lines of two credentials to one"),
    ("not_canonical", "the proxy would forward what was received, and not what was read"),
    ("upgrade", "the proxy would open a connection on which nobody judges anything"),
    ("websocket", "the proxy would open it, whatever the route says"),
];

/// What services are told of callers.
const FROM_US: [&str; 4] =
    ["doorward-identity", "x-forwarded-groups", "x-forwarded-issuer", "x-forwarded-user"];

/// What they could be told by callers.
const FROM_THEM: [&str; 6] = [
    "authorization",
    "client-cert",
    "doorward_identity",
    "x-http-method-override",
    "x-original-url",
    "x_forwarded_user",
];

#[test]
fn every_door_says_the_same_about_the_same_request() -> Result<()> {
    let count = match std::env::var("DOORWARD_AGREEMENT") {
        Ok(count) => count.parse()?,
        Err(_) => REQUESTS,
    };
    let house = House::open()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut doors = runtime.block_on(Doors::open(&house))?;
    let (mut seen, mut records) = (Seen::default(), Records::default());
    for (seed, done) in (0..count).step_by(BATCH).enumerate() {
        let many = BATCH.min(count - done);
        let mut asked = Vec::with_capacity(many);
        for sent in requests(seed as u64, many, &house.words) {
            let answers = runtime
                .block_on(doors.ask(&house, &sent))
                .with_context(|| format!("seed {seed}: {sent}"))?;
            asked.push((sent, answers));
        }
        records.read_on(&house)?;
        for (sent, answers) in asked {
            seen.compare(&sent, &answers, &records)
                .with_context(|| format!("seed {seed}: {sent}"))?;
        }
    }
    drop((doors, runtime));
    house.gateway.stop()?;
    seen.is_telling(count)
}

/// A connection to each door, kept for as long as it is good.
struct Doors {
    envoy: Envoy,
    nginx: Nginx,
    /// By whether there is TLS, and which certificate was shown.
    proxy: HashMap<Option<usize>, Reader<Box<dyn Line>>>,
}

/// What the proxy door answered.
struct Answered {
    /// The request's id; none if it was no HTTP.
    id: Option<String>,
    /// What the service was sent, if the request went on.
    forwards: Option<Vec<(String, String)>>,
}

/// What each door said.
struct Answers {
    proxy: Answered,
    envoy: Told,
    /// nginx passes on no client certificate.
    nginx: Option<Told>,
}

impl Doors {
    async fn open(house: &House) -> Result<Self> {
        let stream = TcpStream::connect(house.ext_authz.address()).await?;
        stream.set_nodelay(true)?;
        let envoy = Envoy::new(stream).await?;
        let nginx = Nginx::new(house.forward_auth.address())?;
        Ok(Self { envoy, nginx, proxy: HashMap::new() })
    }
}

impl Doors {
    async fn ask(&mut self, house: &House, sent: &Sent) -> Result<Answers> {
        let envoy = self.envoy.ask(sent).await.context("at ext_authz")?;
        let nginx = match sent.certificate {
            Some(_) => None,
            None => Some(self.nginx.ask(sent).context("at forward_auth")?),
        };
        let proxy = self.ask_proxy(house, sent).context("at the proxy door")?;
        Ok(Answers { proxy, envoy, nginx })
    }

    fn ask_proxy(&mut self, house: &House, sent: &Sent) -> Result<Answered> {
        let shown = sent.certificate.as_deref();
        let place = sent.tls.then(|| shown.map_or(usize::MAX, |shown| shown.number));
        let mut kept = self.proxy.remove(&place);
        // A connection that was kept may have been closed since.
        for fresh in [kept.is_none(), true] {
            let mut line = match kept.take() {
                Some(line) => line,
                None => house.connect(sent.tls, shown)?,
            };
            let answered = line.stream_mut().write_all(sent.text().as_bytes()).map_err(Into::into);
            let reply = match answered.and_then(|()| reply_to(&mut line, &sent.method)) {
                Ok(Some(reply)) => reply,
                Ok(None) | Err(_) if !fresh => continue,
                Ok(None) => anyhow::bail!("the connection was closed without an answer"),
                Err(error) => return Err(error),
            };
            let (status, message) = reply;
            let closes = message.head.values("connection").iter().any(|value| {
                value.eq_ignore_ascii_case("close") || value.eq_ignore_ascii_case("upgrade")
            });
            if !closes {
                self.proxy.insert(place, line);
            }
            let id = message.head.values("x-request-id").first().map(|id| (*id).to_owned());
            ensure!(id.is_some() || status == 400, "expected the request's id, got {status}");
            let forwards = (status == 200).then(|| echoed(&message.body)).transpose()?;
            return Ok(Answered { id, forwards });
        }
        anyhow::bail!("no connection is good")
    }
}

/// The next final answer.
fn reply_to(line: &mut Reader<Box<dyn Line>>, method: &str) -> Result<Option<(u16, Message)>> {
    loop {
        let Some(head) = line.head()? else { return Ok(None) };
        let status = head.first_line.split(' ').nth(1).context("expected a status")?.parse()?;
        if status == 100 {
            continue;
        }
        let bodiless = method == "HEAD" || matches!(status, 101 | 204 | 304);
        let message = if bodiless {
            Message { head, ..Default::default() }
        } else {
            line.body(head, Unframed::ToTheEnd)?
        };
        return Ok(Some((status, message)));
    }
}

/// What is on record, read on from where it was left.
#[derive(Default)]
struct Records {
    /// How far each file was read.
    read: HashMap<PathBuf, u64>,
    by_id: HashMap<String, Value>,
}

impl Records {
    /// Reads on until every one of these requests is on record; each is before it is answered.
    fn read_on(&mut self, house: &House) -> Result<()> {
        self.by_id.clear();
        for file in audit::segments(&house.place.path("audit"))? {
            let read = self.read.entry(file.clone()).or_default();
            let mut open = File::open(&file)?;
            open.seek(SeekFrom::Start(*read))?;
            let mut text = String::new();
            open.read_to_string(&mut text)?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            *read += whole as u64;
            for line in text.get(..whole).unwrap_or_default().lines() {
                let record: Value = serde_json::from_str(line)?;
                if let Some((id, judged)) = judged(&record) {
                    self.by_id.insert(id, judged);
                }
            }
        }
        Ok(())
    }

    fn of(&self, id: &str) -> Result<&Value> {
        self.by_id.get(id).with_context(|| format!("`{id}` is not on record"))
    }
}

/// A decision's id, and what it says of the judgement, whatever the door.
fn judged(record: &Value) -> Option<(String, Value)> {
    let own = record
        .pointer("/unmapped/doorward")
        .filter(|own| own.get("record").and_then(Value::as_str) == Some("decision"))?;
    let id = record.pointer("/metadata/correlation_uid")?.as_str()?.to_owned();
    let judged = json!({
        "code": own.get("code"), "route": own.get("route"), "verdict": own.get("verdict"),
        "reasons": own.get("reasons"), "policies": record.pointer("/actor/authorizations"),
        "user": record.pointer("/actor/user"),
    });
    Some((id, judged))
}

/// What was seen, by door and code.
#[derive(Default)]
struct Seen(BTreeMap<(&'static str, String), usize>);

impl Seen {
    fn compare(&mut self, sent: &Sent, answers: &Answers, records: &Records) -> Result<()> {
        // What is no HTTP is on record, under an id that nobody is told.
        let unread = json!({ "code": "unread" });
        let ours = answers.proxy.id.as_deref().map_or(Ok(&unread), |id| records.of(id))?;
        self.count("proxy", ours);
        let others =
            [("ext_authz", Some(&answers.envoy)), ("forward_auth", answers.nginx.as_ref())];
        for (door, told) in others {
            let Some(told) = told else { continue };
            let theirs = records.of(&told.id)?;
            let permits = theirs.get("verdict").and_then(Value::as_str) == Some("allow");
            ensure!(
                permits == told.forwards.is_some(),
                "{door}: told other than recorded: {theirs}"
            );
            if theirs == ours {
                if let (Some(here), Some(there)) = (&answers.proxy.forwards, &told.forwards)
                    && sent.method != "HEAD"
                {
                    let (here, there) = (identity(door, here), identity(door, there));
                    ensure!(here == there, "{door}: the service is told {there:?}, not {here:?}");
                    if sent.lines.iter().any(|(_, value)| value.contains("__Host-doorward")) {
                        self.count("without ours", theirs);
                    }
                }
                self.count("agreed", ours);
                continue;
            }
            // A proxy takes out what was said about its caller's connection before it asks, and leaves in what was named
            // there; the proxy door takes out both. What each judges is what it forwards.
            if sent.names_away() {
                self.count("unseen", ours);
                continue;
            }
            let code = code(theirs);
            let listed =
                answers.proxy.id.is_none() || REFUSED.iter().any(|(refused, _)| *refused == code);
            ensure!(listed && !permits, "{door} says {theirs:#}, the proxy door {ours:#}");
            self.count(door, theirs);
        }
        Ok(())
    }

    fn count(&mut self, door: &'static str, judged: &Value) {
        *self.0.entry((door, code(judged).to_owned())).or_default() += 1;
    }

    /// Whether there was enough of everything for the comparison to mean something.
    fn is_telling(&self, requests: usize) -> Result<()> {
        let agreed = |code: &str| self.0.get(&("agreed", code.to_owned())).copied().unwrap_or(0);
        ensure!(agreed("permit") > requests / 20, "too few permits: {:?}", self.0);
        let without = self.0.get(&("without ours", "permit".to_owned())).copied().unwrap_or(0);
        ensure!(without > requests / 200, "too few cookies of ours: {:?}", self.0);
        for (refused, why) in REFUSED {
            let any = self.0.keys().any(|(_, code)| code == refused);
            ensure!(any, "`{refused}` ({why}) was never seen");
        }
        Ok(())
    }
}

fn code(judged: &Value) -> &str {
    judged.get("code").and_then(Value::as_str).unwrap_or_default()
}

/// Whom the service is told about, which cookies it gets, and by which headers of callers it could be misled; the last not
/// through nginx, whose configuration takes those out.
fn identity(door: &str, all: &[(String, String)]) -> Vec<(String, String)> {
    let told = |name: &str| match door {
        "forward_auth" => FROM_US.contains(&name),
        _ => FROM_US.contains(&name) || FROM_THEM.contains(&name),
    };
    let mut lines: Vec<_> = all
        .iter()
        .filter(|(name, _)| told(name))
        .map(|(name, value)| match name.as_str() {
            // Each is signed anew.
            "doorward-identity" => (name.clone(), subject(value)),
            _ => (name.clone(), value.clone()),
        })
        .collect();
    // Who puts cookies in place of others does so in one line, which may be empty.
    let cookies = all.iter().filter(|(name, value)| name == "cookie" && !value.is_empty());
    let cookies: Vec<_> = cookies.map(|(_, value)| value.as_str()).collect();
    lines.push(("cookie".to_owned(), cookies.join("; ")));
    lines.sort();
    lines
}

/// The claims of a signed identity that do not change with the time.
fn subject(token: &str) -> String {
    let payload = token.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value =
        payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let stable =
        ["aud", "iss", "sub", "doorward"].map(|name| claims.get(name).cloned().unwrap_or_default());
    Value::from(stable.to_vec()).to_string()
}
