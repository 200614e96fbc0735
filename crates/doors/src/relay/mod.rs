//! Doors that only decide: a proxy asks about a request, and forwards it itself. It sends on what it has received, so what
//! would have to be changed is refused (`gate::request::Relay`), and the end of a permit ends no stream of the proxy's.

mod ask;
mod ext_authz;
mod forward_auth;
mod serve;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use gate::request::Scheme;
use http::{HeaderMap, Version};
use tokio::time::Instant;

pub use self::forward_auth::Caller;
pub use self::serve::{Asked, serve};

use crate::judge::RequestFacts;
use crate::model::Doorway;
use crate::request_id::{RequestId, RequestIds};
use crate::trace::TraceContext;

/// What all doors that only decide share.
#[derive(Debug)]
struct Desk {
    doorway: Arc<Doorway>,
    ids: RequestIds,
}

impl Desk {
    /// What is known of a question that is about no request.
    fn facts_of_nothing(&self, id: RequestId, began: Instant) -> RequestFacts {
        RequestFacts {
            id,
            trace: TraceContext::of(&HeaderMap::new(), &self.ids, |_| false),
            peer: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            scheme: Scheme::Http,
            version: Version::HTTP_11,
            began,
        }
    }
}
