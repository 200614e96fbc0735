//! What is asked at the proxy door and through each proxy, as an attacker would, and where proxies differ.

use super::proxy::Proxy::{self, Caddy, Envoy, Haproxy, Nginx};

pub(super) const GOOD: &str = "Authorization: Bearer {good}";

/// A request that is asked at both.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) target: &'static str,
    /// Header lines below the host's.
    pub(super) lines: &'static [&'static str],
    /// The status through proxies that do not tell what the proxy door does, and why that is.
    pub(super) others: &'static [(Proxy, u16)],
}

pub(super) const fn row(
    name: &'static str,
    target: &'static str,
    lines: &'static [&'static str],
    others: &'static [(Proxy, u16)],
) -> Row {
    Row { name, target, lines, others }
}

/// What could not be changed, or taken out, on the way, is refused.
const REFUSED: &[(Proxy, u16)] = &[(Envoy, 400), (Caddy, 400), (Haproxy, 400), (Nginx, 403)];
/// The same; and Envoy takes out what it is told to.
const NOT_TAKEN_OUT: &[(Proxy, u16)] = &[(Caddy, 400), (Haproxy, 400), (Nginx, 403)];
/// Each takes `Connection` out before anybody reads it, and the identity is put in place after.
const NOT_LISTENED_TO: &[(Proxy, u16)] =
    &[(Envoy, 200), (Caddy, 200), (Haproxy, 200), (Nginx, 200)];

pub(super) const TABLE: [Row; 35] = [
    PLAIN,
    row("cookies", "/orders/7", &[GOOD, "Cookie: a=1; b=2"], &[]),
    row(
        "a session among cookies",
        "/orders/7",
        &[GOOD, "Cookie: a=1; __Host-doorward=secret; b=2"],
        &[],
    ),
    row("a session alone", "/orders/7", &[GOOD, "Cookie: __Host-doorward=secret"], &[]),
    row("a session and no token", "/orders/7", &["Cookie: __Host-doorward=secret"], &[]),
    row("a query stays as it is", "/orders/7?a=%7e&b=%2F..", &[GOOD], &[]),
    row("no token", "/orders/7", &[], &[]),
    row("a token without the scope", "/orders/7", &["Authorization: Bearer {weak}"], &[]),
    row("a token of nobody's", "/orders/7", &["Authorization: Bearer {stranger}"], &[]),
    row("no token at all", "/orders/7", &["Authorization: Bearer x"], &[]),
    // nginx refuses it before it asks.
    row("two tokens", "/orders/7", &[GOOD, GOOD], &[(Nginx, 400)]),
    row(
        "two tokens in one line",
        "/orders/7",
        &["Authorization: Bearer {good}, Bearer {good}"],
        REFUSED,
    ),
    row("an identity header", "/orders/7", &[GOOD, "X-Forwarded-User: root"], &[]),
    row("a signed identity", "/orders/7", &[GOOD, "Doorward-Identity: a.b.c"], &[]),
    // Caddy and nginx drop names with an underscore before anybody reads them.
    row(
        "a twin of an identity header",
        "/orders/7",
        &[GOOD, "X_Forwarded_User: root"],
        &[(Caddy, 200), (Nginx, 200)],
    ),
    row("a dot segment", "/orders/%2e%2e/bills/7", &[GOOD], &[]),
    row("a plain dot segment", "/orders/../bills/7", &[GOOD], &[]),
    row("an escaped slash", "/orders/a%2Fb", &[GOOD], &[]),
    row("an empty segment", "/orders//7", &[GOOD], &[]),
    row("an escape of a digit", "/orders/%37", &[GOOD], REFUSED),
    row(
        "header lines of one name",
        "/orders/7",
        &[GOOD, "X-Team: a", "X-Team: b", "X-Team: a, c"],
        &[],
    ),
    row(
        "a header that names another target",
        "/orders/7",
        &[GOOD, "X-Original-URL: /bills/7"],
        NOT_TAKEN_OUT,
    ),
    // Caddy asks in others: to it, the first two are the caller's alone.
    row(
        "headers in which proxies ask",
        "/orders/7",
        &[
            GOOD,
            "X-Original-URI: /bills/7",
            "X-Original-For: 192.0.2.9",
            "X-Forwarded-Uri: /bills/7",
        ],
        &[(Caddy, 400)],
    ),
    row(
        "what says where it comes from",
        "/orders/7",
        &[
            GOOD,
            "Forwarded: for=192.0.2.9;host=bills.test",
            "X-Forwarded-For: 192.0.2.9",
            "X-Forwarded-Host: bills.test",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Port: 443",
            "X-Real-IP: 192.0.2.9",
            "X-Client-IP: 192.0.2.9",
            "True-Client-IP: 192.0.2.9",
        ],
        &[],
    ),
    // HAProxy passes such names on.
    row(
        "twins of what says where it comes from",
        "/orders/7",
        &[GOOD, "X_Forwarded_For: 192.0.2.9", "X_Real_IP: 192.0.2.9"],
        &[(Haproxy, 400)],
    ),
    row(
        "another's certificate",
        "/orders/7",
        &[GOOD, "X-Forwarded-Client-Cert: URI=spiffe://corp/root"],
        NOT_TAKEN_OUT,
    ),
    row("nowhere", "/nothing", &[GOOD], &[]),
    row(
        "headers of another proxy",
        "/nothing",
        &[GOOD, "X-Forwarded-For: 192.0.2.9", "X-Forwarded-Uri: /orders/7"],
        &[],
    ),
    row("a target with its host", "http://orders.test/orders/7", &[GOOD], &[]),
    // Caddy and Envoy go by the target, and nginx by the header: each asks about the one that it passes on.
    row(
        "a target with another host",
        "http://bills.test/orders/7",
        &[GOOD],
        &[(Caddy, 404), (Envoy, 404), (Nginx, 200)],
    ),
    // Envoy joins them, which makes none that is a host.
    row("two hosts", "/orders/7", &[GOOD, "Host: bills.test"], &[(Envoy, 400), (Nginx, 400)]),
    row(
        "white space before a colon",
        "/orders/7",
        &[GOOD, "X-Team : a"],
        &[(Envoy, 400), (Nginx, 400)],
    ),
    row(
        "a connection that takes out the identity",
        "/orders/7",
        &[GOOD, "Connection: X-Forwarded-User"],
        NOT_LISTENED_TO,
    ),
    row(
        "an upgrade to what nobody judges",
        "/orders/7",
        &[
            GOOD,
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ],
        NOT_TAKEN_OUT,
    ),
    row(
        "a WebSocket where there is none",
        "/orders/7",
        &[
            GOOD,
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
        REFUSED,
    ),
];

pub(super) const PLAIN: Row = row("a token that opens it", "/orders/7", &[GOOD], &[]);
