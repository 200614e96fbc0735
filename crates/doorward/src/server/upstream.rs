//! From a service's configuration to how the proxy reaches it.

use std::path::PathBuf;
use std::sync::Arc;

use doors::proxy::{self, At, Dial, EndpointTls, PemFile, ServiceTls};
use doors::{EndpointOptions, ServiceOptions};
use rustls::pki_types::ServerName;

use super::AssemblyError;
use crate::config;

/// The files that TLS with a service takes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UpstreamFiles {
    ca: Option<PemFile>,
    certificates: Vec<PemFile>,
}

impl UpstreamFiles {
    pub(super) fn read(upstream: &config::Upstream) -> Result<Self, AssemblyError> {
        let Some(tls) = &upstream.tls else { return Ok(Self::default()) };
        let ca = pem_files(tls.ca.as_slice())?.pop();
        Ok(Self { ca, certificates: pem_files(&tls.certificates)? })
    }
}

pub(super) fn pem_files(paths: &[PathBuf]) -> Result<Vec<PemFile>, AssemblyError> {
    let files = paths.iter().map(|path| {
        let name = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => Ok(PemFile { name, bytes }),
            Err(source) => Err(AssemblyError::File { name, source }),
        }
    });
    files.collect()
}

pub(super) fn service_options(
    name: &str,
    upstream: &config::Upstream,
    files: &UpstreamFiles,
) -> Result<ServiceOptions, AssemblyError> {
    let http2 = upstream.http2;
    let client = upstream.tls.as_ref().map(|tls| {
        let options = ServiceTls {
            ca: files.ca.as_ref(),
            spiffe_id: tls.spiffe_id.as_deref(),
            certificates: &files.certificates,
            http2,
        };
        Ok::<_, AssemblyError>((proxy::client_tls(&options)?, tls.server_name.as_deref()))
    });
    let client = client.transpose()?;
    let endpoints = upstream.endpoints.iter().map(|endpoint| {
        let (host, authority) = match &endpoint.at {
            At::Address(address) => (address.ip().to_string(), address.to_string()),
            At::Name(host, port) => (host.clone(), format!("{host}:{port}")),
            At::Socket(_) => ("localhost".to_owned(), "localhost".to_owned()),
        };
        let tls = client.as_ref().filter(|_| endpoint.tls).map(|(config, name)| {
            let name = name.unwrap_or(&host);
            let name = ServerName::try_from(name.to_owned())
                .map_err(|_| AssemblyError::ServerName(name.to_owned()))?;
            Ok::<_, AssemblyError>(EndpointTls { config: Arc::clone(config), name })
        });
        let dial = Dial { at: endpoint.at.clone(), authority, tls: tls.transpose()?, http2 };
        Ok(EndpointOptions { dial, weight: endpoint.weight })
    });
    Ok(ServiceOptions {
        name: name.to_owned(),
        endpoints: endpoints.collect::<Result<_, AssemblyError>>()?,
        health: upstream.health.clone(),
        timeouts: upstream.timeouts,
        max_connections: upstream.max_connections,
        caller_share_percent: upstream.caller_share_percent,
        max_pending: upstream.max_pending,
        max_streams: upstream.max_streams,
        slow_start: upstream.slow_start,
        ejection: upstream.ejection,
        retry: upstream.retry.clone(),
    })
}
