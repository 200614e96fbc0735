//! Caddy as an ACME server: it looks at port 443 of the name, and issues.
//!
//! Caddy alone finds the name where we are: it sees a hosts file of its own (a mount namespace). That it looks at port 443
//! cannot be changed, so we listen there, at an address of the loopback network that nothing else has.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use testbed::clock::until;
use testbed::{Authority, Gateway, Issuer, Place, Port, Recorder, Target, TlsClient, client};
use tokens::Algorithm;

use super::stage::{ISSUER, file_issuer, request, token, with_issuer};
use super::{Listed, Stage};
use crate::command::program;
use crate::install::python;

pub(super) const SCENARIOS: Listed = &[
    ("a_certificate_is_had_from_caddy_and_renewed_without_cutting_a_connection", issued),
    ("what_caddy_refuses_is_told_and_https_goes_on", refused),
];

/// The name that certificates are ordered for.
const NAME: &str = "orders.test";
/// A name that Caddy has been told to refuse.
const FORBIDDEN: &str = "forbidden.test";
/// Where the names are, for Caddy.
const DOOR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 44, 3)), 443);
/// A minute.
const MINUTE: Duration = Duration::from_secs(60);
/// How long something may take to be so.
const IN_FORCE: Duration = Duration::from_secs(60);

/// A running Caddy. It ends when it is dropped.
struct Caddy {
    child: Child,
    port: Port,
}

