//! Someone at the browser: tabs that share cookies.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::tab::Tab;
use super::wire::Wire;

/// Someone at the browser.
#[derive(Debug)]
pub(crate) struct Person {
    wire: Arc<Wire>,
    number: u64,
}

impl Person {
    pub(super) fn new(wire: &Arc<Wire>, options: &Value) -> Result<Self> {
        let number = wire.ask("person", json!({ "options": options }))?;
        let number = number.as_u64().context("a person has a number")?;
        Ok(Self { wire: Arc::clone(wire), number })
    }

    /// Opens a tab.
    pub(crate) fn tab(&self) -> Result<Tab> {
        let number = self.wire.ask("tab", json!({ "person": self.number }))?;
        Ok(Tab::new(&self.wire, number.as_u64().context("a tab has a number")?))
    }

    /// All cookies.
    pub(crate) fn cookies(&self) -> Result<Vec<Cookie>> {
        let found = self.wire.ask("cookies", json!({ "person": self.number }))?;
        found.as_array().into_iter().flatten().map(Cookie::read).collect()
    }

    /// The one cookie called `name` of `host`, if there is one.
    pub(crate) fn cookie(&self, name: &str, host: &str) -> Result<Option<Cookie>> {
        let mut cookies = self.cookies()?.into_iter();
        Ok(cookies.find(|cookie| cookie.name == name && cookie.host == host))
    }

    /// Puts a cookie there, as it is: stolen, or tampered with.
    pub(crate) fn take_cookie(&self, cookie: &Cookie) -> Result<()> {
        let cookies = json!([cookie.write()]);
        self.wire.ask("set_cookies", json!({ "person": self.number, "cookies": cookies })).map(drop)
    }

    /// Drops the cookies called `name`, of every host.
    pub(crate) fn drop_cookies(&self, name: &str) -> Result<()> {
        let filter = json!({ "name": name });
        self.wire.ask("clear_cookies", json!({ "person": self.number, "filter": filter })).map(drop)
    }

    /// Closes all tabs and forgets the cookies.
    pub(crate) fn leave(self) -> Result<()> {
        self.wire.ask("leave", json!({ "person": self.number })).map(drop)
    }
}

/// A cookie as the browser keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The host that alone gets it, or `.` and a domain.
    pub(crate) host: String,
    pub(crate) path: String,
    /// When it ends, in seconds since the epoch; `None` with the browser.
    pub(crate) ends_at: Option<f64>,
    pub(crate) is_secure: bool,
    pub(crate) is_http_only: bool,
    /// `Strict`, `Lax` or `None`.
    pub(crate) same_site: String,
}

impl Cookie {
    fn read(cookie: &Value) -> Result<Self> {
        let text = |key: &str| {
            let value = cookie.get(key).and_then(Value::as_str);
            value.map(str::to_owned).with_context(|| format!("a cookie without `{key}`: {cookie}"))
        };
        let flag = |key: &str| cookie.get(key).and_then(Value::as_bool).unwrap_or_default();
        Ok(Self {
            name: text("name")?,
            value: text("value")?,
            host: text("domain")?,
            path: text("path")?,
            ends_at: cookie.get("expires").and_then(Value::as_f64).filter(|ends| *ends >= 0.0),
            is_secure: flag("secure"),
            is_http_only: flag("httpOnly"),
            same_site: text("sameSite")?,
        })
    }

    fn write(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "domain": self.host,
            "path": self.path,
            "expires": self.ends_at.unwrap_or(-1.0),
            "secure": self.is_secure,
            "httpOnly": self.is_http_only,
            "sameSite": self.same_site,
        })
    }
}
