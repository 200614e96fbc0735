//! Doors that only decide: a proxy asks about a request, and forwards it itself. It sends on what it has received, so what
//! would have to be changed is refused (`gate::request::Relay`), and the end of a permit ends no stream of the proxy's.

mod ask;
pub(crate) mod ext_authz;
pub(crate) mod forward_auth;
mod handshakes;
mod link;
mod listener;
mod proxy_tls;
mod serve;
pub(crate) mod told;

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use gate::Answer;
use gate::request::Scheme;
use http::{HeaderMap, StatusCode, Version};
use tokio::time::Instant;

pub use self::forward_auth::{Asking, Caller};
pub use self::listener::Listener;
pub use self::proxy_tls::ProxyTls;
pub use self::serve::{Asked, CONNECTIONS, serve};

use self::ask::{Granted, ask};
use self::proxy_tls::Unknown;
use self::told::Told;
use crate::answer::Manner;
use crate::judge::RequestFacts;
use crate::model::Doorway;
use crate::recording::{Unread, record_unread};
use crate::request_id::{RequestId, RequestIds};
use crate::trace::TraceContext;

/// What all doors that only decide share.
#[derive(Debug)]
struct Desk {
    doorway: Arc<Doorway>,
    ids: RequestIds,
}

/// What a proxy is told of a request.
struct Verdict {
    id: RequestId,
    /// In which words its caller is answered.
    manner: Manner,
    granted: Result<Granted, Answer>,
}

impl Desk {
    /// Judges the request that a proxy tells of at `door`. What tells of none is on record, and does not go on.
    async fn judge(
        &self,
        door: &'static str,
        told: Result<Told, impl Display>,
        began: Instant,
    ) -> Verdict {
        let told = match told {
            Ok(told) => told,
            Err(error) => {
                let reason = format!("what was asked about is no request: {error}");
                let id = self.unread(door, reason, began).await;
                let detail = "what the proxy asked about is no request";
                let answer = Answer::new(StatusCode::BAD_REQUEST, "Bad Request", detail);
                return Verdict { id, manner: Manner::Problem, granted: Err(answer) };
            }
        };
        let id = self.ids.next(self.doorway.now());
        let facts = RequestFacts {
            id,
            trace: TraceContext::of(&told.headers, &self.ids, |id| self.doorway.traces.samples(id)),
            peer: told.peer,
            scheme: told.scheme,
            version: told.version,
            began,
        };
        let granted = ask(&self.doorway, &told.raw(door), facts).await;
        Verdict { id, manner: Manner::of(told.version, &told.headers), granted }
    }

    /// Puts on record that something was asked by a proxy that may not ask, under the id that this gives.
    async fn unknown(&self, door: &'static str, why: &Unknown, began: Instant) -> RequestId {
        self.unread(door, format!("a proxy that may not ask: {why}"), began).await
    }

    /// Puts on record that something was asked which is no request, under the id that this gives.
    async fn unread(&self, door: &'static str, reason: String, began: Instant) -> RequestId {
        let id = self.ids.next(self.doorway.now());
        let facts = RequestFacts {
            id,
            trace: TraceContext::of(&HeaderMap::new(), &self.ids, |_| false),
            peer: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            scheme: Scheme::Http,
            version: Version::HTTP_11,
            began,
        };
        record_unread(&self.doorway, &facts, door, Unread::told(reason)).await;
        id
    }
}
