//! Restarts and reloads under TLS load: every request is answered, and none is refused or reset.
//!
//! Two loads run at a time: one keeps its connections, one makes a new one for each request. `testbed::tls_load` says
//! what counts as failed.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::pki_types::ServerName;
use testbed::clock::{let_pass, until};
use testbed::{Authority, Gateway, Issuer, Load, Manner, Place, Port, Recorder, Target, TlsClient};

use super::stage::{file_issuer, request, token, with_issuer};
use super::{Listed, Stage};
use crate::command::program;
use crate::install::debian;

pub(super) const SCENARIOS: Listed = &[
    ("restarts_by_taking_over_under_tls_load_fail_no_request", take_overs),
    ("restarts_by_passed_sockets_under_tls_load_fail_no_request", passed_sockets),
    ("a_changed_certificate_and_configuration_under_tls_load_fail_no_request", reloads),
    ("systemd_socket_activate_starts_it_at_the_first_connection", socket_activate),
];

/// The name that callers ask for.
const NAME: &str = "orders.test";

/// How many threads each of the two loads has.
const THREADS: usize = 4;

/// How long something may take to be so.
const IN_FORCE: Duration = Duration::from_secs(20);

/// A Doorward with HTTPS, and a service behind it.
struct Door {
    place: Place,
    https: Port,
    authority: Authority,
    issuer: Issuer,
    service: Recorder,
}

impl Door {
    fn build() -> Result<Self> {
        let service = Recorder::start()?;
        let issuer = Issuer::new(super::stage::ISSUER, tokens::Algorithm::Es256)?;
        let door = Self {
            place: Place::new()?,
            https: Port::reserve()?,
            authority: Authority::new()?,
            issuer,
            service,
        };
        door.place.write("keys.json", &door.issuer.key_set().to_string())?;
        door.place.write("door.pem", &door.authority.sign(NAME)?)?;
        door.configure("")?;
        Ok(door)
    }

    /// Writes the configuration, with a route more.
    fn configure(&self, more: &str) -> Result<()> {
        let (https, admin) = (self.https.address(), self.place.admin());
        let endpoints = [format!("http://{}", self.service.address())];
        let rest = with_issuer(&endpoints, &file_issuer());
        let rest = rest.replace("data_threads: 1", "data_threads: 2");
        let audit = self.place.path("audit");
        self.place.write(
            "doorward.yaml",
            &format!(
                "listen:
  https: {{ address: {https}, certificates: [door.pem] }}
  admin: {admin}
identity: {{ issuer: \"https://doorward.test\", keys: {{ directory: keys }} }}
audit: {{ directory: {} }}
{rest}{more}",
                audit.display()
            ),
        )
    }

    fn target(&self) -> Result<Target> {
        Ok(Target {
            address: self.https.address(),
            name: ServerName::try_from(NAME)?,
            client: self.authority.client()?,
        })
    }

    /// The two loads.
    fn loads(&self) -> Result<[(Manner, Load); 2]> {
        let (target, token) = (self.target()?, token(&self.issuer)?);
        Ok([Manner::KeepAlive, Manner::OneEach].map(|manner| {
            let token = token.clone();
            let load = Load::over_tls(&target, manner, THREADS, move |number, turn| {
                request(&format!("/orders/{number}-{turn}"), &token)
            });
            (manner, load)
        }))
    }

    /// Ends the loads, none of whose requests may have failed, and the process; the log is one chain.
    fn close(self, stage: &Stage, loads: [(Manner, Load); 2], gateway: Gateway) -> Result<()> {
        for (manner, load) in loads {
            let answers = load.stop();
            ensure!(answers.failed() == 0 && answers.of(200) > 100, "{manner:?}: {answers}");
            println!("  {manner:?}: {answers}");
        }
        gateway.stop()?;
        stage.doorward(&self.place, &["audit", "verify", "audit"])?;
        let stray = self.service.take().stray;
        stray.is_empty().then_some(()).context("stray bytes at the service")
    }
}

fn take_overs(stage: &Stage) -> Result<()> {
    let door = Door::build()?;
    let mut gateway = door.place.start(stage.binary())?;
    let loads = door.loads()?;
    for _ in 0..stage.rounds(5) {
        let_pass(stage.spell());
        gateway = door.place.take_over(stage.binary(), gateway)?;
    }
    let_pass(stage.spell());
    door.close(stage, loads, gateway)
}

fn passed_sockets(stage: &Stage) -> Result<()> {
    let door = Door::build()?;
    // This process stands in for the service manager: it has the socket for as long as the scenario lasts.
    let https: TcpListener = door.https.listen()?;
    let sockets = [("https", &https)];
    let mut gateway = door.place.start_with_sockets(stage.binary(), &sockets)?;
    let loads = door.loads()?;
    for _ in 0..stage.rounds(5) {
        let_pass(stage.spell());
        // As `systemctl restart` does: the one ends before the next begins.
        gateway.stop()?;
        gateway = door.place.start_with_sockets(stage.binary(), &sockets)?;
    }
    let_pass(stage.spell());
    door.close(stage, loads, gateway)
}

fn reloads(stage: &Stage) -> Result<()> {
    let door = Door::build()?;
    let gateway = door.place.start(stage.binary())?;
    let (loads, target) = (door.loads()?, door.target()?);
    let shown = || TlsClient::connect(&target).map(|client| client.certificate());
    let extra = "  - name: extra
    match: { host: orders.test, path: /extra, methods: [GET] }
    service: orders
    allow: [{ anyone: true }]
";
    let ask = format!("GET /extra HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    for round in 0..stage.rounds(3) {
        let_pass(stage.spell());
        let before = shown()?;
        door.place.write("door.pem", &door.authority.sign(NAME)?)?;
        gateway.reload()?;
        until("the new certificate to be shown", IN_FORCE, || {
            Ok((shown()? != before).then_some(()))
        })?;
        let (more, status) = if round % 2 == 0 { (extra, 200) } else { ("", 404) };
        door.configure(more)?;
        gateway.reload()?;
        until(&format!("{status} from the route that changed"), IN_FORCE, || {
            let reply = TlsClient::connect(&target)?.ask(&ask)?;
            Ok((reply.status == status).then_some(()))
        })?;
    }
    let_pass(stage.spell());
    door.close(stage, loads, gateway)
}

fn socket_activate(stage: &Stage) -> Result<()> {
    let activate = debian::tool(&debian::SOCKET_ACTIVATE)?;
    let door = Door::build()?;
    let child = program(activate)
        .arg(format!("--listen={}", door.https.address()))
        .arg(format!("--listen={}", door.place.admin()))
        .arg("--fdname=https:admin")
        .arg(stage.binary())
        .arg("run")
        .arg(door.place.path("doorward.yaml"))
        .current_dir(door.place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let gateway = Gateway::from(child);
    let (target, token) = (door.target()?, token(&door.issuer)?);
    let reply = until("the first connection", IN_FORCE, || {
        let client = TlsClient::connect(&target).ok();
        client.map(|mut client| client.ask(&request("/orders/1", &token))).transpose()
    })?;
    ensure!(reply.status == 200, "{} {}", reply.status, reply.text());
    door.place.until_status("/readyz", 200)?;
    gateway.stop()?;
    stage.doorward(&door.place, &["audit", "verify", "audit"]).map(drop)
}
