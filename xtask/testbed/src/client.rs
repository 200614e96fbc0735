//! A raw client: sends exactly the bytes it is given.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::message::{Message, Reader, Unframed};

/// How long an answer may take before a test calls it missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a front door.
#[derive(Debug)]
pub struct Client {
    reader: Reader<TcpStream>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nothing listens at `address`.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { reader: Reader::new(stream) })
    }

    /// Sends `bytes` as they are.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.reader.stream().write_all(bytes)?)
    }

    /// The next final answer, past any interim ones; `None` when the other side closes or resets instead.
    ///
    /// # Errors
    /// When no answer comes within ten seconds, or one that is no HTTP.
    pub fn reply(&mut self) -> Result<Option<Reply>> {
        self.reply_to("GET")
    }

    /// Like [`Client::reply`], to a request with `method`: an answer to HEAD has no body.
    ///
    /// # Errors
    /// As [`Client::reply`].
    pub fn reply_to(&mut self, method: &str) -> Result<Option<Reply>> {
        loop {
            let head = match self.reader.head() {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(None),
                Err(error) if is_reset(&error) => return Ok(None),
                Err(error) => return Err(error.context("no answer came")),
            };
            let status = head
                .first_line
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse::<u16>().ok())
                .with_context(|| format!("expected a status line, got `{}`", head.first_line))?;
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodiless = method == "HEAD" || matches!(status, 101 | 204 | 304);
            let message = if bodiless {
                Message { head, ..Message::default() }
            } else {
                self.reader.body(head, Unframed::ToTheEnd)?
            };
            return Ok(Some(Reply { status, message }));
        }
    }

    /// Closes both ways.
    pub fn close(self) {
        // Closing what the other side has closed already is no failure.
        let _ = self.reader.stream().shutdown(Shutdown::Both);
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its head and body.
    pub message: Message,
}

impl Reply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.message.body).into_owned()
    }

    /// The first value of the field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.message.head.values(name).first().copied()
    }
}

/// Sends one request on a connection of its own and reads its answer.
///
/// # Errors
/// When no answer comes.
pub fn ask(address: SocketAddr, request: &str) -> Result<Reply> {
    let mut client = Client::connect(address)?;
    client.send(request.as_bytes())?;
    client.reply()?.context("the connection was closed without an answer")
}

/// Fetches `path` from `address`.
///
/// # Errors
/// When no answer comes.
pub fn get(address: SocketAddr, path: &str) -> Result<Reply> {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

fn is_reset(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    error.downcast_ref::<std::io::Error>().is_some_and(|error| {
        matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
    })
}
