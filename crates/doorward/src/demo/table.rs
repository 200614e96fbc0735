//! What the demo shows: a few requests and what each shall get. Printed as `curl` lines, and run by `demo --check`.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Ports;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request, and what it shall get.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it shows.
    pub name: &'static str,
    /// Who asks: the issuer, and the form that mints a token.
    token: Option<(&'static str, &'static str)>,
    host: &'static str,
    target: &'static str,
    header: Option<(&'static str, &'static str)>,
    /// The status that it shall get.
    pub status: u16,
}

const ALICE: Option<(&str, &str)> =
    Some(("corp", "grant_type=password&username=alice&password=alice"));

/// The table.
#[must_use]
pub fn cases() -> Vec<Case> {
    let orders = Case {
        name: "",
        token: ALICE,
        host: "orders.localhost",
        target: "/orders/7",
        header: None,
        status: 401,
    };
    vec![
        Case { name: "alice reads an order", status: 200, ..orders },
        Case {
            name: "a public page, no token",
            token: None,
            target: "/health",
            status: 200,
            ..orders
        },
        Case { name: "no token", token: None, ..orders },
        Case {
            name: "bob lacks the scope",
            token: Some(("corp", "grant_type=password&username=bob&password=bob")),
            status: 403,
            ..orders
        },
        Case {
            name: "an expired token",
            token: Some((
                "corp",
                "grant_type=password&username=alice&password=alice&drill=expired",
            )),
            ..orders
        },
        Case {
            name: "a token for another service",
            token: Some((
                "corp",
                "grant_type=password&username=alice&password=alice&audience=billing",
            )),
            ..orders
        },
        Case {
            name: "a forged token",
            token: Some(("corp", "grant_type=password&username=alice&password=alice&drill=forged")),
            ..orders
        },
        Case {
            name: "carol's partner/support is not corp/support",
            token: Some(("partner", "grant_type=password&username=carol&password=carol")),
            status: 403,
            ..orders
        },
        Case { name: "an unknown route", target: "/admin", status: 404, ..orders },
        Case {
            name: "an encoded traversal",
            target: "/orders/%2e%2e/admin",
            status: 400,
            ..orders
        },
        Case {
            name: "a spoofed identity header",
            header: Some(("X_Forwarded_User", "root")),
            status: 400,
            ..orders
        },
        Case {
            name: "alice via orders to billing, service to service",
            target: "/orders/7/invoice",
            status: 200,
            ..orders
        },
        Case {
            name: "the Cedar policy seals invoices that begin with 9",
            target: "/orders/9001/invoice",
            status: 403,
            ..orders
        },
        Case {
            name: "alice herself may not read invoices",
            token: Some((
                "corp",
                "grant_type=password&username=alice&password=alice&audience=billing",
            )),
            host: "billing.localhost",
            target: "/invoices/7",
            status: 403,
            ..orders
        },
    ]
}

impl Case {
    /// The request as a line for a shell; its token is minted when it runs.
    #[must_use]
    pub fn curl(&self, ports: Ports) -> String {
        let mut line = String::from("curl -s -w ' %{http_code}\\n' --path-as-is");
        if let Some((issuer, form)) = self.token {
            let mint = format!(
                "curl -s http://127.0.0.1:{}/{issuer}/token -d '{form}&format=text'",
                ports.provider
            );
            line.push_str(&format!(" -H \"Authorization: Bearer $({mint})\""));
        }
        if let Some((name, value)) = self.header {
            line.push_str(&format!(" -H '{name}: {value}'"));
        }
        line.push_str(&format!(
            " -H 'Host: {}' 'http://127.0.0.1:{}{}'",
            self.host, ports.gate, self.target
        ));
        line
    }
}

/// Runs a case against the live processes.
pub(super) async fn run(case: &Case, ports: Ports) -> Result<u16, String> {
    let authorization = match case.token {
        Some((issuer, form)) => Some(format!("Bearer {}", mint(ports, issuer, form).await?)),
        None => None,
    };
    let mut headers: Vec<(&str, &str)> = case.header.into_iter().collect();
    headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    let sent = Sent { host: case.host, target: case.target, headers: &headers, body: None };
    Ok(send(ports.gate, &sent).await?.0)
}

/// Waits until the gate is ready.
pub(super) async fn ready(ports: Ports) -> bool {
    let asked = timeout(PATIENCE, async {
        loop {
            let sent = Sent { host: "localhost", target: "/readyz", headers: &[], body: None };
            match send(ports.admin, &sent).await {
                Ok((200, body)) if body.contains("\"status\": \"ready\"") => return,
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
        (200, token) => Ok(token),
        (status, body) => Err(format!("the provider answered {status}: {body}")),
    }
}

/// A request, byte for byte: no client library tidies up its path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    pub(super) host: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a str>,
}

/// Sends a request and reads the answer: its status and its body.
pub(super) async fn send(port: u16, sent: &Sent<'_>) -> Result<(u16, String), String> {
    let answer = timeout(PATIENCE, exchange(port, sent)).await;
    let answer = answer.map_err(|_| format!("port {port} did not answer in time"))?;
    let text = answer.map_err(|error| format!("port {port}: {error}"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer has no end of head")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or("the answer has no status")?;
    Ok((status, body.to_owned()))
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
