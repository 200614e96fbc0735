//! Whether the endpoints of the services accept connections.

use std::io;

use doors::proxy::At;
use gate::spec::Place;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::findings::Findings;

/// Connects to every endpoint once.
pub(super) async fn check(findings: &mut Findings<'_>) {
    let config = findings.config;
    for (name, upstream) in &config.services {
        for (index, endpoint) in upstream.endpoints.iter().enumerate() {
            let limit = upstream.timeouts.connect;
            let why = match timeout(limit, connect(&endpoint.at)).await {
                Ok(Ok(_)) => {
                    findings.ok(format!("service {name}: {endpoint} accepts connections"));
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no connection within {limit:?}"),
            };
            let place = Place::key("services").then(name).then("endpoints").at(index);
            let remedy = format!("start it, or mend {}", findings.line_of(&place));
            findings.fail(format!("service {name}: {endpoint}: {why}"), &remedy);
        }
    }
}

async fn connect(at: &At) -> io::Result<()> {
    match at {
        At::Address(address) => TcpStream::connect(address).await.map(drop),
        At::Name(host, port) => TcpStream::connect((host.as_str(), *port)).await.map(drop),
        At::Socket(path) => UnixStream::connect(path).await.map(drop),
    }
}
