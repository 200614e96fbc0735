//! The reverse-proxy door: HTTP/1.1 or HTTP/2 in, over TLS or not, and the same out.

mod attempt;
mod body;
mod busyness;
mod certificates;
mod connection;
mod dial;
mod endpoint;
mod forward;
mod handler;
mod health;
mod own;
mod paced;
mod pool;
mod sender;
mod service;
mod service_headers;
mod streams;
mod tls;
mod tunnel;
mod worker;

pub use certificates::{CertificateError, PemFile};
pub use dial::{Dial, EndpointTls};
pub use health::probe;
pub use service::Service;
pub use tls::{ClientCertificates, ServiceTls, TlsError, client_tls, server_tls};
pub use worker::{ProxyLimits, Worker, listen};
