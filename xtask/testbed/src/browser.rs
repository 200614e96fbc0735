//! A browser as far as sign-in sees one: it keeps cookies, and goes one step at a time.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};

use crate::client::{Client, Reply};

/// The cookie that a session is found by.
pub const SESSION: &str = "__Host-doorward";
/// The cookie that tells one browser's sign-ins from another's.
pub const BROWSER: &str = "__Host-doorward-browser";

/// What a browser says of itself when a person goes to a page.
const NAVIGATION: [&str; 2] = ["Accept: text/html", "Sec-Fetch-Mode: navigate"];

/// A browser.
#[derive(Clone, Debug)]
pub struct Browser {
    gate: u16,
    /// By host and name.
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    /// One without cookies, for which all hosts are at this port of 127.0.0.1.
    #[must_use]
    pub const fn new(gate: u16) -> Self {
        Self { gate, cookies: BTreeMap::new() }
    }

    /// An address at the gate.
    #[must_use]
    pub fn url(&self, host: &str, target: &str) -> String {
        format!("http://{host}:{}{target}", self.gate)
    }

    /// A cookie that it keeps.
    #[must_use]
    pub fn cookie(&self, host: &str, name: &str) -> Option<String> {
        self.cookies.get(&(host.to_owned(), name.to_owned())).cloned()
    }

    /// Plants a cookie.
    pub fn plant(&mut self, host: &str, name: &str, value: &str) {
        self.cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
    }

    /// Goes to a host by any name, at the gate.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn at_host(&mut self, host: &str, target: &str) -> Result<Reply> {
        self.get(&self.url(host, target))
    }

    /// Goes to an address, and not where that sends it.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn get(&mut self, url: &str) -> Result<Reply> {
        self.send("GET", url, &NAVIGATION, "")
    }

    /// Sends a form from `origin`.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn post(&mut self, url: &str, origin: &str, form: &str) -> Result<Reply> {
        let origin = format!("Origin: {origin}");
        let kind = "Content-Type: application/x-www-form-urlencoded";
        self.send("POST", url, &[&origin, kind], form)
    }

    /// Sends a request with these header lines beside its cookies, and keeps the cookies of the answer.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn send(&mut self, method: &str, url: &str, fields: &[&str], body: &str) -> Result<Reply> {
        let rest = url.strip_prefix("http://").with_context(|| format!("expected a URL: {url}"))?;
        let (authority, target) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let port = if port.is_empty() { self.gate } else { port.parse()? };
        let cookies = self.cookies.iter().filter(|((of, _), _)| of == host);
        let cookies: Vec<_> = cookies.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut head =
            format!("{method} /{target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
        if !cookies.is_empty() {
            head.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        for field in fields {
            head.push_str(&format!("{field}\r\n"));
        }
        if method != "GET" && method != "HEAD" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let mut client = Client::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        client.send(format!("{head}\r\n{body}").as_bytes())?;
        let reply = client.reply_to(method)?.context("expected an answer")?;
        for line in reply.message.head.values("set-cookie") {
            let (name, value) = line.split_once('=').context("expected a cookie")?;
            let value = value.split(';').next().unwrap_or_default();
            let key = (host.to_owned(), name.to_owned());
            if line.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        Ok(reply)
    }

    /// Goes to an address that sends the browser on; tells where.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn sent_on(&mut self, url: &str) -> Result<String> {
        let reply = self.get(url)?;
        self.to(url, &reply)
    }

    /// Where an answer to a request for `url` sends the browser.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn to(&self, url: &str, reply: &Reply) -> Result<String> {
        let to = reply.field("location");
        let to =
            to.with_context(|| format!("{url} ends with {}: {}", reply.status, reply.text()))?;
        let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        Ok(if to.starts_with('/') { format!("{origin}{to}") } else { to.to_owned() })
    }

    /// Is sent from a page to where people sign in: the request is sealed in the address.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn asked(&mut self, url: &str) -> Result<String> {
        let sign_in = self.sent_on(url)?;
        self.sent_on(&sign_in)
    }

    /// Chooses a provider, and is at its page.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn at_provider(&mut self, url: &str, provider: &str) -> Result<String> {
        let asked = self.asked(url)?;
        self.sent_on(&format!("{asked}&provider={provider}"))
    }

    /// Signs in at the provider, and is about to bring its answer to the callback.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn answered(&mut self, url: &str, (provider, person): (&str, &str)) -> Result<String> {
        let page = self.at_provider(url, provider)?;
        let origin = page.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let reply = self.post(&page, &origin, &format!("person={person}"))?;
        self.to(&page, &reply)
    }

    /// Has brought the answer, and is about to enter the host that it came from with a pass.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn passed(&mut self, url: &str, who: (&str, &str)) -> Result<String> {
        let callback = self.answered(url, who)?;
        self.sent_on(&callback)
    }

    /// Signs in, and is where it wanted to go.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn sign_in(&mut self, url: &str, who: (&str, &str)) -> Result<Reply> {
        let enter = self.passed(url, who)?;
        let back = self.sent_on(&enter)?;
        ensure!(back == url, "it came back to {back}");
        let reply = self.get(url)?;
        ensure!(reply.status == 200, "{}", reply.text());
        Ok(reply)
    }

    /// Goes to a page of another host, on which nobody asks anything of who has signed in.
    ///
    /// # Errors
    /// When no answer comes, or not the one that the step needs.
    pub fn let_on(&mut self, url: &str) -> Result<Reply> {
        let asked = self.asked(url)?;
        let enter = self.sent_on(&asked)?;
        let back = self.sent_on(&enter)?;
        ensure!(back == url, "it came back to {back}");
        self.get(url)
    }
}

/// The value of a parameter in an address.
///
/// # Errors
/// When the address has no such parameter.
pub fn value(url: &str, name: &str) -> Result<String> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).next();
    value.with_context(|| format!("expected {name} in {url}"))
}

/// The address with another value of a parameter.
///
/// # Errors
/// When the address has no such parameter.
pub fn replaced(url: &str, name: &str, with: &str) -> Result<String> {
    let old = value(url, name)?;
    Ok(url.replace(&format!("{name}={old}"), &format!("{name}={with}")))
}
