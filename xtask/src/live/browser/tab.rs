//! A tab of the browser.
//!
//! Elements are told by Playwright's selectors, of which exactly one must match: `role=button[name="Sign in"]`,
//! `text=Welcome`, `[name=user]`. They are waited for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::wire::Wire;

/// A tab.
#[derive(Debug)]
pub(crate) struct Tab {
    wire: Arc<Wire>,
    number: u64,
}

impl Tab {
    pub(super) fn new(wire: &Arc<Wire>, number: u64) -> Self {
        Self { wire: Arc::clone(wire), number }
    }

    /// Goes to `url`, through all redirects.
    pub(crate) fn goto(&self, url: &str) -> Result<Page> {
        self.page_of("goto", json!({ "url": url }))
    }

    /// Goes back in the history.
    pub(crate) fn back(&self) -> Result<Page> {
        self.page_of("back", json!({}))
    }

    /// Loads the page again.
    pub(crate) fn reload(&self) -> Result<Page> {
        self.page_of("reload", json!({}))
    }

    /// What it shows, once that has loaded.
    pub(crate) fn page(&self) -> Result<Page> {
        self.page_of("shown", json!({}))
    }

    /// Writes `text` into the field `at`, in place of what is there.
    pub(crate) fn fill(&self, at: &str, text: &str) -> Result<()> {
        self.ask("fill", json!({ "at": at, "text": text })).map(drop)
    }

    /// Presses `key` (`Enter`, `Tab`, `Escape`) in the element `at`.
    pub(crate) fn press(&self, at: &str, key: &str) -> Result<()> {
        self.ask("press", json!({ "at": at, "key": key })).map(drop)
    }

    /// Clicks the element `at`. It does not wait for what comes of it: [`Tab::until_url`] and [`Tab::until_text`] do.
    pub(crate) fn click(&self, at: &str) -> Result<()> {
        self.ask("click", json!({ "at": at })).map(drop)
    }

    /// Waits until it is at `url`, a pattern in which `*` stands for all but `/`, and `**` for anything.
    pub(crate) fn until_url(&self, url: &str) -> Result<Page> {
        self.page_of("until_url", json!({ "url": url }))
    }

    /// Waits until it shows `text`.
    pub(crate) fn until_text(&self, text: &str) -> Result<Page> {
        self.page_of("until_text", json!({ "text": text }))
    }

    /// Fetches `url` from the page, with the options of the Fetch API.
    pub(crate) fn fetch(&self, url: &str, options: &Value) -> Result<Fetched> {
        let answer = self.ask("fetch", json!({ "url": url, "options": options }))?;
        let headers = answer.get("headers").and_then(Value::as_object);
        Ok(Fetched {
            status: number(&answer, "status"),
            kind: text(&answer, "type"),
            url: text(&answer, "url"),
            headers: headers
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            body: text(&answer, "body"),
        })
    }

    /// Opens a WebSocket to `url` from the page; it fails when it does not open.
    pub(crate) fn open_socket(&self, url: &str) -> Result<Socket<'_>> {
        let socket = self.ask("open_socket", json!({ "url": url }))?;
        Ok(Socket { tab: self, number: socket.as_u64().context("a socket has a number")? })
    }

    /// Runs `script`, an expression in JavaScript, in the page, and hands over its value.
    pub(crate) fn run(&self, script: &str) -> Result<Value> {
        self.ask("run", json!({ "script": script }))
    }

    /// The answers to navigations since the last call, redirects among them, in order.
    pub(crate) fn trail(&self) -> Result<Vec<Hop>> {
        let trail = self.ask("trail", json!({}))?;
        let hops = trail.as_array().into_iter().flatten().map(|hop| Hop {
            method: text(hop, "method"),
            url: text(hop, "url"),
            status: number(hop, "status"),
        });
        Ok(hops.collect())
    }

    /// What the browser has complained about since the last call: errors in its console, such as what a page's
    /// Content-Security-Policy has stopped.
    pub(crate) fn complaints(&self) -> Result<Vec<String>> {
        let complaints = self.ask("complaints", json!({}))?;
        let complaints = complaints.as_array().into_iter().flatten();
        Ok(complaints.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Looks at the page in another way.
    pub(crate) fn look(&self, look: Look) -> Result<()> {
        let media = json!({
            "colorScheme": if look.dark { "dark" } else { "light" },
            "reducedMotion": if look.still { "reduce" } else { "no-preference" },
        });
        let viewport = json!({ "width": look.width, "height": look.height });
        self.ask("look", json!({ "viewport": viewport, "media": media })).map(drop)
    }

    /// Writes a picture of the whole page to `path`, as PNG.
    pub(crate) fn screenshot(&self, path: &Path) -> Result<()> {
        self.ask("screenshot", json!({ "path": path })).map(drop)
    }

    /// What a screen reader is told: roles and names, as YAML.
    pub(crate) fn outline(&self) -> Result<String> {
        Ok(self.ask("outline", json!({}))?.as_str().unwrap_or_default().to_owned())
    }

    /// Closes it.
    pub(crate) fn close(self) -> Result<()> {
        self.ask("close", json!({})).map(drop)
    }

    fn page_of(&self, what: &str, command: Value) -> Result<Page> {
        Ok(Page::read(&self.ask(what, command)?))
    }

    fn ask(&self, what: &str, mut command: Value) -> Result<Value> {
        let fields = command.as_object_mut().context("a command has fields")?;
        fields.insert("tab".to_owned(), self.number.into());
        self.wire.ask(what, command)
    }
}

/// What a tab shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) url: String,
    /// The status of the answer that it came from; 0 if it came from none.
    pub(crate) status: u64,
    pub(crate) title: String,
    /// What can be read on it.
    pub(crate) text: String,
}

impl Page {
    pub(super) fn read(page: &Value) -> Self {
        Self {
            url: text(page, "url"),
            status: number(page, "status"),
            title: text(page, "title"),
            text: text(page, "text"),
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, status, title, text } = self;
        write!(f, "  at {url} ({status}), called `{title}`, which says:\n{text}")
    }
}

/// The answer to a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// Its status; 0 if the page may not see it.
    pub(crate) status: u64,
    /// `basic`, `cors`, `opaque` or `opaqueredirect`.
    pub(crate) kind: String,
    /// Where it came from, after redirects.
    pub(crate) url: String,
    /// What the page may see of its headers; names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// An answer to a navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) status: u64,
}

/// A way to look at pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// In CSS pixels.
    pub(crate) width: u32,
    /// In CSS pixels.
    pub(crate) height: u32,
    /// `prefers-color-scheme: dark`.
    pub(crate) dark: bool,
    /// `prefers-reduced-motion: reduce`.
    pub(crate) still: bool,
}

/// A WebSocket of the page that a tab shows.
#[derive(Debug)]
pub(crate) struct Socket<'a> {
    tab: &'a Tab,
    number: u64,
}

impl Socket<'_> {
    /// Waits until it is closed.
    pub(crate) fn ended(&self) -> Result<SocketEnd> {
        let end = self.tab.ask("socket_ended", json!({ "socket": self.number }))?;
        Ok(SocketEnd {
            code: number(&end, "code"),
            reason: text(&end, "reason"),
            is_clean: end.get("clean").and_then(Value::as_bool).unwrap_or_default(),
        })
    }
}

/// How a WebSocket was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketEnd {
    /// 1006 when it was cut off.
    pub(crate) code: u64,
    pub(crate) reason: String,
    /// Whether the closing handshake took place.
    pub(crate) is_clean: bool,
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}