impl Caddy {
    fn start(place: &Place) -> Result<Self> {
        let caddy = python::tool(&python::CADDY)?;
        let port = Port::reserve()?;
        let number = port.address().port();
        let address = DOOR.ip();
        place.write("hosts", &format!("127.0.0.1 localhost\n{address} {NAME} {FORBIDDEN}\n"))?;
        place.write(
            "Caddyfile",
            &format!(
                "{{
    admin off
    skip_install_trust
    auto_https disable_redirects
    default_bind 127.0.0.1
    storage file_system {storage}
    servers {{
        protocols h1
    }}
}}
https://localhost:{number} {{
    tls internal
    acme_server {{
        lifetime 5m
        challenges tls-alpn-01
        deny {{
            domains {FORBIDDEN}
        }}
    }}
}}
",
                storage = place.path("caddy").display()
            ),
        )?;
        let mounted = "mount --bind hosts /etc/hosts && exec \"$0\" run --config Caddyfile --adapter caddyfile";
        let log = fs::File::create(place.path("caddy.log"))?;
        let child = program("unshare")
            .args(["--mount", "sh", "-c", mounted])
            .arg(caddy)
            .current_dir(place.path(""))
            .env("HOME", place.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start Caddy with a hosts file of its own")?;
        let mut started = Self { child, port };
        let root = place.path("caddy/pki/authorities/local/root.crt");
        until("Caddy's authority", IN_FORCE, || {
            if let Some(status) = started.child.try_wait()? {
                bail!(
                    "Caddy ended with {status}: {}",
                    fs::read_to_string(place.path("caddy.log"))?
                );
            }
            Ok(root.is_file().then_some(()))
        })?;
        place.write("caddy-root.pem", &fs::read_to_string(&root)?)?;
        let target = Target {
            address: started.port.address(),
            name: ServerName::try_from("localhost")?,
            client: believing(place, "caddy-root.pem")?,
        };
        until("Caddy to serve", IN_FORCE, || Ok(TlsClient::connect(&target).ok()))?;
        Ok(started)
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that believes the authority in the file `name` alone, and resumes no session.
fn believing(place: &Place, name: &str) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(place.path(name))?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// A Doorward that orders from a Caddy, and a service behind it.
struct Door {
    place: Place,
    issuer: Issuer,
    _service: Recorder,
    _caddy: Caddy,
    _held: Port,
}

impl Door {
    /// One that orders certificates for `names`.
    fn build(names: &str) -> Result<Self> {
        let place = Place::new()?;
        let caddy = Caddy::start(&place)?;
        let (service, issuer) = (Recorder::start()?, Issuer::new(ISSUER, Algorithm::Es256)?);
        place.write("keys.json", &issuer.key_set().to_string())?;
        let rest = with_issuer(&[format!("http://{}", service.address())], &file_issuer());
        place.write(
            "doorward.yaml",
            &format!(
                "listen:
  https:
    address: {DOOR}
    acme:
      directory: https://localhost:{}/acme/local/directory
      domains: [{names}]
      contact: [\"mailto:ops@orders.test\"]
      accept_terms: true
      cache: acme
      ca: caddy-root.pem
  admin: {}
audit: {{ directory: {} }}
{rest}",
                caddy.port.address().port(),
                place.admin(),
                place.path("audit").display(),
            ),
        )?;
        let held = Port::at(DOOR)?;
        Ok(Self { place, issuer, _service: service, _caddy: caddy, _held: held })
    }

    fn target(&self, ca: &str) -> Result<Target> {
        let name = ServerName::try_from(NAME)?;
        Ok(Target { address: DOOR, name, client: believing(&self.place, ca)? })
    }

    /// Waits until a connection that believes `ca` alone can be had.
    fn connected(&self, gateway: &Gateway, ca: &str) -> Result<TlsClient> {
        let target = self.target(ca)?;
        until("a certificate", IN_FORCE, || Ok(TlsClient::connect(&target).ok())).with_context(
            || format!("{} (process {})\n{}", self.ready(), gateway.pid(), self.place.log()),
        )
    }

    fn ask(&self, client: &mut TlsClient) -> Result<()> {
        let reply = client.ask(&request("/orders/1", &token(&self.issuer)?))?;
        ensure!(reply.status == 200, "{} {}", reply.status, reply.text());
        Ok(())
    }

    /// What `/readyz` says.
    fn ready(&self) -> String {
        client::get(self.place.admin(), "/readyz").map_or_else(|e| e.to_string(), |r| r.text())
    }

    fn metric(&self, line: &str) -> Result<()> {
        until(line, IN_FORCE, || {
            let text = client::get(self.place.admin(), "/metrics")?.text();
            Ok(text.lines().any(|one| one.starts_with(line)).then_some(()))
        })
    }

    /// The file in the cache whose name ends in `end`.
    fn kept(&self, end: &str) -> Result<std::path::PathBuf> {
        let folder = fs::read_dir(self.place.path("acme"))?.next().context("an empty cache")??;
        let mut files = fs::read_dir(folder.path())?.filter_map(Result::ok);
        let file = files.find(|file| file.file_name().to_string_lossy().ends_with(end));
        Ok(file.with_context(|| format!("no {end}"))?.path())
    }
}

fn issued(stage: &Stage) -> Result<()> {
    let door = Door::build(NAME)?;
    let gateway = door.place.start_unready(stage.binary())?;
    let mut client = door.connected(&gateway, "caddy-root.pem")?;
    door.ask(&mut client)?;
    door.metric("doorward_acme_orders_total{outcome=\"issued\"} 1")?;
    door.metric("doorward_certificate_expires_seconds{name=\"orders.test\"} ")?;
    let first = client.certificate();
    gateway.stop()?;

    // What is kept is shown at once, and nothing is ordered while it is good.
    let gateway = door.place.start(stage.binary())?;
    let again = TlsClient::connect(&door.target("caddy-root.pem")?)?.certificate();
    ensure!(again == first, "another certificate than the one that was kept");
    ensure!(!door.ready().contains("no certificate"), "{}", door.ready());
    gateway.stop()?;

    // One that is renewed in a few seconds: new connections see the new one, and an open one goes on.
    let authority = Authority::new()?;
    door.place.write("old-root.pem", &authority.pem())?;
    fs::write(door.kept(".pem")?, authority.sign_between(NAME, MINUTE, MINUTE + MINUTE / 2)?)?;
    let gateway = door.place.start(stage.binary())?;
    let mut old = door.connected(&gateway, "old-root.pem")?;
    door.ask(&mut old)?;
    let mut new = door.connected(&gateway, "caddy-root.pem")?;
    door.ask(&mut new)?;
    ensure!(new.certificate() != first, "the certificate before the last");
    door.ask(&mut old)?;
    gateway.stop()?;
    stage.doorward(&door.place, &["audit", "verify", "audit"]).map(drop)
}

fn refused(stage: &Stage) -> Result<()> {
    let door = Door::build(&format!("{NAME}, {FORBIDDEN}"))?;
    let gateway = door.place.start_unready(stage.binary())?;
    let mut client = door.connected(&gateway, "caddy-root.pem")?;
    door.ask(&mut client)?;
    let said = until("the refusal", IN_FORCE, || {
        Ok(Some(door.ready()).filter(|said| said.contains("refuses")))
    })?;
    ensure!(said.contains(&format!("there is no certificate for `{FORBIDDEN}` yet")), "{said}");
    ensure!(said.contains("\"status\": \"degraded\""), "{said}");
    door.metric("doorward_acme_orders_total{outcome=\"refused\"} 1")?;
    door.ask(&mut client)?;
    gateway.stop()
}
