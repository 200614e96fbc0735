//! `doorward health`.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::fail;
use super::printed;

/// Ask a running process whether it is alive; for containers and supervisors.
#[derive(Debug, Args)]
#[command(after_help = GUIDE)]
pub(super) struct Health {
    /// Where to ask: what its configuration has as `listen.admin`.
    #[arg(default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// Ask whether it is ready, and print what it says.
    #[arg(long)]
    ready: bool,
}

const GUIDE: &str = "\
Examples:
  doorward health                          exits with 0 if it is alive
  doorward health --ready                  exits with 0 if requests flow
  doorward health --ready 10.0.0.7:9901    elsewhere

Restart what is not alive; send no requests to what is not ready, and do not restart it.";

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How much of the answer is read.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

impl Health {
    pub(super) fn run(self) -> ExitCode {
        let path = if self.ready { "/readyz" } else { "/healthz" };
        match ask(self.admin, path) {
            Ok((good, text)) => {
                printed(format_args!("{text}"));
                if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => {
                fail(&format!("no answer from `{}` (`listen.admin`): {error}", self.admin))
            }
        }
    }
}

/// Whether the answer is 200, and what it says.
fn ask(admin: SocketAddr, path: &str) -> io::Result<(bool, String)> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {admin}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) =
        answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("it is no answer of HTTP"))?;
    Ok((head.split(' ').nth(1) == Some("200"), body.to_owned()))
}
