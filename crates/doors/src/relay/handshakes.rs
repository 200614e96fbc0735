//! Connections of whom it is not known yet whether they may ask: few, and not for long. Anybody can open some.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use tokens::Timestamp;
use tokio::task::{AbortHandle, JoinSet};

use super::link::{Line, Link, begin};
use super::listener::Stream;
use super::proxy_tls::ProxyTls;

/// How many there are at a time; the oldest gives way to a further one.
const MOST: usize = 256;

type Begun = io::Result<(Box<dyn Line>, Link)>;

/// The connections of one listener that have only begun.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    under_way: JoinSet<Begun>,
    /// The oldest first.
    order: VecDeque<AbortHandle>,
}

impl Handshakes {
    /// Begins with what a proxy has connected; over TLS if it is said how, and then only as one that may ask at this moment.
    pub(super) fn begin(&mut self, stream: Stream, tls: Option<Arc<ProxyTls>>, now: Timestamp) {
        self.order.retain(|one| !one.is_finished());
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        let begun = self.under_way.spawn(async move {
            let (line, link) = begin(stream, tls.clone()).await?;
            link.may_ask(tls.as_deref(), now).map_err(io::Error::other)?;
            Ok((line, link))
        });
        self.order.push_back(begun);
    }

    /// The next that is over; nothing while there is none under way.
    pub(super) async fn next(&mut self) -> Option<Begun> {
        let ended = self.under_way.join_next().await?;
        Some(ended.unwrap_or_else(|_| Err(io::Error::other("it gave way to a further one"))))
    }
}
