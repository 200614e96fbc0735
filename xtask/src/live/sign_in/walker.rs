//! Someone who signs in without a browser: keeps cookies, follows redirects, fills in the provider's form.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use testbed::{Reply, Target, TlsClient, client};

use crate::live::providers::encoded;

/// The most redirects in a row.
const HOPS: usize = 12;

/// Someone. A clone goes on with the same cookies.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    gate: SocketAddr,
    client: Arc<ClientConfig>,
    /// The end of hosts of which no cookies are kept.
    blocked: Option<&'static str>,
    /// By host and name.
    cookies: BTreeMap<(String, String), String>,
}

/// Where a walk has come to.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) url: String,
    pub(super) reply: Reply,
    /// How many redirects led there.
    pub(super) hops: usize,
}

impl Walker {
    /// Someone without cookies. Hosts under `.test` are at `gate`.
    pub(super) fn new(gate: SocketAddr, client: &Arc<ClientConfig>) -> Self {
        Self { gate, client: Arc::clone(client), blocked: None, cookies: BTreeMap::new() }
    }

    /// The same, at another gate.
    pub(super) fn at(&self, gate: SocketAddr) -> Self {
        Self { gate, ..self.clone() }
    }

    /// The same, who keeps no cookies of the hosts that end in `blocked`.
    pub(super) fn blocking(&self, blocked: &'static str) -> Self {
        Self { blocked: Some(blocked), ..self.clone() }
    }

    /// Goes to `url` as a browser does, through all redirects.
    pub(super) fn go(&mut self, url: &str) -> Result<Arrived> {
        self.walk("GET", url, None)
    }

    /// Sends a form, and goes through all redirects.
    pub(super) fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Result<Arrived> {
        self.walk("POST", url, Some(&encoded(form)))
    }

    /// Goes to a `url` that needs it, and signs `user` in with the provider `staff`, the only one there.
    pub(super) fn sign_in(&mut self, url: &str, user: &str) -> Result<Arrived> {
        let arrived = self.try_to_sign_in(url, user)?;
        let text = arrived.reply.text();
        ensure!(
            arrived.url == url && arrived.reply.status == 200,
            "came to {}: {text}",
            arrived.url
        );
        Ok(arrived)
    }

    /// The same, wherever it leads.
    pub(super) fn try_to_sign_in(&mut self, url: &str, user: &str) -> Result<Arrived> {
        let form = self.go(url)?;
        ensure!(
            form.url.contains("/interaction/"),
            "no form at {}: {}",
            form.url,
            form.reply.text()
        );
        let password = format!("{user}-password");
        let said = [("user", user), ("password", &password), ("answer", "sign-in")];
        self.walk("POST", &form.url, Some(&encoded(&said)))
    }

    /// Signs out on the host of `url`, as the button there does.
    pub(super) fn sign_out(&mut self, origin: &str) -> Result<Reply> {
        let url = format!("{origin}/.doorward/sign-out");
        self.ask(
            &request(
                "POST",
                &url,
                &self.cookie(&url),
                "Sec-Fetch-Site: same-origin\r\n",
                Some(""),
            )?,
            &url,
        )
    }

    /// A request for `url` as a script of the page makes it, on a connection that is kept.
    pub(super) fn fetches(&self, url: &str) -> Result<String> {
        request("GET", url, &self.cookie(url), "Sec-Fetch-Mode: cors\r\n", None)
    }

    /// The request that opens a WebSocket.
    pub(super) fn opens(&self, url: &str, handshake: &str) -> Result<String> {
        request("GET", url, &self.cookie(url), handshake, None)
    }

    /// Where `url` is.
    pub(super) fn target(&self, url: &str) -> Result<Target> {
        let (_, host, _) = parts(url)?;
        let name = ServerName::try_from(host.to_owned())?;
        Ok(Target { address: self.gate, name, client: Arc::clone(&self.client) })
    }

    fn walk(&mut self, method: &str, url: &str, form: Option<&str>) -> Result<Arrived> {
        let (mut method, mut url, mut form) = (method, url.to_owned(), form);
        for hops in 0..HOPS {
            let navigates = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n";
            let asked = request(method, &url, &self.cookie(&url), navigates, form)?;
            let reply = self.ask(&asked, &url)?;
            let Some(to) = reply.field("location") else {
                return Ok(Arrived { url, reply, hops });
            };
            let (scheme, host, _) = parts(&url)?;
            url =
                if to.starts_with('/') { format!("{scheme}://{host}{to}") } else { to.to_owned() };
            (method, form) = ("GET", None);
        }
        bail!("more than {HOPS} redirects, the last to {url}")
    }

    fn ask(&mut self, request: &str, url: &str) -> Result<Reply> {
        let (scheme, host, _) = parts(url)?;
        let reply = match scheme {
            "https" => TlsClient::connect(&self.target(url)?)?.ask(request)?,
            _ => client::ask(host.parse()?, request)?,
        };
        let kept = self.blocked.is_none_or(|blocked| !host.ends_with(blocked));
        for line in reply.message.head.values("set-cookie").into_iter().filter(|_| kept) {
            let pair = line.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie has a name")?;
            let key = (host.to_owned(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        Ok(reply)
    }

    fn cookie(&self, url: &str) -> String {
        let host = parts(url).map(|(_, host, _)| host).unwrap_or_default();
        let kept = self.cookies.iter().filter(|((of, _), _)| of == host);
        let pairs: Vec<_> = kept.map(|((_, name), value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) }
    }
}

fn request(
    method: &str,
    url: &str,
    cookie: &str,
    headers: &str,
    form: Option<&str>,
) -> Result<String> {
    let (_, host, target) = parts(url)?;
    let body = form.map(|form| {
        let length = form.len();
        format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}")
    });
    let rest = body.unwrap_or_else(|| "\r\n".to_owned());
    Ok(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{cookie}{headers}{rest}"))
}

/// Scheme, host with its port, and the rest.
fn parts(url: &str) -> Result<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://").with_context(|| format!("no URL: {url}"))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    Ok((scheme, host, if target.is_empty() { "/" } else { target }))
}
