//! A house with HTTPS, before services of one's own.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use testbed::{Gateway, Issuer, Place, Port};
use tokens::Algorithm;

use super::Stage;
use super::stage::ISSUER;

/// The host that callers ask for.
pub(super) const HOST: &str = "orders.test";

/// A service behind the house. Its name is its audience too.
pub(super) struct Behind {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// More of its keys, with a comma first.
    pub(super) keys: &'static str,
    /// The paths that go to it.
    pub(super) path: String,
}

impl Behind {
    /// A service that takes the paths below its name.
    pub(super) fn new(name: &'static str, address: SocketAddr) -> Self {
        Self { name, address, keys: "", path: format!("/{name}/**") }
    }
}

/// Doorward with HTTP and HTTPS. It ends when it is dropped.
pub(super) struct Secured {
    pub(super) place: Place,
    pub(super) issuer: Issuer,
    pub(super) gateway: Gateway,
    https: Port,
    rest: String,
}

impl Secured {
    /// Opens it before `services`. Alice may do everything.
    pub(super) fn open(stage: &Stage, services: &[Behind]) -> Result<Self> {
        let issuer = Issuer::new(ISSUER, Algorithm::Es256)?;
        let place = Place::new()?;
        let https = Port::reserve()?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        let mut params = CertificateParams::new(Vec::new())?;
        // Another name than the leaf has, which would look self-signed.
        params.distinguished_name.push(DnType::CommonName, "the authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let names = [HOST, "127.0.0.1"].map(str::to_owned);
        let leaf = CertificateParams::new(names)?.signed_by(&key, &authority)?;
        place.write("ca.pem", &authority.pem())?;
        place.write("door.pem", &(leaf.pem() + &key.serialize_pem()))?;
        let mut rest = format!(
            "issuers:
  corp: {{ issuer: {ISSUER}, keys: {{ file: keys.json }}, algorithms: [ES256], token_types: [at+jwt] }}
services:
"
        );
        for Behind { name, address, keys, .. } in services {
            rest += &format!(
                "  {name}: {{ audience: {name}, endpoints: [\"http://{address}\"]{keys} }}\n"
            );
        }
        rest += "routes:\n";
        for Behind { name, path, .. } in services {
            rest += &format!(
                "  - name: {name}
    match: {{ host: \"*\", path: \"{path}\", methods: [\"*\"] }}
    service: {name}
    accept: [corp]
    allow: [{{ users: [alice] }}]
    websocket: true
"
            );
        }
        write(&place, &https, &rest)?;
        let gateway = place.start(stage.binary())?;
        Ok(Self { place, issuer, gateway, https, rest })
    }

    /// The port of HTTPS.
    pub(super) fn port(&self) -> u16 {
        self.https.address().port()
    }

    /// The file with the authority that vouches for its certificate.
    pub(super) fn authority(&self) -> PathBuf {
        self.place.path("ca.pem")
    }

    /// Alice's token for the service called `audience`.
    pub(super) fn token(&self, audience: &str) -> Result<String> {
        self.issuer.token("alice", audience, serde_json::json!({}))
    }

    /// Writes a configuration in which Alice is revoked, and asks for it to be read.
    pub(super) fn revoke(&self) -> Result<()> {
        let rest = format!("revoked: {{ subjects: [corp/alice] }}\n{}", self.rest);
        write(&self.place, &self.https, &rest)?;
        self.gateway.reload()
    }
}

fn write(place: &Place, https: &Port, rest: &str) -> Result<()> {
    let text = format!(
        "listen:
  http: {}
  https: {{ address: \"{}\", certificates: [door.pem] }}
  admin: {}
audit: {{ directory: {} }}
data_threads: 1
{rest}",
        place.http(),
        https.address(),
        place.admin(),
        place.path("audit").display(),
    );
    place.write("doorward.yaml", &text)
}
