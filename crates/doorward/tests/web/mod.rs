//! A small issuer over real HTTP, and the binary with its output.

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use testbed::message::Reader;
use testbed::{clock, entropy};
use tokens::{Algorithm, SigningKey};

/// An issuer that serves its metadata and its keys. It serves until the test's process ends.
pub(crate) struct Web {
    address: SocketAddr,
    key: SigningKey,
}

impl Web {
    /// One that calls itself by its own URL.
    pub(crate) fn start(algorithm: Algorithm) -> Result<Self> {
        Self::start_as(algorithm, "")
    }

    /// One whose clock stands still.
    pub(crate) fn start_at(algorithm: Algorithm, date: &str) -> Result<Self> {
        Self::serve(algorithm, "", &format!("date: {date}\r\n"))
    }

    /// One that calls itself by its own URL and `suffix`.
    pub(crate) fn start_as(algorithm: Algorithm, suffix: &str) -> Result<Self> {
        Self::serve(algorithm, suffix, "")
    }

    fn serve(algorithm: Algorithm, suffix: &str, fields: &str) -> Result<Self> {
        let fields = fields.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let key = SigningKey::generate(algorithm, &entropy::source())?;
        let url = format!("http://{address}");
        let metadata = json!({
            "issuer": format!("{url}{suffix}"), "jwks_uri": format!("{url}/jwks"),
            "id_token_signing_alg_values_supported": [algorithm.name(), "HS256"],
        });
        let pages = HashMap::from([
            ("/.well-known/openid-configuration".to_owned(), metadata.to_string()),
            ("/jwks".to_owned(), json!({ "keys": [key.public_jwk()] }).to_string()),
        ]);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = Reader::new(stream);
                let Ok(Some(head)) = reader.head() else { continue };
                let page = head.first_line.split(' ').nth(1).and_then(|target| pages.get(target));
                let (status, body) = page.map_or(("404 Not Found", ""), |page| ("200 OK", page));
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = reader.stream().write_all(answer.as_bytes());
            }
        });
        Ok(Self { address, key })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token of this `typ` with the usual claims, and `claims` in place of or beside them; a `null` leaves one out.
    pub(crate) fn token(&self, typ: &str, claims: Value) -> Result<String> {
        let now = clock::epoch_seconds();
        let usual = json!({
            "iss": self.url(), "sub": "alice", "aud": "orders", "client_id": "web", "jti": "1",
            "iat": now, "exp": now + 600,
        });
        let mut all: Map<String, Value> = Map::new();
        for part in [usual, claims] {
            all.extend(part.as_object().cloned().context("expected an object")?);
        }
        all.retain(|_, value| !value.is_null());
        Ok(self.key.sign(typ, &all, &entropy::source())?)
    }
}

/// What the binary did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary in `folder` with `input` on its standard input.
pub(crate) fn run(folder: &std::path::Path, arguments: &[&str], input: &str) -> Result<Ran> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("expected a standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    Ok(Ran {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}
