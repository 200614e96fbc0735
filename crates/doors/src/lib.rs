//! Front doors: they turn bytes into one canonical request, ask the gate, record what it said, and forward only with
//! the permit that it gave.
//!
//! ```text
//! proxy        ──┐              ┌─▶ forward, or answer what is asked of the service inside (AuthZEN)
//! ext_authz    ──┼─▶ judge ─▶ Permit
//! forward_auth ──┘              └─▶ what the proxy that asks may tell its service
//! ```
//! No door has a check of its own: what is not in [`judge`] is not checked.

mod answer;
mod at_hand;
pub mod authzen;
mod crowd;
pub mod fuzz;
mod header_values;
mod identity_headers;
mod in_flight;
mod judge;
mod metrics;
mod model;
mod page;
pub mod proxy;
mod rates;
mod recording;
pub mod relay;
mod request_id;
mod service_options;
mod signed_identity;
mod telling;
mod trace;

pub use crowd::Crowd;
pub use in_flight::FinishedRequest;
pub use metrics::Metrics;
pub use model::{Doorway, Model, TraceSink};
pub use rates::Rates;
pub use request_id::RequestIds;
pub use service_options::{
    Ejection, EndpointOptions, Health, HealthCheck, Retry, RouteTimeouts, ServiceOptions, Timeouts,
};
pub use signed_identity::{IDENTITY_TYP, IdentitySigner};
pub use telling::Telling;
pub use trace::TraceContext;
