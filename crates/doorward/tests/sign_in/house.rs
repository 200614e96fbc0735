//! A Doorward where people sign in with the provider of the demo, and a service behind it that records.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::client::Reply;
use testbed::{Browser, Demo, Recorder, audit, clock};

const CONFIG: &str = include_str!("config.yaml");
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct House {
    pub(crate) service: Recorder,
    pub(crate) demo: Demo,
}

impl House {
    pub(crate) fn open() -> Result<Self> {
        let service = Recorder::start()?;
        let binary = Path::new(env!("CARGO_BIN_EXE_doorward"));
        let demo = Demo::start(binary, CONFIG, service.address())?;
        Ok(Self { service, demo })
    }

    /// A new browser.
    pub(crate) fn browser(&self) -> Browser {
        self.demo.browser()
    }

    /// A file or folder of the gate's.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.demo.path(name)
    }

    /// What is on record of a request: its event and its code; waited for.
    pub(crate) fn recorded(&self, reply: &Reply) -> Result<(String, String)> {
        let id = reply.field("x-request-id").context("expected a request id")?;
        clock::until(&format!("the record of {id}"), PATIENCE, || {
            audit::sign_in_of(&self.demo.path("audit"), id)
        })
    }
}

/// The text at a place in a record; empty if there is none.
pub(crate) fn text(record: &Value, pointer: &str) -> String {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
