//! The reverse-proxy door: HTTP/1.1 in, HTTP/1.1 out.

mod body;
mod connection;
mod endpoint;
mod forward;
mod handler;
mod health;
mod own;
mod paced;
mod pool;
mod service;
mod service_headers;
mod worker;

pub use health::probe;
pub use service::Service;
pub use worker::{ProxyLimits, Worker, listen};
