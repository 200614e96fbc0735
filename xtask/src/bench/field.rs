//! What all scenarios share: the service, the issuers and their tokens, and how long is measured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use testbed::{Issuer, Port};
use tokens::Algorithm;

use super::Bench;
use crate::peer::Peer;

/// The issuer of all tokens.
pub(crate) const ISSUER: &str = "https://idp.test";
/// The host that tokens are shown at.
pub(crate) const HOST: &str = "orders.test";
/// The algorithms that tokens are signed with.
pub(super) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];
/// The service, with `{listen}` and the folder to be filled in.
const SERVICE: &str = include_str!("../../bench/service.conf");
/// How long tokens live, in seconds.
const LIFETIME: u64 = 86_400;

/// Where scenarios are played.
pub(super) struct Field {
    pub(super) folder: PathBuf,
    pub(super) binary: PathBuf,
    pub(super) service: SocketAddr,
    /// Whether it is a short run.
    pub(super) quick: bool,
    /// The one contestant that was asked for.
    pub(super) only: Option<String>,
    issuers: Vec<(Algorithm, Issuer)>,
    _service: Peer,
    _port: Port,
}

impl Field {
    /// Starts the service. `folder` is for whatever is written.
    pub(super) fn enter(folder: &Path, binary: PathBuf, options: &Bench) -> Result<Self> {
        let issuers = ALGORITHMS
            .into_iter()
            .map(|algorithm| Ok((algorithm, Issuer::new(ISSUER, algorithm)?)))
            .collect::<Result<Vec<_>>>()?;
        let port = Port::reserve()?;
        let service = Peer::nginx(folder, "service", SERVICE, port.address(), &[])?;
        Ok(Self {
            folder: folder.to_owned(),
            binary,
            service: port.address(),
            quick: options.quick,
            only: options.only.clone(),
            issuers,
            _service: service,
            _port: port,
        })
    }

    /// How many rounds there are.
    pub(super) fn rounds(&self) -> usize {
        self.usually(5, 1)
    }

    /// How long one run takes, in seconds, if it usually takes so long.
    pub(super) fn seconds(&self, usual: u64) -> u64 {
        self.usually(usual, 1)
    }

    /// The first, and in a quick run the second.
    pub(super) fn usually<T>(&self, usual: T, quick: T) -> T {
        if self.quick { quick } else { usual }
    }

    /// Whether `name` is to be measured in the scenario of the contestants.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == name || only == super::warm::NAME)
    }

    /// The issuer that signs with `algorithm`.
    pub(super) fn issuer(&self, algorithm: Algorithm) -> Result<&Issuer> {
        let found = self.issuers.iter().find(|(one, _)| *one == algorithm);
        Ok(&found.context("an issuer for each algorithm")?.1)
    }

    /// The keys of all issuers, as one JSON Web Key Set.
    pub(super) fn key_set(&self) -> String {
        key_set(self.issuers.iter().map(|(_, issuer)| issuer))
    }

    /// So many tokens, each in its header line, for `orders:read`.
    pub(super) fn tokens(&self, algorithm: Algorithm, many: usize) -> Result<Vec<String>> {
        self.tokens_with(algorithm, many, reader)
    }

    /// The same with other claims.
    pub(super) fn tokens_with(
        &self,
        algorithm: Algorithm,
        many: usize,
        claims: impl Fn(usize) -> Value + Sync,
    ) -> Result<Vec<String>> {
        mint(self.issuer(algorithm)?, many, claims)
    }
}

/// The keys of all `issuers`, as one JSON Web Key Set.
pub(crate) fn key_set<'a>(issuers: impl Iterator<Item = &'a Issuer>) -> String {
    let keys = issuers.filter_map(|issuer| issuer.key_set().pointer("/keys/0").cloned());
    json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
}

/// The claims of a user who may read orders.
pub(crate) fn reader(number: usize) -> Value {
    json!({
        "groups": ["eng", "oncall"], "scope": "orders:read",
        "email": format!("user-{number}@corp.test"),
    })
}

/// Mints as many tokens, one for each user, each in its header line: on all processors, for signing is what takes long.
pub(crate) fn mint(
    issuer: &Issuer,
    many: usize,
    claims: impl Fn(usize) -> Value + Sync,
) -> Result<Vec<String>> {
    let end = testbed::clock::epoch_seconds() + LIFETIME;
    let token = |user: usize| -> Result<String> {
        let mut claims = claims(user);
        if let Value::Object(claims) = &mut claims {
            claims.insert("exp".to_owned(), end.into());
        }
        let token = issuer.token(&format!("user-{user}"), "orders", claims)?;
        Ok(format!("Authorization: Bearer {token}"))
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = many.div_ceil(threads);
    let token = &token;
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|part| {
                let users = (part * share).min(many)..((part + 1) * share).min(many);
                scope.spawn(move || users.map(token).collect::<Result<Vec<_>>>())
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow!("a thread that signs panicked"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    Ok(parts.concat())
}
