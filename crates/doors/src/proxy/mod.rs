//! The reverse-proxy door: HTTP/1.1 or HTTP/2 in, over TLS or not, and the same out.

mod answered;
mod attempt;
mod body;
mod busyness;
mod certificates;
mod connection;
mod dial;
mod endpoint;
mod exchange;
mod failure;
mod forward;
mod grpc_health;
mod handler;
mod health;
mod names;
mod own;
mod paced;
mod pool;
pub(crate) mod proxy_protocol;
mod sender;
mod service;
mod service_headers;
mod spiffe;
mod streams;
mod tls;
mod tunnel;
mod worker;

pub use certificates::{CertificateError, PemFile};
pub use dial::{At, Dial, EndpointTls};
pub use grpc_health::MAX_GRPC_SERVICE_BYTES;
pub use health::probe;
pub use names::{Names, NamesError, follow_names};
pub use service::{EndpointStanding, Service};
pub use tls::{ClientCertificates, ServiceTls, TlsError, client_tls, server_tls};
pub use worker::{ProxyLimits, Worker, listen};
