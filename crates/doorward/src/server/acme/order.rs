//! One order: from a name to a certificate (RFC 8555 §7.4), with the proof on our own port (RFC 8737).

use std::sync::Arc;
use std::time::Duration;

use doors::proxy::{Obtained, PemFile, Proof};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, Key, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use tokens::{Algorithm, SigningKey};

use super::cache::Cache;
use super::client::Client;
use super::error::{AcmeError, told};
use crate::config::Acme;
use crate::entropy::Entropy;

/// How long a server may take to look at a proof, and then to issue.
const POLL: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));

/// What orders are made with.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) options: Acme,
    pub(super) cache: Cache,
    pub(super) client: Client,
    pub(super) obtained: Arc<Obtained>,
    pub(super) entropy: Entropy,
}

/// The account's file.
#[derive(Deserialize, Serialize)]
struct Kept {
    contact: Vec<String>,
    credentials: AccountCredentials,
}

impl Orders {
    /// Orders a certificate for `name`, with a key made for it alone, and keeps both.
    pub(super) async fn order(&self, name: &str) -> Result<PemFile, AcmeError> {
        let account = self.account().await?;
        let names = [Identifier::Dns(name.to_owned())];
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let proofs = self.prove(name, &mut order).await?;
        let status = match order.state().status {
            OrderStatus::Pending => order.poll_ready(&POLL).await?,
            status => status,
        };
        if status != OrderStatus::Ready {
            return Err(AcmeError::Refused(why(&mut order).await));
        }
        drop(proofs);
        let key = self.key()?;
        let mut params = CertificateParams::new([name.to_owned()]).map_err(making)?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).map_err(making)?;
        order.finalize_csr(request.der()).await?;
        let chain = order.poll_certificate(&POLL).await?;
        let bytes = (chain + "\n" + &key.serialize_pem()).into_bytes();
        let path = self.cache.certificate_path(name);
        Ok(PemFile { name: path.display().to_string(), bytes })
    }

    /// Answers every challenge of an order, and goes on to until what is returned is dropped.
    async fn prove(&self, name: &str, order: &mut Order) -> Result<Vec<Proof>, AcmeError> {
        let mut proofs = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.ok_or(AcmeError::NoChallenge)?;
            let mut params = CertificateParams::new([name.to_owned()]).map_err(making)?;
            let digest = challenge.key_authorization().digest();
            params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
            let key = self.key()?;
            let certificate = params.self_signed(&key).map_err(making)?;
            let key = PrivatePkcs8KeyDer::from(key.serialize_der());
            proofs.push(self.obtained.prove(name, certificate.der().clone(), key)?);
            challenge.set_ready().await?;
        }
        Ok(proofs)
    }

    /// The account that is kept, or a new one.
    async fn account(&self) -> Result<Account, AcmeError> {
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let contact: Vec<_> = self.options.contact.iter().map(String::as_str).collect();
        if let Some(bytes) = self.cache.account()? {
            let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| {
                let path = self.cache.account_path();
                // Where, and not what: it is beside a key.
                let cause = format!("line {}, column {}", error.line(), error.column());
                AcmeError::DamagedAccount { path, cause }
            })?;
            let account = builder.from_credentials(kept.credentials).await?;
            if kept.contact != self.options.contact {
                account.update_contacts(&contact).await?;
                self.keep(serde_json::from_slice::<Kept>(&bytes).map_err(making)?.credentials)?;
            }
            return Ok(account);
        }
        let secret = self.key()?.serialize_der();
        let key = Key::from_pkcs8_der(PrivatePkcs8KeyDer::from(secret.as_slice()))?;
        let pair = (key, PrivatePkcs8KeyDer::from(secret).into());
        let directory = self.options.directory.clone();
        let (account, credentials) = builder.create_from_key(pair, directory).await?;
        if !contact.is_empty() {
            account.update_contacts(&contact).await?;
        }
        self.keep(credentials)?;
        tracing::info!(account = account.id(), "there is a new account at the ACME server");
        Ok(account)
    }

    fn keep(&self, credentials: AccountCredentials) -> Result<(), AcmeError> {
        let kept = Kept { contact: self.options.contact.clone(), credentials };
        self.cache.keep_account(&serde_json::to_vec(&kept).map_err(making)?)
    }

    /// A new key (ECDSA, P-256).
    fn key(&self) -> Result<KeyPair, AcmeError> {
        let key = SigningKey::generate(Algorithm::Es256, &*self.entropy).map_err(making)?;
        let secret = key.to_pkcs8().map_err(making)?;
        KeyPair::try_from(secret.as_ref()).map_err(making)
    }
}

fn making(error: impl ToString) -> AcmeError {
    AcmeError::Making(error.to_string())
}

/// Why an order is not good: what the server found at the names.
async fn why(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(error) = state.challenges.iter().find_map(|one| one.error.as_ref()) {
            return told(error);
        }
    }
    "the order is invalid, without a reason".to_owned()
}
