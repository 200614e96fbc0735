//! Load over TLS: HTTP/1.1, on connections that are kept, or on a new one for each request.
//!
//! What counts as failed is strict. A kept connection that the other side has closed *before* the next request is sent
//! is replaced, as every client does. But a request that was sent and got no byte of an answer has failed, although a
//! client may send it again (RFC 9110 §9.2.2): a door that ends a connection says so in the answer before.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::client::Reply;
use crate::load::{Answers, Load};
use crate::message::{Head, Reader, Unframed};

/// How long an answer may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most requests that one thread sends, so that no load runs on by itself.
const REQUESTS: usize = 1_000_000;

/// Whether connections are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Each connection is used until it ends.
    KeepAlive,
    /// Each request has a connection of its own.
    OneEach,
}

/// Where a load goes, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address.
    pub address: SocketAddr,
    /// The name that is asked for.
    pub name: ServerName<'static>,
    /// Whom it believes.
    pub client: Arc<ClientConfig>,
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection to a front door.
#[derive(Debug)]
pub struct TlsClient {
    reader: Reader<Stream>,
}

impl TlsClient {
    /// Connects, and shakes hands.
    ///
    /// # Errors
    /// When nothing listens there, or it is not believed.
    pub fn connect(target: &Target) -> Result<Self> {
        let mut tcp = TcpStream::connect_timeout(&target.address, PATIENCE)
            .with_context(|| format!("cannot connect to {}", target.address))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        let mut tls = ClientConnection::new(Arc::clone(&target.client), target.name.clone())?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).context("no handshake")?;
        }
        Ok(Self { reader: Reader::new(StreamOwned::new(tls, tcp)) })
    }

    /// Whether the other side has said that it ends the connection, or has ended it.
    fn is_over(&mut self) -> bool {
        let stream = self.reader.stream_mut();
        let looked = stream.sock.set_nonblocking(true).and_then(|()| stream.read(&mut [0]));
        let over = !looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        over || stream.sock.set_nonblocking(false).is_err()
    }

    /// The certificate that was shown, in DER.
    #[must_use]
    pub fn certificate(&self) -> Vec<u8> {
        let shown = self.reader.stream().conn.peer_certificates().unwrap_or_default();
        shown.first().map(|leaf| leaf.to_vec()).unwrap_or_default()
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn ask(&mut self, request: &str) -> Result<Reply> {
        let (status, head) = self.head_of(request)?;
        Ok(Reply { status, message: self.reader.body(head, Unframed::ToTheEnd)? })
    }

    /// Asks for a conversation (RFC 9110 §7.8), and tells the status of the answer: 101 when it has begun.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn open(&mut self, request: &str) -> Result<u16> {
        Ok(self.head_of(request)?.0)
    }

    /// Waits until the other side has ended the connection, whatever it sends before.
    ///
    /// # Errors
    /// When nothing comes for a while.
    pub fn until_closed(&mut self) -> Result<()> {
        let stream = self.reader.stream_mut();
        let mut piece = [0; 4096];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if is_silence(&error) => return Err(error).context("nothing comes"),
                // Cut off.
                Err(_) => return Ok(()),
            }
        }
    }

    fn head_of(&mut self, request: &str) -> Result<(u16, Head)> {
        let stream = self.reader.stream_mut();
        stream.write_all(request.as_bytes()).context("the request could not be sent")?;
        stream.flush()?;
        let head = self.reader.head()?.context("closed without an answer")?;
        let status = head.first_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("no status line: `{}`", head.first_line))?;
        Ok((status, head))
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl Load {
    /// Starts `threads` threads that ask what `request` says for their number and their turn, over TLS.
    pub fn over_tls(
        target: &Target,
        manner: Manner,
        threads: usize,
        request: impl Fn(usize, usize) -> String + Send + Sync + 'static,
    ) -> Self {
        let request = Arc::new(request);
        Self::of((0..threads).map(|number| {
            let (target, request) = (target.clone(), Arc::clone(&request));
            move |stopping: &AtomicBool| {
                work(&target, manner, stopping, |turn| request(number, turn))
            }
        }))
    }
}

fn work(
    target: &Target,
    manner: Manner,
    stopping: &AtomicBool,
    request: impl Fn(usize) -> String,
) -> Answers {
    let mut answers = Answers::default();
    let mut kept: Option<TlsClient> = None;
    for turn in 0..REQUESTS {
        if stopping.load(Ordering::SeqCst) {
            break;
        }
        let open = kept.take().and_then(|mut client| (!client.is_over()).then_some(client));
        let mut client = match open.map_or_else(|| TlsClient::connect(target), Ok) {
            Ok(client) => client,
            Err(error) => {
                answers.unconnected(&error);
                continue;
            }
        };
        match client.ask(&request(turn)) {
            Ok(reply) => {
                let closes = reply.field("connection").is_some_and(|value| value == "close");
                answers.answered(&reply);
                kept = (manner == Manner::KeepAlive && !closes).then_some(client);
            }
            Err(error) => answers.unanswered(&error),
        }
    }
    answers
}
