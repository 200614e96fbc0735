//! A client of a provider: no more than the calls that show what the provider does.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use testbed::{Reply, client};

use crate::live::browser::Page;

/// A verifier and its S256 challenge (RFC 7636, appendix B).
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Sends `form` to `path` with more `headers`, each with its line end.
pub(super) fn post(
    address: SocketAddr,
    path: &str,
    headers: &str,
    form: &[(&str, &str)],
) -> Result<Reply> {
    let form = encoded(form);
    client::ask(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    )
}

/// Fetches `path` with `token`.
pub(super) fn get(address: SocketAddr, path: &str, token: &str) -> Result<Value> {
    let reply = client::ask(
        address,
        &format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Accept: application/json\r\nUser-Agent: live-test\r\nConnection: close\r\n\r\n"
        ),
    )?;
    ensure!(reply.status == 200, "{path}: {} {}", reply.status, reply.text());
    Ok(serde_json::from_str(&reply.text())?)
}

/// The header that authenticates a client by HTTP Basic.
pub(super) fn basic(id: &str, secret: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{id}:{secret}")))
}

/// As a form and as a query: everything escaped but letters, digits and `-._~`.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    fields.join("&")
}

/// What the URL of `page` says of `name`, as it is written there.
pub(super) fn answer(page: &Page, name: &str) -> Result<String> {
    let query = page.url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let mut fields = query.split('&').filter_map(|field| field.split_once('='));
    let found = fields.find(|(key, _)| *key == name);
    found.map(|(_, value)| value.to_owned()).with_context(|| format!("no `{name}`:\n{page}"))
}

/// The text at `key` of what was answered.
pub(super) fn text(answer: &Value, key: &str) -> Result<String> {
    let found = answer.get(key).and_then(Value::as_str).map(str::to_owned);
    found.with_context(|| format!("no `{key}` in {answer}"))
}

/// What a token says; nothing is verified.
pub(super) fn claims(token: &str) -> Result<Value> {
    let payload = token.split('.').nth(1).context("expected a JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// Expects `answer` to say `expected` at each of these keys.
pub(super) fn says(answer: &Value, expected: &Value) -> Result<()> {
    for (key, value) in expected.as_object().into_iter().flatten() {
        let found = answer.get(key);
        ensure!(found == Some(value), "`{key}`: expected {value}, got {found:?} in {answer}");
    }
    Ok(())
}
