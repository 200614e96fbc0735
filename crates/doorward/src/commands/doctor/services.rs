//! Whether the endpoints of the services accept connections.

use gate::spec::Place;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::findings::Findings;

/// Connects to every endpoint once.
pub(super) async fn check(findings: &mut Findings<'_>) {
    let config = findings.config;
    for (name, upstream) in &config.services {
        for (index, endpoint) in upstream.endpoints.iter().enumerate() {
            let host = endpoint.host.trim_start_matches('[').trim_end_matches(']');
            let limit = upstream.connect_timeout;
            let why = match timeout(limit, TcpStream::connect((host, endpoint.port))).await {
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
