//! Requests byte for byte: no client library tidies up their paths.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Ports;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until the gate is ready.
pub(super) async fn ready(ports: Ports) -> bool {
    let asked = timeout(PATIENCE, async {
        loop {
            let sent = Sent { host: "localhost", target: "/readyz", headers: &[], body: None };
            match send(ports.admin, &sent).await {
                Ok(answer) if answer.body.contains("\"status\": \"ready\"") => return,
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    });
    asked.await.is_ok()
}

/// A token from the demo's provider.
pub(super) async fn mint(ports: Ports, issuer: &str, form: &str) -> Result<String, String> {
    let target = format!("/{issuer}/token");
    let body = format!("{form}&format=text");
    let sent = Sent { host: "127.0.0.1", target: &target, headers: &[], body: Some(&body) };
    match send(ports.provider, &sent).await? {
        Answer { status: 200, body, .. } => Ok(body),
        Answer { status, body, .. } => Err(format!("the provider answered {status}: {body}")),
    }
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    pub(super) host: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a str>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    fields: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// The values of a field, whose name is in lower case.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = self.fields.iter().filter(move |(found, _)| found == name);
        of_name.map(|(_, value)| value.as_str())
    }
}

/// Sends a request and reads the answer.
pub(super) async fn send(port: u16, sent: &Sent<'_>) -> Result<Answer, String> {
    let answer = timeout(PATIENCE, exchange(port, sent)).await;
    let answer = answer.map_err(|_| format!("port {port} did not answer in time"))?;
    let text = answer.map_err(|error| format!("port {port}: {error}"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer has no end of head")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or("the answer has no status")?;
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Ok(Answer { status, fields: fields.collect(), body: body.to_owned() })
}

async fn exchange(port: u16, sent: &Sent<'_>) -> std::io::Result<String> {
    let Sent { host, target, headers, body } = sent;
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in *headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        let length = body.len();
        request.push_str(&format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"
        ));
    }
    request.push_str("\r\n");
    request.push_str(body.unwrap_or_default());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
