use std::path::PathBuf;
use std::sync::Arc;

use federation::provider::{ClientAuth, Secret};
use gate::spec::Place;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokens::{Algorithm, SigningKey};

use super::Lowering;
use crate::config::file::{self, ClientAuthentication};
use crate::config::tree::{Node, shortened};
use crate::config::value::FilePath;

/// The keys by which a client proves who it is, of which a provider has one.
const PROOFS: [&str; 3] = ["client_secret", "client_key", "client_certificate"];

/// What a client's key may sign with, by the kind of key: each kind is of the first that takes it.
const CLIENT_ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::Ed25519, Algorithm::Rs256];

/// How a client proves who it is.
pub(super) struct Proof {
    pub(super) auth: ClientAuth,
    /// The file of the certificate that is shown.
    pub(super) certificate: Option<PathBuf>,
}

impl Lowering<'_> {
    /// How this Doorward proves who it is; a secret goes into the body by itself if `body`.
    pub(super) fn client_authentication(
        &mut self,
        provider: &file::Provider,
        body: bool,
        place: &Place,
    ) -> Option<Proof> {
        let written = |key: &&&str| self.tree.find(&place.then(key)).is_some();
        let given: Vec<_> = PROOFS.iter().filter(written).copied().collect();
        let wanted = provider.client_authentication.map(needed);
        let method = place.then("client_authentication");
        let proof = match (given.as_slice(), wanted) {
            ([], None) => {
                let whole = self.tree.find(place).is_none_or(Node::is_whole);
                if whole && self.tree.find(&method).is_none() {
                    let problem = self.key_problem(
                        place,
                        "nothing says how this Doorward proves to the provider who it is",
                    );
                    self.report(problem.help(
                        "add `client_secret: ${file:path}`; or `client_authentication: none` for a public client",
                    ));
                }
                return None;
            }
            ([], Some((word, Some(key)))) => {
                let problem = self.problem(&method, format!("`{word}` needs `{key}`"));
                let example = if key == "client_secret" { "${file:path}" } else { "path" };
                self.report(problem.help(format!("add `{key}: {example}`")));
                return None;
            }
            ([], Some((_, None))) => {
                return Some(Proof { auth: ClientAuth::None, certificate: None });
            }
            ([key], Some((word, wanted))) if wanted != Some(*key) => {
                let message = match wanted {
                    Some(wanted) => format!("`{word}` needs `{wanted}`, and there is `{key}`"),
                    None => format!("`{word}` means no proof, and there is `{key}`"),
                };
                let problem = self
                    .problem(&method, message)
                    .mark(self.tree.locate_key(&place.then(key)), Some("here"))
                    .help("remove one of the two");
                self.report(problem);
                return None;
            }
            ([key], _) => *key,
            ([one, .., other], _) => {
                let problem = self
                    .key_problem(
                        &place.then(other),
                        format!(
                            "`{one}` and `{other}` both say how this Doorward proves who it is"
                        ),
                    )
                    .mark(self.tree.locate_key(&place.then(one)), Some("here"))
                    .help("keep one of the two");
                self.report(problem);
                return None;
            }
        };
        let place = place.then(proof);
        if let Some(secret) = &provider.client_secret {
            let secret = Secret::new(secret.expose());
            let body = match provider.client_authentication {
                Some(method) => method == ClientAuthentication::Post,
                None => body,
            };
            let auth =
                if body { ClientAuth::SecretPost(secret) } else { ClientAuth::SecretBasic(secret) };
            return Some(Proof { auth, certificate: None });
        }
        if let Some(file) = &provider.client_key {
            let key = self.client_key(file, &place)?;
            return Some(Proof {
                auth: ClientAuth::PrivateKeyJwt(Arc::new(key)),
                certificate: None,
            });
        }
        // What is written and not there was complained about.
        let certificate = self.client_certificate(provider.client_certificate.as_ref()?, &place)?;
        Some(Proof { auth: ClientAuth::MutualTls, certificate: Some(certificate) })
    }

    fn client_key(&mut self, file: &FilePath, place: &Place) -> Option<SigningKey> {
        let bytes = self.read(&file.0, place)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&bytes).ok().and_then(|der| {
            let fits = |algorithm: &Algorithm| {
                SigningKey::from_pkcs8(*algorithm, der.secret_pkcs8_der()).ok()
            };
            CLIENT_ALGORITHMS.iter().find_map(fits)
        });
        if key.is_none() {
            let message = format!("there is no private key that signs in `{}`", shortened(&file.0));
            let problem = self.problem(place, message);
            self.report(problem.help(
                "name a PEM file with `-----BEGIN PRIVATE KEY-----`; others become one by `openssl pkcs8 -topk8 -nocrypt`",
            ));
        }
        key
    }

    pub(super) fn client_certificate(&mut self, file: &FilePath, place: &Place) -> Option<PathBuf> {
        let path = self.certificates(&file.0, place)?;
        let bytes = self.surroundings.read(&path, super::MAX_FILE_BYTES).ok()?;
        if PrivateKeyDer::from_pem_slice(&bytes).is_err() {
            let message = format!("there is no private key in `{}`", shortened(&file.0));
            let problem = self.problem(place, message);
            self.report(problem.help("put the certificate's private key into the same file"));
            return None;
        }
        Some(path)
    }
}

/// How a method is written, and the key that it needs.
const fn needed(method: ClientAuthentication) -> (&'static str, Option<&'static str>) {
    match method {
        ClientAuthentication::Basic => ("basic", Some("client_secret")),
        ClientAuthentication::MutualTls => ("mutual_tls", Some("client_certificate")),
        ClientAuthentication::None => ("none", None),
        ClientAuthentication::Post => ("post", Some("client_secret")),
        ClientAuthentication::PrivateKeyJwt => ("private_key_jwt", Some("client_key")),
    }
}
