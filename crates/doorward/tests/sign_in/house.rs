//! A Doorward where people sign in with the provider of the demo, and a service behind it that records.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;
use testbed::client::{self, Reply};
use testbed::{Gateway, Recorder, audit, clock};

use crate::browser::Browser;

const CONFIG: &str = include_str!("config.yaml");
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct House {
    pub(crate) service: Recorder,
    _gateway: Gateway,
    folder: TempDir,
    /// The first of five: the gate's.
    first: u16,
}

impl House {
    pub(crate) fn open() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("doorward-").tempdir()?;
        let service = Recorder::start()?;
        let first = five_free_ports()?;
        let config = [
            ("{gate}", first.to_string()),
            ("{admin}", (first + 1).to_string()),
            ("{provider}", (first + 2).to_string()),
            ("{service}", service.address().to_string()),
            ("{folder}", folder.path().display().to_string()),
        ];
        let config =
            config.iter().fold(CONFIG.to_owned(), |text, (name, value)| text.replace(name, value));
        std::fs::write(folder.path().join("doorward.yaml"), config)?;
        std::fs::write(folder.path().join("secret"), "doorward")?;
        let child = Command::new(Path::new(env!("CARGO_BIN_EXE_doorward")))
            .args(["demo", "--with"])
            .arg(folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log"))?)
            .spawn()?;
        let house = Self { service, _gateway: child.into(), folder, first };
        house.until_ready()?;
        Ok(house)
    }

    fn until_ready(&self) -> Result<()> {
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, self.first + 1));
        clock::until("the gate to be ready", PATIENCE, || {
            let ready = client::get(admin, "/readyz").ok();
            let ready = ready.filter(|reply| reply.text().contains("\"status\": \"ready\""));
            Ok(ready.map(drop))
        })
        .with_context(|| {
            std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
        })
    }

    /// A new browser.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.first)
    }

    /// What is on record of a request: its event and its code; waited for.
    pub(crate) fn recorded(&self, reply: &Reply) -> Result<(String, String)> {
        let id = reply.field("x-request-id").context("expected a request id")?;
        clock::until(&format!("the record of {id}"), PATIENCE, || {
            let records = audit::records(&self.folder.path().join("audit"))?;
            let record = records.iter().find(|record| {
                text(record, "/metadata/correlation_uid") == id
                    && text(record, "/unmapped/doorward/record") == "sign_in"
            });
            let both = |record| {
                (text(record, "/unmapped/doorward/event"), text(record, "/unmapped/doorward/code"))
            };
            Ok(record.map(both))
        })
    }
}

fn text(record: &Value, pointer: &str) -> String {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The first of five ports in a row that nobody has; another one for each house of this process.
fn five_free_ports() -> Result<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let own = u16::try_from(std::process::id() % 700)? * 5;
    let mut firsts = (0..200).map(|_| 10_000 + own + TAKEN.fetch_add(5, Ordering::Relaxed));
    firsts.find(|first| (*first..*first + 5).all(free)).context("expected five free ports")
}
