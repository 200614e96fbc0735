//! nginx as the service: an HTTP implementation that we did not write.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::clock::until;
use testbed::{Client, Port, client};

use super::stage::{house, request, token};
use super::{Listed, Stage};
use crate::install::debian;

pub(super) const SCENARIOS: Listed = &[
    ("bodies_of_any_framing_reach_nginx_whole_and_come_back_whole", bodies),
    ("connections_to_nginx_are_kept", keeps),
];

/// A body that no single read or write takes whole.
const BODY_BYTES: usize = 5 << 20;

fn bodies(stage: &Stage) -> Result<()> {
    let nginx = Nginx::start()?;
    let (place, issuer) = house(&[nginx.url()])?;
    let _gateway = place.start(stage.binary())?;
    let token = token(&issuer)?;
    let body = body();
    let mut client = Client::connect(place.http())?;
    for (path, framed) in [("/orders/counted", counted(&body)), ("/orders/chunked", chunked(&body))]
    {
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\n"
        );
        client.send(&[head.as_bytes(), &framed].concat())?;
        let reply = client.reply()?.context("no answer to PUT")?;
        ensure!(reply.status == 201, "PUT {path} got {} {}", reply.status, reply.text());
        client.send(request(path, &token).as_bytes())?;
        let reply = client.reply()?.context("no answer to GET")?;
        ensure!(reply.status == 200, "GET {path} got {}", reply.status);
        ensure!(reply.message.body == body, "GET {path} came back changed");
    }
    let missing = client::ask(place.http(), &request("/orders/missing", &token))?;
    ensure!(missing.status == 404, "an answer of nginx's own came back as {}", missing.status);
    Ok(())
}

fn keeps(stage: &Stage) -> Result<()> {
    let nginx = Nginx::start()?;
    let (place, issuer) = house(&[nginx.url()])?;
    let _gateway = place.start(stage.binary())?;
    let request = request("/orders/none", &token(&issuer)?);
    for _ in 0..20 {
        client::ask(place.http(), &request)?;
    }
    let log = std::fs::read_to_string(nginx.folder.path().join("access.log"))?;
    let connections: std::collections::BTreeSet<_> =
        log.lines().filter_map(|line| line.split(' ').next()).collect();
    ensure!(log.lines().count() == 20, "nginx saw {} requests", log.lines().count());
    ensure!(connections.len() <= 2, "20 requests took {} connections", connections.len());
    Ok(())
}

fn body() -> Vec<u8> {
    (0..BODY_BYTES).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect()
}

fn counted(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut framed = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(70_001) {
        framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        framed.extend([chunk, b"\r\n"].concat());
    }
    framed.extend(b"0\r\n\r\n");
    framed
}

/// nginx in the foreground, with a folder that PUT writes to. It ends when it is dropped.
struct Nginx {
    port: Port,
    folder: tempfile::TempDir,
    child: Child,
}

impl Nginx {
    fn start() -> Result<Self> {
        let binary = debian::tool(&debian::NGINX)?;
        let port = Port::reserve()?;
        let folder = tempfile::Builder::new().prefix("doorward-nginx-").tempdir()?;
        std::fs::create_dir(folder.path().join("files"))?;
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(folder.path(), port.address().port()))?;
        let child = Command::new(binary)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let nginx = Self { port, folder, child };
        until("nginx", Duration::from_secs(10), || {
            Ok(Client::connect(nginx.port.address()).ok().map(drop))
        })?;
        Ok(nginx)
    }

    fn url(&self) -> String {
        format!("http://{}", self.port.address())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; user root;
pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format connections '$connection $connection_requests $request';
  access_log {folder}/access.log connections;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 100m;
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ root {folder}/files; dav_methods PUT; create_full_put_path on; }}
  }}
}}
"
    )
}
