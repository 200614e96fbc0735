//! A browser for the table: it keeps cookies, goes where it is sent, and presses what a person would.

use std::collections::BTreeMap;

use super::Ports;
use super::requests::{Answer, Sent, send};

/// How often it lets itself be sent on.
const MAX_REDIRECTS: usize = 10;

/// A browser with a person at it.
#[derive(Debug)]
pub(super) struct Browser {
    ports: Ports,
    /// By host and name.
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    /// A new one.
    pub(super) const fn new(ports: Ports) -> Self {
        Self { ports, cookies: BTreeMap::new() }
    }

    /// Goes to a page and signs in as `person` with `provider` when asked to; gives back the page at the end of that.
    pub(super) async fn sign_in(
        &mut self,
        url: &str,
        provider: &str,
        person: &str,
    ) -> Result<Answer, String> {
        let (at, _) = self.go(url).await?;
        // What the link to the provider adds to the address of the page that it is on.
        let (at, page) = self.go(&format!("{at}&provider={provider}")).await?;
        if !page.body.contains(&format!("value=\"{person}\"")) {
            return Err(format!("{person} is not offered at {at}"));
        }
        let pressed = self.send(&at, &[], Some(&format!("person={person}"))).await?;
        Ok(self.follow(at, pressed).await?.1)
    }

    /// Signs out.
    pub(super) async fn sign_out(&mut self) -> Result<(), String> {
        let origin = self.ports.home();
        let url = format!("{origin}/.doorward/sign-out");
        let pressed = self.send(&url, &[("Origin", &origin)], Some("")).await?;
        match self.follow(url, pressed).await? {
            (_, Answer { status: 200, .. }) => Ok(()),
            (at, Answer { status, .. }) => Err(format!("signing out ended with {status} at {at}")),
        }
    }

    /// Goes to a page, but not where that sends it.
    pub(super) async fn look(&mut self, url: &str) -> Result<Answer, String> {
        self.send(url, &[], None).await
    }

    async fn go(&mut self, url: &str) -> Result<(String, Answer), String> {
        let answer = self.look(url).await?;
        self.follow(url.to_owned(), answer).await
    }

    async fn follow(&mut self, at: String, answer: Answer) -> Result<(String, Answer), String> {
        let (mut at, mut answer) = (at, answer);
        for _ in 0..MAX_REDIRECTS {
            let Some(to) = answer.values("location").next().map(str::to_owned) else {
                return Ok((at, answer));
            };
            let origin = at.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            at = if to.starts_with('/') { format!("{origin}{to}") } else { to };
            answer = self.look(&at).await?;
        }
        Err(format!("it is sent on and on, and is at {at}"))
    }

    async fn send(
        &mut self,
        url: &str,
        fields: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, String> {
        let mut parts = url.splitn(4, '/').skip(2);
        let authority = parts.next().unwrap_or_default();
        let target = format!("/{}", parts.next().unwrap_or_default());
        let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
        let port = port.parse().map_err(|_| format!("{url} has no port"))?;
        let of_host = self.cookies.iter().filter(|((of, _), _)| of == host);
        let cookies: Vec<_> = of_host.map(|((_, name), value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
        headers.extend((!cookies.is_empty()).then_some(("Cookie", cookies.as_str())));
        headers.extend(fields);
        let sent = Sent { host: authority, target: &target, headers: &headers, body };
        let answer = send(port, &sent).await?;
        for line in answer.values("set-cookie") {
            let pair = line.split(';').next().and_then(|pair| pair.split_once('='));
            let Some((name, value)) = pair else { continue };
            let key = (host.to_owned(), name.to_owned());
            if line.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        Ok(answer)
    }
}
