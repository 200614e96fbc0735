//! From a service's configuration to how the proxy reaches it.

use std::path::PathBuf;
use std::sync::Arc;

use doors::ServiceOptions;
use doors::proxy::{self, Dial, EndpointTls, PemFile, ServiceTls};
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
        let options =
            ServiceTls { ca: files.ca.as_ref(), certificates: &files.certificates, http2 };
        Ok::<_, AssemblyError>((proxy::client_tls(&options)?, tls.server_name.as_deref()))
    });
    let client = client.transpose()?;
    let endpoints = upstream.endpoints.iter().map(|endpoint| {
        let host = endpoint.host.clone();
        let tls = client.as_ref().filter(|_| endpoint.tls).map(|(config, name)| {
            let name = name.unwrap_or(host.trim_matches(['[', ']']));
            let name = ServerName::try_from(name.to_owned())
                .map_err(|_| AssemblyError::ServerName(name.to_owned()))?;
            Ok::<_, AssemblyError>(EndpointTls { config: Arc::clone(config), name })
        });
        Ok(Dial { tls: tls.transpose()?, host, port: endpoint.port, http2 })
    });
    Ok(ServiceOptions {
        name: name.to_owned(),
        endpoints: endpoints.collect::<Result<_, AssemblyError>>()?,
        health: upstream
            .health
            .as_ref()
            .map(|health| (health.path.clone(), health.every, health.timeout)),
        connect_timeout: upstream.connect_timeout,
        first_byte_timeout: upstream.first_byte_timeout,
        idle_timeout: upstream.idle_timeout,
        max_connections: upstream.max_connections,
        max_pending: upstream.max_pending,
    })
}
