//! How TLS is spoken at the doors.

use std::sync::Arc;

use doors::proxy::{ClientCertificates, Obtained, ServerTls};
use doors::relay::ProxyTls;

use super::AssemblyError;
use super::upstream::pem_files;
use crate::config::{AskingDoor, Https};

/// With callers, whose certificates these authorities (in DER) vouch for.
pub(super) fn server_tls(
    https: &Https,
    authorities: Vec<Vec<u8>>,
    obtained: Option<Arc<Obtained>>,
) -> Result<ServerTls, AssemblyError> {
    let files = pem_files(&https.certificates)?;
    let required = https.client_certificates_required;
    let clients = ClientCertificates { authorities, required };
    Ok(ServerTls::new(&files, &clients, obtained)?)
}

/// With proxies that ask at a door, over HTTP/2 or HTTP/1.1; nothing where it is not spoken.
pub(super) fn proxy_tls(
    door: Option<&AskingDoor>,
    http2: bool,
) -> Result<Option<Arc<ProxyTls>>, AssemblyError> {
    let Some(tls) = door.and_then(|door| door.tls.as_ref()) else { return Ok(None) };
    let files = pem_files(&tls.certificates)?;
    let tls = ProxyTls::new(&files, tls.profile.clone(), tls.proxies.clone(), http2)?;
    Ok(Some(Arc::new(tls)))
}
